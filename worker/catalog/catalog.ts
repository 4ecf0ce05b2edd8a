// The catalog of one account and region: a Durable Object that stores its streams and their shards.
// It is not on the path of a record: Workers cache its answers for a few seconds. A change that
// spans several objects is stored first, then carried out, and then marked as done. The alarm
// resumes interrupted changes, and ends states whose time is over. The rules of each change are in
// the other files of this folder.
import type { TagChange } from "../core/control.ts";
import type { Tags } from "../core/control.ts";
import type { ReshardOrder } from "../core/control.ts";
import type { AccountTotals } from "../core/control.ts";
import type { ConsumerKey } from "../core/control.ts";
import type { StreamChange } from "../core/control.ts";
import type { Commitment } from "../core/control.ts";
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../core/bindings.ts";
import { StreamError } from "../errors.ts";
import {
  creationsMax,
  forgetDelayMs,
  listedShardsMax,
  resumeDelayMs,
  shardsMax,
} from "../limits.ts";
import { readSettings } from "../core/settings.ts";
import { AccountTable, changeCommitment, commitmentState } from "./account.ts";
import { changeAttributes, requireActive, requirePresent } from "./streamChanges.ts";
import {
  changePolicy,
  consumerLimit,
  deregisterConsumer,
  getConsumer,
  registerConsumer,
} from "./consumers.ts";
import { type AccountQuota, accountQuota } from "./accountQuota.ts";
import { checkOnDemandCount, checkShardCount, checkSpec, newStream } from "./creation.ts";
import { CreationTable } from "./creations.ts";
import { openCount } from "../core/hashRange.ts";
import { LazySql } from "../core/lazySql.ts";
import { hasWorkLeft, settleStream } from "./lifecycle.ts";
import { CallRates } from "./callRates.ts";
import { StreamRegistry } from "./registry.ts";
import { planResharding, recentRecounts, waitLeft } from "./reshardPlan.ts";
import { expiredShards, nextExpiryMs, Reshardings } from "./reshardRunner.ts";
import {
  asReply,
  type CatalogApi,
  type Reply,
  type ResourceKey,
  type StreamDirectory,
  type StreamHead,
  type StreamPage,
  type StreamSpec,
} from "../core/rpc.ts";
import { changeTags, TagTable } from "./tags.ts";
import type {
  ConsumerDescription,
  Resharding,
  Scope,
  ShardDescription,
  StreamDescription,
  StreamStatus,
} from "../core/types.ts";
import { visitShards } from "../core/parallel.ts";

export class Catalog extends DurableObject<Env> implements CatalogApi {
  private readonly tags: TagTable;
  private readonly streams: StreamRegistry;
  private readonly accounts: AccountTable;
  private readonly creations: CreationTable;
  private readonly rates = new CallRates();
  private readonly reshardings: Reshardings;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const schema = [
      ...StreamRegistry.schema,
      ...TagTable.schema,
      ...AccountTable.schema,
      ...CreationTable.schema,
    ];
    const sql = new LazySql(ctx.storage.sql, "stream", schema);
    this.tags = new TagTable(sql);
    this.streams = new StreamRegistry(sql, this.tags);
    this.accounts = new AccountTable(sql);
    this.creations = new CreationTable(sql);
    this.reshardings = new Reshardings(env, this.streams);
  }

  createStream(scope: Scope, spec: StreamSpec): Promise<Reply<StreamDescription>> {
    return asReply(async () => {
      if (this.streams.find(spec.name) !== undefined) {
        throw new StreamError("streamExists", { stream: spec.name });
      }
      checkSpec(spec, this.streams.totals(), this.quota({ ...spec, ...scope }), this.isCommitted());
      this.checkCreations("tooManyStreams", () => this.streams.all());
      const nowMs = Date.now();
      const createdMs = this.creations.timeFor(spec.name, "", nowMs);
      const stream = newStream(scope, spec, createdMs, nowMs);
      if (spec.tags !== undefined) this.tags.change(stream.uid, { put: spec.tags });
      await this.begin(stream);
      return (await this.finishCreating(stream)) ?? stream;
    });
  }

  describeStream(name: string): Promise<Reply<{ stream: StreamDescription; cursorKey: string }>> {
    return asReply(async () => {
      const stream = this.streams.get(name);
      if (hasWorkLeft(stream)) await this.wakeSoon();
      return { stream, cursorKey: this.accounts.cursorKey() };
    });
  }

  async listStreams(after: string, limit: number, path?: string): Promise<StreamPage> {
    return this.streams.page(after, limit, path);
  }

  async listDirectory(
    path: string | undefined,
    after: string,
    limit: number,
  ): Promise<StreamDirectory> {
    return this.streams.directory(path, after, limit);
  }

  deleteStream(name: string, withConsumers = false): Promise<Reply<{ deleted: true }>> {
    return asReply(async () => {
      const stream = this.streams.get(name);
      if (stream.consumers.length > 0 && !withConsumers) {
        throw new StreamError("consumersRegistered", { stream: name });
      }
      if (stream.status !== "DELETING" || hasWorkLeft(stream)) {
        const { settlesMs: _, settlingMs: __, ...rest } = stream;
        const doomed: StreamDescription = { ...rest, status: "DELETING" };
        this.creations.leaveStream(doomed, Date.now());
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
      const after = changeAttributes(before, change, this.isCommitted(), Date.now());
      const isNewOnDemand = before.mode !== "ON_DEMAND" && after.mode === "ON_DEMAND";
      if (isNewOnDemand) checkOnDemandCount(this.streams.totals(), this.quota(before));
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

  reshardStream(name: string, order: ReshardOrder): Promise<Reply<{ stream: StreamDescription }>> {
    return asReply(async () => {
      const stream = this.streams.get(name);
      requireActive(stream);
      const nowMs = Date.now();
      const earliestMs = nowMs + readSettings(this.env).transitionMs;
      const resharding = planResharding(stream, order, earliestMs, nowMs);
      if (resharding.made.length === 0) return { stream };
      this.checkResharding(stream, resharding);
      const begun: StreamDescription = { ...stream, status: "UPDATING", resharding };
      if (order.kind === "recount") begun.recountsMs = [...recentRecounts(stream, nowMs), nowMs];
      await this.begin(begun);
      this.ctx.waitUntil(
        this.finishResharding(begun).catch((error: unknown) =>
          console.error(`resharding ${name} failed, and will be resumed`, error),
        ),
      );
      return { stream: begun };
    });
  }

  settledStream(name: string): Promise<Reply<{ stream: StreamDescription }>> {
    return asReply(async () => {
      const stream = this.streams.get(name);
      // Before that time no shard is closed, and the caller need not wait.
      const { resharding } = stream;
      const isUnderWay = resharding !== undefined && waitLeft(resharding, Date.now()) === 0;
      if (isUnderWay) await this.finishResharding(stream);
      return { stream: this.streams.get(name) };
    });
  }

  registerConsumer(
    name: string,
    consumerName: string,
    tags: Tags = new Map(),
    mostForFace?: number,
  ): Promise<Reply<ConsumerDescription>> {
    return asReply(() => {
      const stream = this.streams.get(name);
      const max = mostForFace ?? consumerLimit(stream, this.isCommitted());
      this.checkCreations("tooManyConsumers", () => stream.consumers);
      changeTags(new Map(), { put: tags });
      const { transitionMs } = readSettings(this.env);
      const nowMs = Date.now();
      const createdMs = this.creations.timeFor(name, consumerName, nowMs);
      const times = { nowMs, createdMs, transitionMs };
      const consumer = registerConsumer(stream, consumerName, times, max);
      this.streams.save(stream);
      this.tags.change(consumer.uid, { put: tags });
      return consumer;
    });
  }

  deregisterConsumer(name: string, consumer: ConsumerKey): Promise<Reply<{ deregistered: true }>> {
    return asReply(() => {
      const stream = this.streams.get(name);
      const { transitionMs } = readSettings(this.env);
      const nowMs = Date.now();
      const gone = deregisterConsumer(stream, consumer, nowMs, transitionMs);
      this.creations.leaveConsumer(name, gone, nowMs);
      this.tags.remove(gone.uid);
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

  async findCursorKey(): Promise<{ key?: string }> {
    const key = this.accounts.findCursorKey();
    return key === undefined ? {} : { key };
  }

  async cursorKey(): Promise<string> {
    return this.accounts.cursorKey();
  }

  async takeTurns(name: string, count: number): Promise<number> {
    return this.streams.takeTurns(name, count);
  }

  /**
   * Resumes interrupted work, and ends states whose time is over, which reading them does. Deletes
   * closed shards that had expired at the time for which the alarm was set.
   */
  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    const setForMs = Math.min(Date.now(), info?.scheduledTime ?? Infinity);
    for (const stream of this.streams.all()) {
      if (!hasWorkLeft(stream)) continue;
      try {
        await this.resume(stream);
      } catch (error) {
        console.error(`resuming ${stream.name} failed`, error);
        await this.wakeBy(Date.now() + resumeDelayMs);
      }
    }
    for (const stream of this.streams.all()) await this.expire(stream, setForMs);
    let nextMs = Infinity;
    for (const stream of this.streams.all()) {
      nextMs = Math.min(nextMs, stream.settlesMs ?? Infinity, this.expiryWakeMs(stream));
    }
    if (nextMs < Infinity) await this.wakeBy(nextMs);
  }

  private async resume(stream: StreamDescription): Promise<void> {
    if (stream.status === "CREATING") await this.finishCreating(stream);
    else if (stream.status === "DELETING") await this.finishDeleting(stream);
    else if (stream.retaining === true) await this.finishRetaining(stream);
    else if (stream.resharding !== undefined)
      await this.resumeResharding(stream.resharding, stream);
  }

  /** Stores what must be done, and sets the alarm that resumes it. */
  private async begin(stream: StreamDescription): Promise<void> {
    this.streams.save(stream);
    await this.wakeBy(Date.now() + resumeDelayMs);
  }

  private async finishCreating(stream: StreamDescription): Promise<StreamDescription | undefined> {
    await visitShards(stream.shards, (shard) => {
      const { retentionHours } = stream;
      const earliestMs = Math.min(shard.createdMs, Date.now());
      return this.shard(shard).open({ ...shard, retentionHours, earliestMs });
    });
    return this.finish(stream, "CREATING");
  }

  private async finishDeleting(stream: StreamDescription): Promise<void> {
    await this.reshardings.stop(stream);
    const { shards, resharding } = stream;
    await visitShards([...shards, ...(resharding?.made ?? [])], (shard) =>
      this.shard(shard).destroy(),
    );
    const now = this.streams.find(stream.name);
    if (now?.uid !== stream.uid) return;
    if (readSettings(this.env).transitionMs === 0) this.streams.remove(now);
    else if (hasWorkLeft(now)) await this.settle(now);
  }

  /** A shard that does not exist any more need not know. */
  private async finishRetaining(stream: StreamDescription): Promise<void> {
    await visitShards(stream.shards, async (shard) =>
      this.shard(shard).retain(stream.retentionHours),
    );
    const now = await this.finish(stream, "UPDATING");
    if (now !== undefined) await this.wakeToExpire(now);
  }

  private async finishResharding(stream: StreamDescription): Promise<void> {
    await this.reshardings.run(stream);
    const now = this.streams.find(stream.name);
    if (now !== undefined) await this.wakeToExpire(now);
  }

  /** The alarm does not wait for the end of a prolonged transition. */
  private async resumeResharding(plan: Resharding, stream: StreamDescription): Promise<void> {
    const isSoon = waitLeft(plan, Date.now()) <= resumeDelayMs;
    await (isSoon ? this.finishResharding(stream) : this.wakeBy(plan.notBeforeMs));
  }

  /** Removes closed shards whose records have expired; from the list last. */
  private async expire(stream: StreamDescription, nowMs: number): Promise<void> {
    const expired = expiredShards(stream, nowMs);
    if (expired.length === 0 || stream.status !== "ACTIVE") return;
    await visitShards(expired, (shard) => this.shard(shard).destroy());
    const now = this.streams.find(stream.name);
    if (now?.uid !== stream.uid) return;
    const uids = new Set(expired.map(({ uid }) => uid));
    this.streams.save({ ...now, shards: now.shards.filter(({ uid }) => !uids.has(uid)) });
  }

  private async wakeToExpire(stream: StreamDescription): Promise<void> {
    const timeMs = this.expiryWakeMs(stream);
    if (timeMs < Infinity) await this.wakeBy(timeMs);
  }

  private expiryWakeMs(stream: StreamDescription): number {
    const [timeMs = Infinity, nowMs] = [nextExpiryMs(stream), Date.now()];
    return timeMs > nowMs ? timeMs : nowMs + forgetDelayMs;
  }

  /**
   * Marks the work as done and returns the stream; undefined if the stream is not in that state any
   * more.
   */
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

  /** Sets the alarm to that time, unless it is set earlier. */
  private async wakeBy(timeMs: number): Promise<void> {
    const alarmMs = await this.ctx.storage.getAlarm();
    await this.ctx.storage.setAlarm(Math.min(alarmMs ?? timeMs, timeMs));
  }

  /** Also corrects an alarm that is far ahead because the clock was set back. */
  private async wakeSoon(): Promise<void> {
    const [timeMs, alarmMs] = [Date.now() + resumeDelayMs, await this.ctx.storage.getAlarm()];
    if (alarmMs === null || alarmMs > timeMs) await this.ctx.storage.setAlarm(timeMs);
  }

  private shard(shard: ShardDescription) {
    return this.env.SHARD.getByName(shard.uid);
  }

  private resource({ stream: name, consumer }: ResourceKey) {
    const stream = this.streams.get(name);
    const { uid } = consumer === undefined ? stream : getConsumer(stream, consumer);
    return { stream, uid };
  }

  /** Throws if the stream, its account or its list would have too many shards. */
  private checkResharding(stream: StreamDescription, { made, closing }: Resharding): void {
    const { shards } = stream;
    const additional = openCount(made) - closing.length;
    checkShardCount(this.streams.totals(), this.quota(stream), additional);
    const listed = shards.length + made.length;
    if (openCount(shards) + additional > shardsMax || listed > listedShardsMax) {
      throw new StreamError("tooManyShards", { limit: shardsMax });
    }
  }

  private checkCreations(
    code: "tooManyStreams" | "tooManyConsumers",
    listAll: () => Iterable<{ status: string }>,
  ): void {
    if (readSettings(this.env).limits === "none") return;
    let creating = 0;
    for (const { status } of listAll()) if (status === "CREATING") creating++;
    if (creating >= creationsMax) throw new StreamError(code, { limit: creationsMax, creating });
  }

  private quota(stream: Parameters<typeof accountQuota>[1]): AccountQuota {
    return accountQuota(readSettings(this.env), stream);
  }

  private isCommitted(): boolean {
    return commitmentState(this.accounts.commitment(), Date.now()) !== "none";
  }
}

function headOf(stream: StreamDescription): StreamHead {
  const { shards: _, resharding: __, ...head } = stream;
  return head;
}
