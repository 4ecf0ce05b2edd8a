// The catalog's streams as rows: one JSON document each, so that a change of anything about a
// stream is one row. What is read is as of now: a state whose time has come is over, and a stream
// whose deletion has come to its end is gone, with all that hung on it.
import { StreamError } from "../errors.ts";
import { streamAt } from "./lifecycle.ts";
import type { TagTable } from "./tags.ts";
import type { StreamDescription } from "./types.ts";

/** What an account has of what it may have only so much of. */
export interface AccountTotals {
  openShards: number;
  onDemandStreams: number;
}

interface StreamCount {
  openShards: number;
  isOnDemand: boolean;
}

type StreamRow = { description: string };

export class StreamRegistry {
  private readonly sql: SqlStorage;
  private readonly tags: TagTable;
  private counts: Map<string, StreamCount> | undefined;

  constructor(sql: SqlStorage, tags: TagTable) {
    this.sql = sql;
    this.tags = tags;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS stream (
         name TEXT PRIMARY KEY,
         description TEXT NOT NULL
       ) WITHOUT ROWID`,
    );
    sql.exec(
      "CREATE TABLE IF NOT EXISTS turn (name TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID",
    );
  }

  /** Throws `streamNotFound`. */
  get(name: string): StreamDescription {
    const stream = this.find(name);
    if (stream === undefined) throw new StreamError("streamNotFound", { stream: name });
    return stream;
  }

  find(name: string): StreamDescription | undefined {
    const [row] = this.sql
      .exec<StreamRow>("SELECT description FROM stream WHERE name = ?", name)
      .toArray();
    return row && this.resolve(row);
  }

  /**
   * The first streams after a name, in order, of those whose names begin with a path. A name that is
   * a path begins with a slash; without a path, the streams whose names are none.
   */
  page(after: string, limit: number, path?: string): StreamDescription[] {
    const kind = path === undefined ? "name NOT LIKE '/%'" : "name >= ? AND name < ?";
    const range = path === undefined ? [] : [path, `${path}\u{10FFFF}`];
    return this.read(
      `SELECT description FROM stream WHERE name > ? AND ${kind} ORDER BY name LIMIT ?`,
      after,
      ...range,
      limit,
    );
  }

  all(): StreamDescription[] {
    return this.read("SELECT description FROM stream ORDER BY name");
  }

  totals(): AccountTotals {
    const totals = { openShards: 0, onDemandStreams: 0 };
    for (const { openShards, isOnDemand } of this.counted().values()) {
      totals.openShards += openShards;
      if (isOnDemand) totals.onDemandStreams++;
    }
    return totals;
  }

  save(stream: StreamDescription): void {
    const description = JSON.stringify(stream);
    this.sql.exec("INSERT OR REPLACE INTO stream VALUES (?, ?)", stream.name, description);
    this.counts?.set(stream.name, countOf(stream));
  }

  remove({ name, uid, consumers }: StreamDescription): void {
    this.sql.exec("DELETE FROM stream WHERE name = ?", name);
    this.sql.exec("DELETE FROM turn WHERE name = ?", name);
    for (const resource of [{ uid }, ...consumers]) this.tags.remove(resource.uid);
    this.counts?.delete(name);
  }

  /** Takes `count` turns of the stream's round robin; returns the first. */
  takeTurns(name: string, count: number): number {
    const [row] = this.sql
      .exec<{ next: number }>("SELECT next FROM turn WHERE name = ?", name)
      .toArray();
    const first = row?.next ?? 0;
    this.sql.exec("INSERT OR REPLACE INTO turn VALUES (?, ?)", name, first + count);
    return first;
  }

  /** All streams are read for it once in the object's life. */
  private counted(): Map<string, StreamCount> {
    this.counts ??= new Map(this.all().map((stream) => [stream.name, countOf(stream)]));
    return this.counts;
  }

  private read(statement: string, ...bindings: SqlStorageValue[]): StreamDescription[] {
    for (;;) {
      const rows = this.sql.exec<StreamRow>(statement, ...bindings).toArray();
      const streams = rows.flatMap((row) => this.resolve(row) ?? []);
      if (streams.length === rows.length) return streams;
    }
  }

  private resolve({ description }: StreamRow): StreamDescription | undefined {
    const stored = JSON.parse(description) as StreamDescription;
    const stream = streamAt(stored, Date.now());
    if (stream === undefined) this.remove(stored);
    return stream;
  }
}

function countOf({ mode, shards }: StreamDescription): StreamCount {
  const openShards = shards.filter(({ closedMs }) => closedMs === undefined).length;
  return { openShards, isOnDemand: mode === "ON_DEMAND" };
}
