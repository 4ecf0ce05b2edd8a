// The objects of a container as rows of one table: path, owner, times, attributes, bytes. A
// directory is a row whose path ends in a slash. It is created with the first object in it, and
// remains when that is deleted. Rows of 0.1.0 had no directories: there a directory exists as long
// as something is in it. Attributes and body of a row may be large, so only the columns that a
// query needs are read.
import { noBytes } from "../codec/bytes.ts";
import { Buffer } from "node:buffer";
import { StreamError } from "../errors.ts";
import { rowBodyBytesMax } from "../limits.ts";
import { LazySql } from "../core/lazySql.ts";
import type { ItemPlace, ItemTime } from "../core/itemTypes.ts";

/** The body is the last column, so that reading the other columns does not touch it. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS item (
    path TEXT PRIMARY KEY, owner TEXT NOT NULL,
    seconds INTEGER NOT NULL, nanoseconds INTEGER NOT NULL,
    born_seconds INTEGER NOT NULL, born_nanoseconds INTEGER NOT NULL,
    attributes TEXT NOT NULL, body BLOB NOT NULL
  ) WITHOUT ROWID;
`;

const HEAD = `path, owner, seconds, nanoseconds, born_seconds, born_nanoseconds,
  length(body) AS bytes`;

/** A text that sorts after every path with the prefix to which it is appended. */
const AFTER_ALL = "\u{10FFFF}";

/** A row without its large columns. */
export interface Head extends Record<string, SqlStorageValue> {
  path: string;
  owner: string;
  seconds: number;
  nanoseconds: number;
  born_seconds: number;
  born_nanoseconds: number;
  bytes: number;
}

/** A row with its attributes: a JSON list of names and values. */
export interface Row extends Head {
  attributes: string;
}

export class ItemTable {
  private readonly sql: LazySql;

  constructor(sql: SqlStorage) {
    this.sql = new LazySql(sql, "item", [SCHEMA]);
  }

  /** Call it before a transaction that writes. */
  make(): void {
    this.sql.make();
  }

  /** The row of the path, unless it was written for another owner. */
  find({ path, owner }: ItemPlace): Row | undefined {
    const found = `SELECT ${HEAD}, attributes FROM item WHERE path = ?`;
    const row = this.sql.rows<Row>(found, path)[0];
    return row?.owner === owner ? row : undefined;
  }

  bodyOf({ path }: ItemPlace): Uint8Array {
    const found = "SELECT body FROM item WHERE path = ?";
    const [row] = this.sql.rows<{ body: ArrayBuffer }>(found, path);
    return row === undefined ? noBytes : new Uint8Array(row.body);
  }

  attributesOf({ path }: Head): string {
    const found = "SELECT attributes FROM item WHERE path = ?";
    return this.sql.rows<{ attributes: string }>(found, path)[0]?.attributes ?? "[]";
  }

  /**
   * In order, after a path: each row directly in a directory, and the first row of every directory
   * in it.
   */
  *firsts(prefix: string, after: string): Generator<Head> {
    const next = `SELECT ${HEAD} FROM item WHERE path > ? AND path < ? ORDER BY path LIMIT 1`;
    const isDirectory = after.endsWith("/") && after.length > prefix.length;
    let from = isDirectory ? after + AFTER_ALL : after > prefix ? after : prefix;
    for (;;) {
      const head = this.sql.rows<Head>(next, from, prefix + AFTER_ALL)[0];
      if (head === undefined) return;
      const directory = directoryIn(head.path, prefix);
      from = directory === undefined ? head.path : directory + AFTER_ALL;
      yield head;
    }
  }

  /** The directory's own row, or the first row that the owner has in it. */
  firstOf(directory: string, owner: string): Head | undefined {
    const first = `SELECT ${HEAD} FROM item WHERE path >= ? AND path < ? AND owner = ?
      ORDER BY path LIMIT 1`;
    return this.sql.rows<Head>(first, directory, directory + AFTER_ALL, owner)[0];
  }

  /** Throws `tooLarge`. Without a body, the stored body remains. */
  write(
    place: ItemPlace,
    row: Head | undefined,
    time: ItemTime,
    attributes: string,
    body?: Uint8Array,
  ): void {
    const bytes = body ?? (row === undefined ? noBytes : this.bodyOf(place));
    if (Buffer.byteLength(attributes) + bytes.length > rowBodyBytesMax) {
      throw new StreamError("tooLarge", { bytesMax: rowBodyBytesMax });
    }
    this.insert(place.path, place.owner, time, row === undefined ? time : bornOf(row), {
      attributes,
      bytes,
    });
    if (row === undefined) this.makeParents(place, time);
  }

  remove({ path }: ItemPlace): void {
    this.sql.remove("DELETE FROM item WHERE path = ?", path);
  }

  /** Deletes the directory and everything in it. */
  clear(directory: string): void {
    const end = directory + AFTER_ALL;
    this.sql.remove("DELETE FROM item WHERE path >= ? AND path < ?", directory, end);
  }

  /** Creates the missing directories above the path. */
  makeParents({ path, owner, base = "" }: ItemPlace, time: ItemTime): void {
    for (let at = path.indexOf("/", base.length); at >= 0; at = path.indexOf("/", at + 1)) {
      if (at === path.length - 1) return;
      const directory = path.slice(0, at + 1);
      if (this.find({ path: directory, owner }) === undefined) {
        this.insert(directory, owner, time, time, { attributes: "[]", bytes: noBytes });
      }
    }
  }

  private insert(
    path: string,
    owner: string,
    time: ItemTime,
    born: ItemTime,
    { attributes, bytes }: { attributes: string; bytes: Uint8Array },
  ): void {
    this.sql.put(
      "INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      path,
      owner,
      time.seconds,
      time.nanoseconds,
      born.seconds,
      born.nanoseconds,
      attributes,
      bytes,
    );
  }
}

export function timeOf({ seconds, nanoseconds }: Head): ItemTime {
  return { seconds, nanoseconds };
}

export function bornOf({ born_seconds, born_nanoseconds }: Head): ItemTime {
  return { seconds: born_seconds, nanoseconds: born_nanoseconds };
}

/**
 * The directory in `prefix` that contains the path, or is the path; undefined for a path directly
 * in `prefix`.
 */
export function directoryIn(path: string, prefix: string): string | undefined {
  const slash = path.indexOf("/", prefix.length);
  return slash < 0 ? undefined : path.slice(0, slash + 1);
}
