// The catalog of one account and region: a Durable Object that knows its streams and their shards.
// Off the hot path: Workers keep what it says for a few seconds. A change that spans objects is
// written down first, carried out, and then marked done; the alarm takes up what was cut off, and
// ends the states that have only to last a while. What a change means is decided beside this file.
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { StreamError } from "../errors.ts";
import {
  accountShardsMax,
  creationsMax,
  onDemandStreamsMax,
  recordBytesDefault,
  resumeDelayMs,
  shardsMax,
} from "../limits.ts";
import { readSettings } from "../settings.ts";
import { AccountTable, changeCommitment, type Commitment, commitmentState } from "./account.ts";
import {
  changeAttributes,
  checkDistribution,
  checkWarmThroughput,
  requirePresent,
  type StreamChange,
} from "./attributes.ts";
import {
  changePolicy,
  type ConsumerKey,
  deregisterConsumer,
  getConsumer,
  registerConsumer,
} from "./consumers.ts";
import { splitHashRange } from "./hashrange.ts";
import { hasWorkLeft, settleStream } from "./lifecycle.ts";
import { Rates } from "./rates.ts";
import { type AccountTotals, StreamRegistry } from "./registry.ts";
import {
  asReply,
  type CatalogApi,
  type Reply,
  type ResourceKey,
  type StreamHead,
  type StreamPage,
  type StreamSpec,
} from "./rpc.ts";
import { changeTags, type TagChange, type Tags, TagTable } from "./tags.ts";
import type {
  ConsumerDescription,
  Scope,
  ShardDescription,
  StreamDescription,
  StreamStatus,
} from "./types.ts";

/** Shards called at once while a stream is made, changed or removed. */
const shardCallsMax = 64;

/**
 * A new shard says it is this much older than its stream, as Kinesis shards do. So every record
 * arrives in a later second than its shard's creation, and no record has the shard's starting
 * sequence number.
 */
const shardAgeMs = 2000;

const KEY_BYTES = 32;

export class Catalog extends DurableObject<Env> implements CatalogApi {
  private readonly sql: SqlStorage;
  private readonly tags: TagTable;
  private readonly streams: StreamRegistry;
  private readonly accounts: AccountTable;
  private readonly rates = new Rates();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS secret (id INTEGER PRIMARY KEY, key TEXT NOT NULL)");
    this.tags = new TagTable(this.sql);
    this.streams = new StreamRegistry(this.sql, this.tags);
    this.accounts = new AccountTable(this.sql);
  }

  createStream(scope: Scope, spec: StreamSpec): Promise<Reply<StreamDescription>> {
    return asReply(async () => {
      if (this.streams.find(spec.name) !== undefined) {
        throw new StreamError("streamExists", { stream: spec.name });
      }
      this.checkSpec(spec);
      const stream = newStream(scope, spec, Date.now());
      if (spec.tags !== undefined) this.tags.change(stream.uid, { put: spec.tags });
      await this.begin(stream);
      return (await this.finishCreating(stream)) ?? stream;
    });
  }

  describeStream(name: string): Promise<Reply<{ stream: StreamDescription; cursorKey: string }>> {
    return asReply(() => ({ stream: this.streams.get(name), cursorKey: this.key() }));
  }

  async listStreams(after: string, limit: number): Promise<StreamPage> {
    const streams = this.streams.after(after, limit + 1);
    return { streams: streams.slice(0, limit).map(headOf), more: streams.length > limit };
  }

  deleteStream(name: string, withConsumers = false): Promise<Reply<{ deleted: true }>> {
    return asReply(async () => {
      const stream = this.streams.get(name);
      if (stream.consumers.length > 0 && !withConsumers) {
        throw new StreamError("consumersRegistered", { stream: name });
      }
      if (stream.status !== "DELETING" || hasWorkLeft(stream)) {
        const { settlesMs: _, ...rest } = stream;
        const doomed: StreamDescription = { ...rest, status: "DELETING" };
        await this.begin(doomed);
        await this.finishDeleting(doomed);
      }
      return { deleted: true as const };
    });
  }

  changeStream(
    name: string,
    change: StreamChange,
  ): Promise<Reply<{ before: StreamHead; after: StreamHead }>> {
    return asReply(async () => {
      const before = this.streams.get(name);
      const after = changeAttributes(before, change, this.isCommitted());
      if (after.retaining === true) {
        await this.begin(after);
        await this.finishRetaining(after);
      } else if (after !== before) {
        if (after.status === "UPDATING") await this.settle(after);
        else this.streams.save(after);
      }
      return { before: headOf(before), after: headOf(after) };
    });
  }

  registerConsumer(
    name: string,
    consumerName: string,
    tags: Tags = new Map(),
  ): Promise<Reply<ConsumerDescription>> {
    return asReply(() => {
      const stream = this.streams.get(name);
      this.checkCreations(stream.consumers, "tooManyConsumers", name);
      changeTags(new Map(), { put: tags });
      const { transitionMs } = readSettings(this.env);
      const consumer = registerConsumer(stream, consumerName, Date.now(), transitionMs);
      this.tags.change(consumer.uid, { put: tags });
      this.streams.save(stream);
      return consumer;
    });
  }

  deregisterConsumer(name: string, consumer: ConsumerKey): Promise<Reply<{ deregistered: true }>> {
    return asReply(() => {
      const stream = this.streams.get(name);
      const { transitionMs } = readSettings(this.env);
      const { uid } = deregisterConsumer(stream, consumer, Date.now(), transitionMs);
      this.tags.remove(uid);
      this.streams.save(stream);
      return { deregistered: true as const };
    });
  }

  readTags(resource: ResourceKey): Promise<Reply<{ tags: Tags }>> {
    return asReply(() => ({ tags: this.tags.of(this.resource(resource).uid) }));
  }

  changeTags(resource: ResourceKey, change: TagChange): Promise<Reply<{ changed: true }>> {
    return asReply(() => {
      const { uid, stream } = this.resource(resource);
      requirePresent(stream);
      this.tags.change(uid, change);
      return { changed: true as const };
    });
  }

  changePolicy(resource: ResourceKey, policy: string | null): Promise<Reply<{ changed: true }>> {
    return asReply(() => {
      const stream = this.streams.get(resource.stream);
      this.streams.save(changePolicy(stream, resource.consumer, policy));
      return { changed: true as const };
    });
  }

  async account(): Promise<{ totals: AccountTotals; commitment?: Commitment }> {
    const commitment = this.accounts.commitment();
    return { totals: this.streams.totals(), ...(commitment && { commitment }) };
  }

  async commitAccount(wanted: boolean): Promise<{ commitment?: Commitment }> {
    const before = this.accounts.commitment();
    const commitment = changeCommitment(before, wanted, Date.now());
    if (commitment === undefined) return {};
    this.accounts.save(commitment);
    return { commitment };
  }

  async takePermit(kind: string, perSecond: number): Promise<boolean> {
    return this.rates.take(kind, perSecond, Date.now());
  }

  async cursorKey(): Promise<string> {
    return this.key();
  }

  async takeTurns(name: string, count: number): Promise<number> {
    return this.streams.takeTurns(name, count);
  }

  /** Takes up what was cut off, and ends states whose time has come: reading them does. */
  override async alarm(): Promise<void> {
    for (const stream of this.streams.all().filter(hasWorkLeft)) {
      try {
        await this.resume(stream);
      } catch (error) {
        console.error(`resuming ${stream.name} failed`, error);
        await this.wakeBy(Date.now() + resumeDelayMs);
      }
    }
    const times = this.streams.all().flatMap(({ settlesMs }) => settlesMs ?? []);
    if (times.length > 0) await this.wakeBy(Math.min(...times));
  }

  private async resume(stream: StreamDescription): Promise<void> {
    if (stream.status === "CREATING") await this.finishCreating(stream);
    else if (stream.status === "DELETING") await this.finishDeleting(stream);
    else if (stream.retaining === true) await this.finishRetaining(stream);
  }

  /** Writes down what is to be done, and makes sure that somebody does it. */
  private async begin(stream: StreamDescription): Promise<void> {
    this.streams.save(stream);
    await this.wakeBy(Date.now() + resumeDelayMs);
  }

  private async finishCreating(stream: StreamDescription): Promise<StreamDescription | undefined> {
    await this.eachShard(stream, (shard) => {
      const { retentionHours } = stream;
      return this.shard(shard).open({ ...shard, retentionHours });
    });
    return this.finish(stream, "CREATING");
  }

  private async finishDeleting(stream: StreamDescription): Promise<void> {
    await this.eachShard(stream, (shard) => this.shard(shard).destroy());
    const now = this.streams.find(stream.name);
    if (now?.uid !== stream.uid) return;
    if (readSettings(this.env).transitionMs === 0) this.streams.remove(now);
    else if (hasWorkLeft(now)) await this.settle(now);
  }

  /** A shard that is gone by now need not know. */
  private async finishRetaining(stream: StreamDescription): Promise<void> {
    await this.eachShard(stream, (shard) => this.shard(shard).retain(stream.retentionHours));
    await this.finish(stream, "UPDATING");
  }

  /** The stream whose work is done, unless it is in that state no more. */
  private async finish(
    { name, uid }: StreamDescription,
    status: StreamStatus,
  ): Promise<StreamDescription | undefined> {
    const now = this.streams.find(name);
    if (now?.uid !== uid || now.status !== status || !hasWorkLeft(now)) return undefined;
    delete now.retaining;
    await this.settle(now);
    return now;
  }

  private async settle(stream: StreamDescription): Promise<void> {
    settleStream(stream, Date.now(), readSettings(this.env).transitionMs);
    this.streams.save(stream);
    if (stream.settlesMs !== undefined) await this.wakeBy(stream.settlesMs);
  }

  /** The alarm is at that time at the latest. */
  private async wakeBy(timeMs: number): Promise<void> {
    const alarmMs = await this.ctx.storage.getAlarm();
    await this.ctx.storage.setAlarm(Math.min(alarmMs ?? timeMs, timeMs));
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

  private resource({ stream: name, consumer }: ResourceKey) {
    const stream = this.streams.get(name);
    const { uid } = consumer === undefined ? stream : getConsumer(stream, consumer);
    return { stream, uid };
  }

  /** Throws unless the account may have such a stream. */
  private checkSpec(spec: StreamSpec): void {
    const { name, mode, shardCount: additional } = spec;
    const { openShards: current, onDemandStreams } = this.streams.totals();
    if (current + additional > accountShardsMax) {
      throw new StreamError("tooManyShards", { current, additional, limit: accountShardsMax });
    }
    if (additional > shardsMax) throw new StreamError("tooLarge", { shards: shardsMax });
    if (mode === "ON_DEMAND" && onDemandStreams >= onDemandStreamsMax) {
      throw new StreamError("tooManyStreams", { limit: onDemandStreamsMax });
    }
    this.checkCreations(this.streams.all(), "tooManyStreams", name);
    if (spec.warmThroughputMiBps !== undefined) checkWarmThroughput(spec, this.isCommitted());
    checkDistribution(spec, spec.distribution ?? "USER_PARTITION_KEY");
  }

  private checkCreations(
    things: readonly { status: string }[],
    code: "tooManyStreams" | "tooManyConsumers",
    stream: string,
  ): void {
    if (readSettings(this.env).limits === "none") return;
    const creating = things.filter(({ status }) => status === "CREATING").length;
    if (creating >= creationsMax)
      throw new StreamError(code, { stream, limit: creationsMax, creating });
  }

  private isCommitted(): boolean {
    return commitmentState(this.accounts.commitment(), Date.now()) !== "none";
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

function headOf({ shards: _, ...head }: StreamDescription): StreamHead {
  return head;
}

function newStream(scope: Scope, spec: StreamSpec, nowMs: number): StreamDescription {
  const uid = crypto.randomUUID();
  const { name, shardCount, tags: _, recordBytesMax, distribution, ...attributes } = spec;
  const shards = splitHashRange(shardCount).map((range, index) => ({
    uid: `${uid}-${index}`,
    index,
    createdMs: nowMs - shardAgeMs,
    hashStart: range.start,
    hashEnd: range.end,
  }));
  return {
    account: scope.account,
    region: scope.region,
    name,
    uid,
    status: "CREATING",
    createdMs: nowMs,
    recordBytesMax: recordBytesMax ?? recordBytesDefault,
    distribution: distribution ?? "USER_PARTITION_KEY",
    metrics: [],
    consumers: [],
    ...attributes,
    shards,
  };
}
