// The records that a tail has brought: the newest of them, with what a row shows. Old ones make
// room, and are counted.
import { base64Bytes, fromBase64 } from "./decode/base64.ts";
import type { TailedRecord } from "./tail.ts";
import { shardIndex } from "../shards/lineage.ts";

export interface Row {
  /** Counts the records that arrived in this tail. */
  number: number;
  record: TailedRecord;
  shard: number;
  dataBytes: number;
  /** The beginning of the data as text; made when the row is first shown. */
  preview?: string;
}

const rowsMax = 20_000;
const previewBytes = 180;

export class RecordBuffer {
  rows: Row[] = [];
  /** How many rows were dropped at the beginning. */
  dropped = 0;
  arrivedBytes = 0;

  get arrived(): number {
    return this.dropped + this.rows.length;
  }

  add(records: readonly TailedRecord[]): void {
    for (const record of records) {
      const dataBytes = base64Bytes(record.Data);
      this.arrivedBytes += dataBytes;
      this.rows.push({
        number: this.arrived,
        record,
        shard: shardIndex(record.shardId),
        dataBytes,
      });
    }
    // Cut seldom: cutting copies.
    if (this.rows.length > rowsMax * 1.25) {
      const excess = this.rows.length - rowsMax;
      this.rows = this.rows.slice(excess);
      this.dropped += excess;
    }
  }

  clear(): void {
    this.rows = [];
    this.dropped = 0;
    this.arrivedBytes = 0;
  }
}

const decoder = new TextDecoder();

/** One line; bytes that are not text appear as dots. */
export function previewOf(row: Row): string {
  if (row.preview === undefined) {
    const length = Math.floor(previewBytes / 3) * 4;
    const text = decoder.decode(fromBase64(row.record.Data.slice(0, length)));
    // oxlint-disable-next-line no-control-regex
    row.preview = text.replace(/[\u0000-\u001f\u007f\ufffd]+/g, "·");
  }
  return row.preview;
}
