// The creation times of deleted streams and consumers. Sequence numbers and consumer ARNs contain a
// second of creation, which distinguishes two streams or consumers of the same name. So one that is
// created again gets a later second than the one before, ahead of the clock if necessary. A row is
// kept for an hour. Then its second is kept as one value for all names, which matters only if the
// clock is set back.
//
//   creation   stream, consumer   primary key; no consumer: '', and all names together: '', ''
//              second             the last one that is taken
import { creationMemorySeconds } from "../limits.ts";
import { shardAgeMs } from "./creation.ts";
import type { LazySql } from "../core/lazySql.ts";
import type { ConsumerDescription, StreamDescription } from "../core/types.ts";

export class CreationTable {
  static readonly schema = [
    `CREATE TABLE IF NOT EXISTS creation (
       stream TEXT NOT NULL, consumer TEXT NOT NULL, second INTEGER NOT NULL,
       PRIMARY KEY (stream, consumer)
     ) WITHOUT ROWID`,
    // Each deletion looks for those that are an hour old.
    "CREATE INDEX IF NOT EXISTS creation_second ON creation (second)",
  ];

  private readonly sql: LazySql;

  constructor(sql: LazySql) {
    this.sql = sql;
  }

  /** The stream is deleted, and its consumers with it. */
  leaveStream(stream: StreamDescription, nowMs: number): void {
    const { name, createdMs, shards, resharding, consumers } = stream;
    const numbered = [...shards, ...(resharding?.made ?? [])].map((shard) => {
      return secondOf(shard.createdMs + shardAgeMs);
    });
    this.leave(name, "", Math.max(secondOf(createdMs), ...numbered), nowMs);
    for (const consumer of consumers) this.leaveConsumer(name, consumer, nowMs);
  }

  leaveConsumer(stream: string, { name, createdMs }: ConsumerDescription, nowMs: number): void {
    this.leave(stream, name, secondOf(createdMs), nowMs);
  }

  /**
   * The creation time of a new stream or consumer: now, or the first second after all earlier ones
   * of the same name.
   */
  timeFor(stream: string, consumer: string, nowMs: number): number {
    const taken = this.latest(
      "stream = ? AND consumer = ? OR stream = '' AND consumer = ''",
      stream,
      consumer,
    );
    return taken === null ? nowMs : Math.max(nowMs, (taken + 1) * 1000);
  }

  private leave(stream: string, consumer: string, second: number, nowMs: number): void {
    this.keepLatest(stream, consumer, second);
    const old = secondOf(nowMs) - creationMemorySeconds;
    const past = this.latest("second < ? AND stream > ''", old);
    if (past === null) return;
    this.keepLatest("", "", past);
    this.sql.remove("DELETE FROM creation WHERE second < ? AND stream > ''", old);
  }

  private latest(where: string, ...bindings: (string | number)[]): number | null {
    const query = `SELECT max(second) AS second FROM creation WHERE ${where}`;
    return this.sql.rows<{ second: number | null }>(query, ...bindings)[0]?.second ?? null;
  }

  private keepLatest(stream: string, consumer: string, second: number): void {
    this.sql.put(
      `INSERT INTO creation VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET second = max(second, excluded.second)`,
      stream,
      consumer,
      second,
    );
  }
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1000);
}
