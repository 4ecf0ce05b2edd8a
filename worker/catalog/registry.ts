// The catalog's streams as rows: one JSON document each, so that any change of a stream is one row.
// Reads return the state as of now: a state whose time is over has ended, and a stream whose
// deletion has ended does not exist, nor do its tags.
import type { AccountTotals } from "../core/control.ts";
import { Buffer } from "node:buffer";
import { StreamError } from "../errors.ts";
import { directoryRowsMax, rowBodyBytesMax, streamPageBytesMax } from "../limits.ts";
import type { LazySql } from "../core/lazySql.ts";
import { streamAt } from "./lifecycle.ts";
import type { StreamDirectory, StreamEntry, StreamPage, StreamSummary } from "../core/rpc.ts";
import { streamDocument } from "./streamDocument.ts";
import type { TagTable } from "./tags.ts";
import type { StreamDescription } from "../core/types.ts";

interface StreamCount {
  openShards: number;
  isOnDemand: boolean;
}

type StreamRow = { name: string; description: string };

/** A name as a directory, which is how listings sort: "a-b/" before "a/". */
const PATH = "name || '/'";

/** False for a stream that was deleted and is kept for its forks. */
const IS_SHOWN = "json_extract(description, '$.durable.isDeleted') IS NOT 1";

/**
 * Also true for some that `countOf` does not count. False for a stream of Durable Streams with one
 * shard, of which there may be very many. The text is not parsed, as a damaged one cannot be.
 */
const MAY_COUNT = `(instr(description, '"durable":') = 0 OR instr(description, '},{') > 0)`;

/** Also true for some that are not, whose policies have such texts. */
const MAY_BE_BUSY = `(instr(description, '"status":"ACTIVE"') = 0
  OR instr(description, '"settlesMs":') > 0 OR instr(description, '"closedMs":') > 0)`;

/** A text that sorts after every path with the prefix to which it is appended. */
const AFTER_ALL = "\u{10FFFF}";

/** Paths begin with a slash; names that are not paths sort before and after them. */
const PLAIN_NAMES = [
  ["", "/"],
  ["0", AFTER_ALL],
] as const;

export class StreamRegistry {
  static readonly schema = [
    `CREATE TABLE IF NOT EXISTS stream (
       name TEXT PRIMARY KEY,
       description TEXT NOT NULL
     ) WITHOUT ROWID`,
    `CREATE INDEX IF NOT EXISTS stream_path ON stream (${PATH})`,
    // The few among many: an alarm, or a new stream, is not to read all rows.
    `CREATE INDEX IF NOT EXISTS stream_busy ON stream (name) WHERE ${MAY_BE_BUSY}`,
    `CREATE INDEX IF NOT EXISTS stream_counted ON stream (name) WHERE ${MAY_COUNT}`,
    "CREATE TABLE IF NOT EXISTS turn (name TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID",
  ];

  private readonly sql: LazySql;
  private readonly tags: TagTable;
  private counts: Map<string, StreamCount> | undefined;

  constructor(sql: LazySql, tags: TagTable) {
    this.sql = sql;
    this.tags = tags;
  }

  /** Throws `streamNotFound`. */
  get(name: string): StreamDescription {
    const stream = this.find(name);
    if (stream === undefined) throw new StreamError("streamNotFound", { stream: name });
    if (stream.durable?.isDeleted === true && stream.status !== "DELETING") {
      throw new StreamError("streamNotFound", { stream: name, isKept: true });
    }
    return stream;
  }

  find(name: string): StreamDescription | undefined {
    const query = "SELECT name, description FROM stream WHERE name = ?";
    const [row] = this.sql.rows<StreamRow>(query, name);
    return row && this.resolve(row);
  }

  /**
   * The first streams after a name, in order, whose names begin with a path. A name that is a path
   * begins with a slash. Without a path, the streams whose names are not paths.
   */
  page(after: string, limit: number, path?: string): StreamPage {
    const kind = path === undefined ? "name NOT LIKE '/%'" : "name >= ? AND name < ?";
    const range = path === undefined ? [] : [path, path + AFTER_ALL];
    const sql = `SELECT name, description FROM stream
      WHERE name > ? AND ${kind} AND ${IS_SHOWN} ORDER BY name`;
    const { streams, more } = this.read(sql, limit, after, ...range);
    return { streams: streams.map(summaryOf), more };
  }

  /** See CatalogApi. */
  directory(path: string | undefined, after: string, limit: number): StreamDirectory {
    const prefix = path ?? "";
    const ranges = path === undefined ? PLAIN_NAMES : [[path, path + AFTER_ALL] as const];
    const entries: StreamEntry[] = [];
    let [done, bytes, rows] = [after, 0, 0];
    for (const [start, end] of ranges) {
      for (const row of this.firsts(prefix, after > start ? after : start, end)) {
        const isEnough = bytes > streamPageBytesMax || ++rows > directoryRowsMax;
        if (entries.length === limit || isEnough) return { entries, next: done };
        bytes += row.bytes;
        const at = directoryIn(`${row.name}/`, prefix);
        const isStream = at === `${row.name}/`;
        const stream = this.find(row.name);
        const createdMs = stream?.createdMs ?? 0;
        if (!isStream) entries.push({ path: at, createdMs });
        else if (stream !== undefined && isShown(stream)) {
          entries.push({ path: at, createdMs, stream: outlineOf(stream) });
        }
        done = at;
      }
    }
    return { entries, next: undefined };
  }

  /** All streams in the order of their names; one page of them is in memory at a time. */
  all(): Generator<StreamDescription> {
    return this.where("true");
  }

  /**
   * As `all`, but only those that may have work left, or a time at which something ends. Of many
   * streams these are few, so the rest is not read.
   */
  busy(): Generator<StreamDescription> {
    return this.where(MAY_BE_BUSY);
  }

  private *where(condition: string): Generator<StreamDescription> {
    const sql = `SELECT name, description FROM stream
      WHERE name > ? AND ${condition} ORDER BY name`;
    for (let after = ""; ;) {
      const { streams, more } = this.read(sql, Infinity, after);
      yield* streams;
      const last = streams.at(-1);
      if (!more || last === undefined) return;
      after = last.name;
    }
  }

  totals(): AccountTotals {
    const totals = { openShards: 0, onDemandStreams: 0 };
    for (const { openShards, isOnDemand } of this.counted().values()) {
      totals.openShards += openShards;
      if (isOnDemand) totals.onDemandStreams++;
    }
    return totals;
  }

  /**
   * Throws `tooLarge` for a stream that does not fit a row: the row contains the policies of its
   * consumers.
   */
  save(stream: StreamDescription): void {
    const description = streamDocument.encode(stream);
    if (Buffer.byteLength(description) > rowBodyBytesMax) {
      throw new StreamError("tooLarge", { bytesMax: rowBodyBytesMax });
    }
    this.sql.put("INSERT OR REPLACE INTO stream VALUES (?, ?)", stream.name, description);
    const count = countOf(stream);
    if (count === undefined) this.counts?.delete(stream.name);
    else this.counts?.set(stream.name, count);
  }

  remove({ name, uid, consumers }: StreamDescription): void {
    this.sql.remove("DELETE FROM stream WHERE name = ?", name);
    this.sql.remove("DELETE FROM turn WHERE name = ?", name);
    for (const resource of [{ uid }, ...consumers]) this.tags.remove(resource.uid);
    this.counts?.delete(name);
  }

  /** Advances the stream's round robin by `count`; returns the first position. */
  takeTurns(name: string, count: number): number {
    const query = "SELECT next FROM turn WHERE name = ?";
    const [row] = this.sql.rows<{ next: number }>(query, name);
    const first = row?.next ?? 0;
    this.sql.put("INSERT OR REPLACE INTO turn VALUES (?, ?)", name, first + count);
    return first;
  }

  /** Reads the streams that count once in the life of the object. */
  private counted(): Map<string, StreamCount> {
    if (this.counts === undefined) {
      this.counts = new Map();
      for (const stream of this.where(MAY_COUNT)) {
        const count = countOf(stream);
        if (count !== undefined) this.counts.set(stream.name, count);
      }
    }
    return this.counts;
  }

  /** The first row of each stream or directory directly in a path, after a start. */
  private *firsts(
    prefix: string,
    start: string,
    end: string,
  ): Generator<{ name: string; bytes: number }> {
    const sql = `SELECT name, length(description) AS bytes FROM stream
      WHERE ${PATH} > ? AND ${PATH} < ? ORDER BY ${PATH} LIMIT 1`;
    for (let from = start.endsWith("/") && start > prefix ? start + AFTER_ALL : start; ;) {
      const [row] = this.sql.rows<{ name: string; bytes: number }>(sql, from, end);
      if (row === undefined) return;
      from = directoryIn(`${row.name}/`, prefix) + AFTER_ALL;
      yield row;
    }
  }

  /** As many streams as a page may have; fewer if they are large. */
  private read(
    statement: string,
    limit: number,
    ...bindings: SqlStorageValue[]
  ): { streams: StreamDescription[]; more: boolean } {
    for (;;) {
      const rows: StreamRow[] = [];
      let [bytes, more] = [0, false];
      for (const row of this.sql.each<StreamRow>(statement, ...bindings)) {
        more = rows.length === limit || bytes > streamPageBytesMax;
        if (more) break;
        rows.push(row);
        bytes += row.description.length;
      }
      const streams = rows.flatMap((row) => this.resolve(row) ?? []);
      if (streams.length === rows.length) return { streams, more };
    }
  }

  private resolve({ name, description }: StreamRow): StreamDescription | undefined {
    const stored = streamDocument.decode(description, { stream: name });
    const stream = streamAt(stored, Date.now());
    if (stream === undefined) this.remove(stored);
    return stream;
  }
}

/** In directories: a stream that is about to go, or is kept only for its forks, is none any more. */
function isShown({ status, durable }: StreamDescription): boolean {
  return status !== "DELETING" && durable?.isDeleted !== true;
}

function summaryOf(stream: StreamDescription): StreamSummary {
  const { account, region, name, status, mode, createdMs } = stream;
  return { account, region, name, status, mode, createdMs };
}

function outlineOf({ retentionHours, shards }: StreamDescription) {
  const last = Math.max(...shards.map(({ index }) => index));
  return { retentionHours, shardCount: last + 1 };
}

/** The entry for a path in a directory: the stream itself, or the directory that contains it. */
function directoryIn(path: string, prefix: string): string {
  return path.slice(0, path.indexOf("/", prefix.length) + 1);
}

/**
 * Undefined for a stream of Durable Streams with one shard, which does not count towards the shards of
 * an account: people make one for each conversation.
 */
function countOf({ mode, shards, durable }: StreamDescription): StreamCount | undefined {
  if (durable !== undefined && shards.length === 1) return undefined;
  const openShards = shards.filter(({ closedMs }) => closedMs === undefined).length;
  return { openShards, isOnDemand: mode === "ON_DEMAND" };
}
