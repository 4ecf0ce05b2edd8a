// A batch of records to put, in the form that the engine packs: rows of lengths, and the bytes of
// all records one after the other. Every dialect and encoding turns its body into a batch once.
// Later code does not look at single records.
import { concatBytes } from "../codec/bytes.ts";

/** A record as a producer gives it; empty key or info means none. */
export interface RecordInput {
  key: Uint8Array;
  info: Uint8Array;
  data: Uint8Array;
}

export interface RecordPut extends RecordInput {
  /** 16 bytes that route the record instead of its key's MD5. */
  hash?: Uint8Array | undefined;
  /** Index of the shard for the record, whatever its key. */
  shard?: number | undefined;
}

/** u32 fields of a row: bytes of key, info and data, and the index of its shard plus one, or 0. */
export const PACK_ROW = 4;
export const HASH_BYTES = 16;
const U32_MAX = 2 ** 32 - 1;

export interface RecordBatch {
  count: number;
  /** PACK_ROW fields for each record. */
  rows: Uint32Array;
  /** Key, info and data of each record. */
  payload: Uint8Array;
  /** Hashes by the record's number; records without one are routed by their keys. */
  hashes?: readonly (Uint8Array | undefined)[] | undefined;
}

/** Payload bytes of record `i`. */
export function recordBytes({ rows }: RecordBatch, i: number): number {
  const row = i * PACK_ROW;
  return rows[row]! + rows[row + 1]! + rows[row + 2]!;
}

export function batchOf(records: readonly RecordPut[]): RecordBatch {
  const rows = new Uint32Array(records.length * PACK_ROW);
  let bytes = 0;
  for (const [i, { key, info, data, shard }] of records.entries()) {
    const row = i * PACK_ROW;
    rows[row] = key.length;
    rows[row + 1] = info.length;
    rows[row + 2] = data.length;
    rows[row + 3] = shard === undefined ? 0 : Math.min(shard + 1, U32_MAX);
    bytes += key.length + info.length + data.length;
  }
  const payload = new Uint8Array(bytes);
  let at = 0;
  for (const { key, info, data } of records) {
    payload.set(key, at);
    payload.set(info, at + key.length);
    payload.set(data, at + key.length + info.length);
    at += key.length + info.length + data.length;
  }
  const isHashed = records.some(({ hash }) => hash !== undefined);
  const hashes = isHashed ? records.map(({ hash }) => hash) : undefined;
  return { count: records.length, rows, payload, hashes };
}

/** The batch of the records in `which`, in its order. */
export function selectBatch(records: RecordBatch, which: readonly number[]): RecordBatch {
  const starts = startsOf(records);
  const rows = new Uint32Array(which.length * PACK_ROW);
  for (const [at, i] of which.entries()) {
    rows.set(records.rows.subarray(i * PACK_ROW, (i + 1) * PACK_ROW), at * PACK_ROW);
  }
  const payload = concatBytes(which.map((i) => records.payload.subarray(starts[i], starts[i + 1])));
  return { count: which.length, rows, payload, hashes: which.map((i) => records.hashes?.[i]) };
}

/**
 * Divides the records, in order, into runs with a maximum of records and bytes; `columnBytes` per
 * record are added to its payload. A record that is larger is a run by itself. Nothing is copied.
 */
export function* partsOf(
  records: RecordBatch,
  countMax: number,
  bytesMax: number,
  columnBytes: number,
): Generator<RecordBatch & { first: number }> {
  const { count, rows, payload, hashes } = records;
  let first = 0;
  let start = 0;
  let at = 0;
  const run = (to: number): RecordBatch & { first: number } => ({
    first,
    count: to - first,
    rows: rows.subarray(first * PACK_ROW, to * PACK_ROW),
    payload: payload.subarray(start, at),
    hashes: hashes?.slice(first, to),
  });
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const more = recordBytes(records, i) + columnBytes;
    if (i > first && (bytes + more > bytesMax || i - first === countMax)) {
      yield run(i);
      first = i;
      start = at;
      bytes = 0;
    }
    bytes += more;
    at += more - columnBytes;
  }
  if (count > first) yield run(count);
}

/** The start of each record's payload, and the end of the last one. */
function startsOf(records: RecordBatch): number[] {
  const starts = [0];
  for (let i = 0, at = 0; i < records.count; i++) {
    at += recordBytes(records, i);
    starts.push(at);
  }
  return starts;
}
