// The SQLite table of one generation of a shard's records:
//
//   log_<generation>   id            first index × 8 + part; a body over several rows has parts
//                      segment       number of the segment, or null for a chunk of the tail
//                      count, first_ms, last_ms, last_ordinal, bytes      what places it
//                      writers       what the commit changed about the writers, or null: writers.ts
//                      body          last, so that the other columns are read without it; of a staged
//                                    body the header, and the id by which the bucket has the rest
//
// The table only stores and reads; log.ts decides what is written, and checks what is read.
import { concatBytes, utf8 } from "../codec/bytes.ts";
import { CHUNK_HEADER_BYTES } from "../engine/chunk.ts";
import { invariant } from "../errors.ts";
import { rowBodyBytesMax } from "../limits.ts";
import type { MeteredSql } from "../core/meteredSql.ts";

/** A row id has room for this many parts of one body. */
const bodyParts = 8;

const ascii = new TextDecoder();

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
  /** False in a table of 0.1.0, until a row needs the column. */
  private hasWriters: boolean;

  constructor(sql: MeteredSql, generation: number) {
    this.sql = sql;
    this.generation = generation;
    this.name = tableOf(generation);
    this.hasWriters = hasColumn(sql, this.name, "writers");
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
         writers TEXT,
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

  /** What the row of a staged body has of it; undefined for any other row. */
  staged(entry: LogEntry): StagedRow | undefined {
    return stagedIn(this.sql, this.generation, entry);
  }

  /** Writes a body, over several rows if it is large. An empty one has a row too. */
  insert(entry: LogEntry, body: Uint8Array, writers?: string): void {
    if (writers !== undefined && !this.hasWriters) this.addWriters();
    this.write(entry, body, "INSERT", writers);
  }

  /**
   * As `insert`; a row of the same first index is replaced, but for what it says of the writers.
   */
  replace(entry: LogEntry, body: Uint8Array): void {
    this.write(entry, body, "INSERT OR REPLACE");
  }

  /** What the commits of this generation have changed about the writers, in order. */
  writersChanges(): string[] {
    if (!this.hasWriters) return [];
    const query = `SELECT writers FROM ${this.name} WHERE writers IS NOT NULL ORDER BY id`;
    return this.sql.rows<{ writers: string }>(query).map(({ writers }) => writers);
  }

  /** Stores the segment number of a body that stays as it is. */
  setSegment({ firstIndex, segment }: LogEntry): void {
    const id = firstIndex * bodyParts;
    this.sql.run(`UPDATE ${this.name} SET segment = ? WHERE id = ?`, segment ?? null, id);
  }

  private write(entry: LogEntry, body: Uint8Array, verb: string, writers?: string): void {
    const isInsert = verb === "INSERT";
    const kept = isInsert ? "?" : `(SELECT writers FROM ${this.name} WHERE id = ?)`;
    const [column, value] = this.hasWriters ? [", writers", `, ${kept}`] : ["", ""];
    for (let part = 0, at = 0; at < Math.max(body.length, 1); part++, at += rowBodyBytesMax) {
      const id = entry.firstIndex * bodyParts + part;
      const change = part === 0 ? (writers ?? null) : null;
      this.sql.run(
        `${verb} INTO ${this.name}
           (id, segment, count, first_ms, last_ms, last_ordinal, bytes, body${column})
         VALUES (?, ?, ?, ?, ?, ?, ?, ?${value})`,
        id,
        entry.segment ?? null,
        entry.count,
        entry.firstMs,
        entry.lastMs,
        entry.lastOrdinal,
        entry.bytes,
        body.subarray(at, at + rowBodyBytesMax),
        ...(this.hasWriters ? [isInsert ? change : id] : []),
      );
      this.rowCount++;
    }
  }

  private addWriters(): void {
    this.sql.run(`ALTER TABLE ${this.name} ADD COLUMN writers TEXT`);
    this.hasWriters = true;
  }
}

/** Tables that were created by an earlier version lack the columns of this one. */
function hasColumn(sql: MeteredSql, table: string, column: string): boolean {
  const found = sql.row<{ sql: string }>("SELECT sql FROM sqlite_master WHERE name = ?", table);
  return found?.sql.includes(` ${column} `) === true;
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

/** What the row of a staged body has of it. */
export interface StagedRow {
  id: string;
  /** The header, bound to the shard. */
  head: Uint8Array;
}

/** Bytes of a row's body that was staged: the header, and a UUID. */
export const stagedRowBytes = CHUNK_HEADER_BYTES + 36;

export function printStaged({ id, head }: StagedRow): Uint8Array {
  const body = concatBytes([head, utf8(id)]);
  invariant(body.length === stagedRowBytes, "the id of a staged body is no UUID", {});
  return body;
}

/** Undefined for a body that is in its row, whole or damaged. */
export function readStagedRow(
  { segment, bytes }: LogEntry,
  body: Uint8Array,
): StagedRow | undefined {
  const isStaged = segment !== undefined && body.length === stagedRowBytes && bytes > body.length;
  if (!isStaged) return undefined;
  const id = ascii.decode(body.subarray(CHUNK_HEADER_BYTES));
  return { id, head: body.slice(0, CHUNK_HEADER_BYTES) };
}

/** The same of a segment in a generation's table; of any other, the body is not read. */
export function stagedIn(
  sql: MeteredSql,
  generation: number,
  entry: LogEntry,
): StagedRow | undefined {
  const row = sql.row<{ body: ArrayBuffer }>(
    `SELECT body FROM ${tableOf(generation)} WHERE id = ? AND length(body) = ?`,
    entry.firstIndex * bodyParts,
    stagedRowBytes,
  );
  return row && readStagedRow(entry, new Uint8Array(row.body));
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
