// Streams of Durable Streams: people make one for a conversation or a job, so there are many, and
// most are small. Such a stream comes to exist with one row of the catalog. A small one has its first
// records in that row, and no shard, until somebody asks the catalog about it: then its shard is opened
// with them (open). The shard of any other stream has its first records before the row is written, so
// nobody sees half of it; if the catalog stops before that row, the shard finds out by itself that
// nobody knows it (shard/expiry.ts). A stream that has forks is kept when it is deleted, and hidden.
import type {
  DurableSpec,
  ForkOrigin,
  ForkRequest,
  Position,
  UnopenedShard,
} from "../core/durable.ts";
import type { Env } from "../core/bindings.ts";
import { type DurableCreation, type FirstContents, unwrap } from "../core/rpc.ts";
import type { Scope, ShardDescription, StreamDescription } from "../core/types.ts";
import { StreamError } from "../errors.ts";
import { recordBytesMax, retentionHoursMax } from "../limits.ts";
import { shardUid } from "../engine/shardUid.ts";
import { newStream } from "./creation.ts";
import { NewStreams } from "./newStreams.ts";
import type { StreamRegistry } from "./registry.ts";
import { lifeOf } from "./shardLife.ts";
import { chunksOf, mayWait, recordsIn, unopenedOf } from "./unopened.ts";

export class DurableStreams {
  private readonly env: Env;
  private readonly streams: StreamRegistry;
  private readonly small: NewStreams;
  /** Streams whose shard is being opened, by uid. */
  private readonly opening = new Map<string, Promise<void>>();

  constructor(env: Env, storage: DurableObjectStorage, streams: StreamRegistry) {
    this.env = env;
    this.streams = streams;
    this.small = new NewStreams(streams, storage);
  }

  /** Throws `streamExists`, `streamNotFound`, `locationNotFound`. */
  async create(scope: Scope, spec: DurableSpec, createdMs: number): Promise<DurableCreation> {
    this.requireFree(spec.name);
    const stream = this.describe(scope, spec, createdMs);
    // Every stream has a shard.
    const shard = stream.shards[0]!;
    if (mayWait(spec)) {
      stream.durable!.unopened = unopenedOf(spec);
      await this.small.add(stream);
      return { shard: shard.uid, next: { index: recordsIn(spec.first), segment: 0 } };
    }
    const branch = spec.fork ? await this.branch(spec.fork, shard.uid) : undefined;
    if (branch !== undefined) stream.durable!.fork = branch;
    try {
      const next = await this.openShards(stream, spec);
      // Another request may have created one of that name meanwhile.
      this.requireFree(spec.name);
      this.streams.save(stream);
      return { stream, shard: shard.uid, next };
    } catch (error) {
      await this.abandon(stream);
      throw error;
    }
  }

  /**
   * Opens the shard of a stream that was not used before. If that is interrupted, the next call does
   * it again: the shard is created once.
   */
  async open(stream: StreamDescription): Promise<void> {
    const { uid, durable, status } = stream;
    const unopened = durable?.unopened;
    if (unopened === undefined || status === "DELETING") return;
    let opening = this.opening.get(uid);
    if (opening === undefined) {
      opening = this.openWith(stream, unopened).finally(() => this.opening.delete(uid));
      this.opening.set(uid, opening);
    }
    await opening;
  }

  /** Resolves when its shard is not just being opened. */
  async untilOpened({ uid }: StreamDescription): Promise<void> {
    await this.opening.get(uid)?.catch(() => undefined);
  }

  /** True if the stream has forks: it is kept for them, and nobody else finds it. */
  async retire(stream: StreamDescription): Promise<boolean> {
    const { durable, shards } = stream;
    if (durable === undefined) return false;
    if (durable.isDeleted === true) return true;
    if (!(await this.retireShards(shards, false))) return false;
    // One that has no forks must not be read or written by those who know it.
    if (shards.length > 1) await this.retireShards(shards, true);
    const now = this.streams.find(stream.name);
    if (now?.uid === stream.uid && now.durable !== undefined) {
      this.streams.save({ ...now, durable: { ...now.durable, isDeleted: true } });
    }
    return true;
  }

  /** True if one of them is kept. */
  private async retireShards(
    shards: readonly ShardDescription[],
    isKept: boolean,
  ): Promise<boolean> {
    let keeps = false;
    for (const { uid } of shards) {
      const reply = await this.env.SHARD.getByName(uid).retire(isKept);
      if ("failed" in reply) {
        if (reply.failed !== "shardNotFound") unwrap(reply);
      } else keeps ||= reply.isKept;
    }
    return keeps;
  }

  /** Called when a stream is gone; returns its source if nothing needs that any more. */
  async leaveSource(stream: StreamDescription): Promise<StreamDescription | undefined> {
    const { durable } = stream;
    if (durable?.fork === undefined) return undefined;
    const { name, uid, shard: source } = durable.fork;
    // The source knows the first shard, which may be gone after a split.
    const first = shardUid(stream.uid, 0);
    const reply = await this.env.SHARD.getByName(source).releaseFork(first);
    if ("failed" in reply || !reply.isFree) return undefined;
    const found = this.streams.find(name);
    return found?.uid === uid ? found : undefined;
  }

  private requireFree(name: string): void {
    if (this.streams.find(name) !== undefined) {
      throw new StreamError("streamExists", { stream: name });
    }
  }

  private describe(scope: Scope, spec: DurableSpec, createdMs: number): StreamDescription {
    const { name, contentType, ttlSeconds, expiresAt, shardCount } = spec;
    const common = { name, shardCount, retentionHours: retentionHoursMax, recordBytesMax };
    const stream = newStream(scope, { ...common, mode: "PROVISIONED" }, createdMs, Date.now());
    stream.status = "ACTIVE";
    stream.durable = {
      contentType,
      ...(ttlSeconds !== undefined && { ttlSeconds }),
      ...(expiresAt !== undefined && { expiresAt }),
    };
    return stream;
  }

  private async branch(fork: ForkRequest, uid: string): Promise<ForkOrigin> {
    const { name, index, recordsAfter, subOffset, shard } = fork;
    const source = this.streams.find(name);
    // Of a source that is being split or was, the fork would have a part.
    const isWhole = source?.uid === fork.uid && source.shards.length === 1;
    if (!isWhole) throw new StreamError("streamNotFound", { stream: name });
    const reply = await this.env.SHARD.getByName(shard).fork(uid, index, recordsAfter);
    const { ancestors } = unwrap(reply);
    const end = ancestors.at(-1)?.endIndex ?? 0;
    return { name, uid: fork.uid, shard, index: end - recordsAfter, subOffset, ancestors };
  }

  private async openShards(stream: StreamDescription, spec: DurableSpec): Promise<Position> {
    let next: Position = { index: 0, segment: 0 };
    for (const [i, shard] of stream.shards.entries()) {
      const chunks = i === 0 ? spec.first : [];
      const begun = await this.begin(stream, shard, { chunks, isClosed: spec.isClosed });
      if (i === 0) ({ next } = begun);
    }
    return next;
  }

  private async openWith(stream: StreamDescription, unopened: UnopenedShard): Promise<void> {
    const { name, uid, shards } = stream;
    const chunks = chunksOf(unopened, name).map(({ bytes }) => bytes);
    const contents = { chunks, arrivalMs: unopened.arrivalMs, isClosed: false };
    for (const shard of shards) await this.begin(stream, shard, contents);
    const now = this.streams.find(name);
    if (now?.uid !== uid || now.durable === undefined) return;
    const { unopened: _, ...durable } = now.durable;
    this.streams.save({ ...now, durable });
  }

  private async begin(
    stream: StreamDescription,
    shard: ShardDescription,
    contents: FirstContents,
  ): Promise<{ next: Position }> {
    const settings = { ...shard, ...this.settingsOf(stream, shard) };
    return unwrap(await this.env.SHARD.getByName(shard.uid).begin(settings, contents));
  }

  private settingsOf(stream: StreamDescription, { createdMs }: ShardDescription) {
    const { retentionHours, durable } = stream;
    const fork = durable?.fork;
    const nowMs = Date.now();
    const life = lifeOf(stream, nowMs);
    return {
      retentionHours,
      earliestMs: Math.min(createdMs, nowMs),
      ...(life && {
        life: { ...life, ...(fork && { ancestors: fork.ancestors, source: fork.shard }) },
      }),
    };
  }

  /** Removes what a creation has made that failed. What this leaves, the shards remove themselves. */
  private async abandon(stream: StreamDescription): Promise<void> {
    try {
      for (const { uid } of stream.shards) await this.env.SHARD.getByName(uid).destroy();
      await this.leaveSource(stream);
    } catch (error) {
      console.error(`removing the rest of ${stream.name} failed`, error);
    }
  }
}
