// The tail of a shard in SQLite: chunks that are durable but not sealed yet, one row each. A row's id is
// eight times the chunk's first index plus the part, so that rows are in record order, the newest is
// found in one step, and a body too large for a row takes several. The tail's index and its most
// recent bodies are kept in memory; both are derived from the rows and can be dropped at any time.
import { rowBodyBytesMax, tailCacheBytesMax } from "../limits.ts";
import { StreamError } from "../errors.ts";
import { readHeader, verifyChunk } from "./chunk.ts";

/** A row id has room for this many parts of one chunk. */
const PARTS = 8;

/** A chunk of the tail. Its records share one arrival time: they were committed together. */
export interface TailEntry {
  firstIndex: number;
  count: number;
  timeMs: number;
  timeOrdinal: number;
  bytes: number;
  /** The chunk, while it is cached. */
  body: Uint8Array | undefined;
}

/** The columns beside a body: what places it, so that recovery reads no body. */
type TailRow = {
  id: number;
  count: number;
  time_ms: number;
  time_ordinal: number;
  bytes: number;
};

export class Tail {
  readonly entries: TailEntry[] = [];
  bytes = 0;
  private readonly sql: SqlStorage;
  private readonly table: string;
  private cachedBytes = 0;
  /** Entries before this one have no cached body. */
  private cachedFrom = 0;

  /** The tail that will become segment `segment`; its table is made when it is not there. */
  constructor(sql: SqlStorage, segment: number) {
    this.sql = sql;
    this.table = `tail_${segment}`;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS ${this.table} (
         id INTEGER PRIMARY KEY,
         count INTEGER NOT NULL,
         time_ms INTEGER NOT NULL,
         time_ordinal INTEGER NOT NULL,
         bytes INTEGER NOT NULL,
         body BLOB NOT NULL
       )`,
    );
    this.recover();
  }

  /** Writes chunks; `admit` shows them to readers once they are durable. Returns rows written. */
  insert(chunks: readonly Uint8Array[]): number {
    let rows = 0;
    for (const chunk of chunks) {
      const { firstIndex, count, timeMs, timeOrdinal, bytes } = readHeader(chunk);
      for (let part = 0; part * rowBodyBytesMax < bytes; part++) {
        const cursor = this.sql.exec(
          `INSERT INTO ${this.table} VALUES (?, ?, ?, ?, ?, ?)`,
          firstIndex * PARTS + part,
          count,
          timeMs,
          timeOrdinal,
          bytes,
          chunk.subarray(part * rowBodyBytesMax, (part + 1) * rowBodyBytesMax),
        );
        rows += cursor.rowsWritten;
      }
    }
    return rows;
  }

  /** Shows durable chunks to readers. */
  admit(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      const { firstIndex, count, timeMs, timeOrdinal, bytes } = readHeader(chunk);
      this.push({ firstIndex, count, timeMs, timeOrdinal, bytes, body: chunk });
      this.cachedBytes += bytes;
    }
    while (this.cachedBytes > tailCacheBytesMax && this.cachedFrom < this.entries.length) {
      const entry = this.entries[this.cachedFrom++] as TailEntry;
      if (entry.body !== undefined) this.cachedBytes -= entry.bytes;
      entry.body = undefined;
    }
  }

  /** Position of the entry that holds `index`, or of the first one after it. */
  find(index: number): number {
    return this.lowest((entry) => entry.firstIndex + entry.count > index);
  }

  /** Position of the first entry with a record that arrived at `timeMs` or later. */
  findTime(timeMs: number): number {
    return this.lowest((entry) => entry.timeMs >= timeMs);
  }

  /** The verified chunk of an entry. Throws `corrupt`. */
  load(entry: TailEntry): Uint8Array {
    if (entry.body !== undefined) return entry.body;
    const id = entry.firstIndex * PARTS;
    const parts = this.sql
      .exec<{ body: ArrayBuffer }>(
        `SELECT body FROM ${this.table} WHERE id >= ? AND id < ? ORDER BY id`,
        id,
        id + PARTS,
      )
      .toArray();
    const chunk = joinParts(parts.map((part) => part.body));
    try {
      verifyChunk(chunk);
    } catch (error) {
      const what = error instanceof StreamError ? (error.detail["what"] ?? "") : "";
      throw new StreamError("corrupt", { what, table: this.table, index: entry.firstIndex });
    }
    return chunk;
  }

  private recover(): void {
    const rows = this.sql.exec<TailRow>(
      `SELECT id, count, time_ms, time_ordinal, bytes FROM ${this.table} ORDER BY id`,
    );
    for (const row of rows) {
      if (row.id % PARTS !== 0) continue;
      this.push({
        firstIndex: row.id / PARTS,
        count: row.count,
        timeMs: row.time_ms,
        timeOrdinal: row.time_ordinal,
        bytes: row.bytes,
        body: undefined,
      });
    }
    this.cachedFrom = this.entries.length;
  }

  private push(entry: TailEntry): void {
    this.entries.push(entry);
    this.bytes += entry.bytes;
  }

  private lowest(holds: (entry: TailEntry) => boolean): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(this.entries[middle] as TailEntry)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function joinParts(parts: ArrayBuffer[]): Uint8Array {
  if (parts.length === 1) return new Uint8Array(parts[0] as ArrayBuffer);
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return bytes;
}
