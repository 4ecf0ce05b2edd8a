// The catalog of one account and region: a Durable Object that knows its streams and their shards.
// Off the hot path: Workers keep what it says for a few seconds. A change that spans objects is
// written down first, carried out, and then marked done; the alarm takes up what was cut off.
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { StreamError } from "../errors.ts";
import { resumeDelayMs } from "../limits.ts";
import { splitHashRange } from "./hashrange.ts";
import { asReply, type CatalogApi, type Reply, type StreamPage, type StreamSpec } from "./rpc.ts";
import type { Scope, ShardDescription, StreamDescription } from "./types.ts";

/** Shards called at once while a stream is made or removed. */
const shardCallsMax = 64;

/**
 * A new shard says it is this much older than its stream, as Kinesis shards do. So every record
 * arrives in a later second than its shard's creation, and no record has the shard's starting
 * sequence number.
 */
const shardAgeMs = 2000;

const KEY_BYTES = 32;

/** Streams are sorted by name; the description is a document, so a change to it is one row. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS stream (name TEXT PRIMARY KEY, description TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS turn (name TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS secret (id INTEGER PRIMARY KEY, key TEXT NOT NULL);
`;

export class Catalog extends DurableObject<Env> implements CatalogApi {
  private readonly sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec(SCHEMA);
  }

  createStream(scope: Scope, spec: StreamSpec): Promise<Reply<StreamDescription>> {
    return asReply(async () => {
      if (this.find(spec.name) !== undefined) {
        throw new StreamError("streamExists", { stream: spec.name });
      }
      const stream = newStream(scope, spec, Date.now());
      this.save(stream);
      await this.ctx.storage.setAlarm(Date.now() + resumeDelayMs);
      await this.finishCreating(stream);
      return stream;
    });
  }

  describeStream(name: string): Promise<Reply<{ stream: StreamDescription; cursorKey: string }>> {
    return asReply(() => ({ stream: this.get(name), cursorKey: this.key() }));
  }

  async listStreams(after: string, limit: number): Promise<StreamPage> {
    const rows = this.sql
      .exec<StreamRow>(
        "SELECT description FROM stream WHERE name > ? ORDER BY name LIMIT ?",
        after,
        limit + 1,
      )
      .toArray();
    const streams = rows.slice(0, limit).map((row) => {
      const { shards: _, ...stream } = JSON.parse(row.description) as StreamDescription;
      return stream;
    });
    return { streams, more: rows.length > limit };
  }

  deleteStream(name: string): Promise<Reply<{ deleted: true }>> {
    return asReply(async () => {
      const stream = this.get(name);
      stream.status = "DELETING";
      this.save(stream);
      await this.ctx.storage.setAlarm(Date.now() + resumeDelayMs);
      await this.finishDeleting(stream);
      return { deleted: true as const };
    });
  }

  async cursorKey(): Promise<string> {
    return this.key();
  }

  async takeTurns(name: string, count: number): Promise<number> {
    const rows = this.sql
      .exec<{ next: number }>("SELECT next FROM turn WHERE name = ?", name)
      .toArray();
    const first = rows[0]?.next ?? 0;
    this.sql.exec("INSERT OR REPLACE INTO turn VALUES (?, ?)", name, first + count);
    return first;
  }

  /** Takes up what was cut off. */
  override async alarm(): Promise<void> {
    for (const row of this.sql.exec<StreamRow>("SELECT description FROM stream").toArray()) {
      const stream = JSON.parse(row.description) as StreamDescription;
      if (stream.status === "CREATING") await this.finishCreating(stream);
      if (stream.status === "DELETING") await this.finishDeleting(stream);
    }
  }

  private async finishCreating(stream: StreamDescription): Promise<void> {
    await this.eachShard(stream, (shard) => {
      const { retentionHours } = stream;
      return this.shard(shard).open({ ...shard, retentionHours });
    });
    const now = this.find(stream.name);
    if (now?.uid !== stream.uid || now.status !== "CREATING") return;
    stream.status = "ACTIVE";
    this.save(stream);
  }

  private async finishDeleting(stream: StreamDescription): Promise<void> {
    await this.eachShard(stream, (shard) => this.shard(shard).destroy());
    if (this.find(stream.name)?.uid !== stream.uid) return;
    this.sql.exec("DELETE FROM stream WHERE name = ?", stream.name);
    this.sql.exec("DELETE FROM turn WHERE name = ?", stream.name);
  }

  private async eachShard(
    stream: StreamDescription,
    visit: (shard: ShardDescription) => Promise<unknown>,
  ): Promise<void> {
    for (let at = 0; at < stream.shards.length; at += shardCallsMax) {
      await Promise.all(stream.shards.slice(at, at + shardCallsMax).map(visit));
    }
  }

  private shard(shard: ShardDescription) {
    return this.env.SHARD.getByName(shard.uid);
  }

  private get(name: string): StreamDescription {
    const stream = this.find(name);
    if (stream === undefined) throw new StreamError("streamNotFound", { stream: name });
    return stream;
  }

  private find(name: string): StreamDescription | undefined {
    const rows = this.sql
      .exec<StreamRow>("SELECT description FROM stream WHERE name = ?", name)
      .toArray();
    return rows[0] && (JSON.parse(rows[0].description) as StreamDescription);
  }

  private save(stream: StreamDescription): void {
    this.sql.exec(
      "INSERT OR REPLACE INTO stream VALUES (?, ?)",
      stream.name,
      JSON.stringify(stream),
    );
  }

  /** The key that authenticates this scope's cursors; made once. */
  private key(): string {
    const rows = this.sql.exec<{ key: string }>("SELECT key FROM secret").toArray();
    if (rows[0] !== undefined) return rows[0].key;
    const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
    const key = Buffer.from(bytes).toString("base64");
    this.sql.exec("INSERT INTO secret VALUES (1, ?)", key);
    return key;
  }
}

type StreamRow = { description: string };

function newStream(scope: Scope, spec: StreamSpec, nowMs: number): StreamDescription {
  const uid = crypto.randomUUID();
  const shards = splitHashRange(spec.shardCount).map((range, index) => ({
    uid: `${uid}-${index}`,
    index,
    createdMs: nowMs - shardAgeMs,
    hashStart: range.start,
    hashEnd: range.end,
  }));
  return {
    account: scope.account,
    region: scope.region,
    name: spec.name,
    uid,
    status: "CREATING",
    mode: spec.mode,
    createdMs: nowMs,
    retentionHours: spec.retentionHours,
    shards,
  };
}
