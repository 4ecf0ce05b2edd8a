// The SQLite table of one generation of a shard's records:
//
//   log_<generation>   id            first index × 8 + part; a body over several rows has parts
//                      segment       number of the segment, or null for a chunk of the tail
//                      count, first_ms, last_ms, last_ordinal, bytes      what places it
//                      body
//
// The table only stores and reads; log.ts decides what is written, and checks what is read.
import { concatBytes } from "../codec/bytes.ts";
import { rowBodyBytesMax } from "../limits.ts";
import type { MeteredSql } from "./sql.ts";

/** A row id has room for this many parts of one body. */
const bodyParts = 8;

/** A run of records that is stored as one body. */
export interface LogEntry {
  firstIndex: number;
  count: number;
  firstMs: number;
  lastMs: number;
  /** Ordinal of the last record within its millisecond. */
  lastOrdinal: number;
  /** 0 if the row is missing. */
  bytes: number;
  /** Its number if it is sealed. */
  segment: number | undefined;
}

type LogRow = {
  id: number;
  segment: number | null;
  count: number;
  first_ms: number;
  last_ms: number;
  last_ordinal: number;
  bytes: number;
};

export class LogTable {
  /** Rows of the table, those of parts and those that are unused included. */
  rowCount = 0;
  private readonly sql: MeteredSql;
  private readonly generation: number;
  private readonly name: string;

  constructor(sql: MeteredSql, generation: number) {
    this.sql = sql;
    this.generation = generation;
    this.name = tableOf(generation);
  }

  static create(sql: MeteredSql, generation: number): void {
    sql.run(
      `CREATE TABLE ${tableOf(generation)} (
         id INTEGER PRIMARY KEY,
         segment INTEGER,
         count INTEGER NOT NULL,
         first_ms INTEGER NOT NULL,
         last_ms INTEGER NOT NULL,
         last_ordinal INTEGER NOT NULL,
         bytes INTEGER NOT NULL,
         body BLOB NOT NULL
       )`,
    );
  }

  static drop(sql: MeteredSql, generation: number): void {
    sql.run(`DROP TABLE IF EXISTS ${tableOf(generation)}`);
  }

  /** All entries by first index; a chunk that a segment has replaced may still have its row. */
  entries(): LogEntry[] {
    const rows = this.sql.rows<LogRow>(
      `SELECT id, segment, count, first_ms, last_ms, last_ordinal, bytes
       FROM ${this.name} ORDER BY id`,
    );
    this.rowCount = rows.length;
    return rows.filter(({ id }) => id % bodyParts === 0).map(entryOf);
  }

  /** The bytes that start at `firstIndex`, not verified. */
  body(firstIndex: number): Uint8Array {
    return readBody(this.sql, this.generation, firstIndex);
  }

  /** Writes a body, over several rows if it is large. An empty one has a row too. */
  insert(entry: LogEntry, body: Uint8Array): void {
    this.write(entry, body, "INSERT");
  }

  /** As `insert`; a row of the same first index is replaced. */
  replace(entry: LogEntry, body: Uint8Array): void {
    this.write(entry, body, "INSERT OR REPLACE");
  }

  /** Stores the segment number of a body that stays as it is. */
  setSegment({ firstIndex, segment }: LogEntry): void {
    const id = firstIndex * bodyParts;
    this.sql.run(`UPDATE ${this.name} SET segment = ? WHERE id = ?`, segment ?? null, id);
  }

  private write(entry: LogEntry, body: Uint8Array, verb: string): void {
    for (let part = 0, at = 0; at < Math.max(body.length, 1); part++, at += rowBodyBytesMax) {
      this.sql.run(
        `${verb} INTO ${this.name} VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        entry.firstIndex * bodyParts + part,
        entry.segment ?? null,
        entry.count,
        entry.firstMs,
        entry.lastMs,
        entry.lastOrdinal,
        entry.bytes,
        body.subarray(at, at + rowBodyBytesMax),
      );
      this.rowCount++;
    }
  }
}

/** The bytes that start at `firstIndex` in a generation's table, not verified. */
export function readBody(sql: MeteredSql, generation: number, firstIndex: number): Uint8Array {
  const id = firstIndex * bodyParts;
  const parts = sql.rows<{ body: ArrayBuffer }>(
    `SELECT body FROM ${tableOf(generation)} WHERE id >= ? AND id < ? ORDER BY id`,
    id,
    id + bodyParts,
  );
  const only = parts.length === 1 ? parts[0] : undefined;
  if (only !== undefined) return new Uint8Array(only.body);
  return concatBytes(parts.map((part) => new Uint8Array(part.body)));
}

function entryOf(row: LogRow): LogEntry {
  return {
    firstIndex: row.id / bodyParts,
    count: row.count,
    firstMs: row.first_ms,
    lastMs: row.last_ms,
    lastOrdinal: row.last_ordinal,
    bytes: row.bytes,
    segment: row.segment ?? undefined,
  };
}

function tableOf(generation: number): string {
  return `log_${generation}`;
}
