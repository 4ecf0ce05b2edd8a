// The catalog of one account and region: a Durable Object that stores its streams and their shards.
// It is not on the path of a record: Workers cache its answers for a few seconds. A change that
// spans several objects is a job (streamJobs.ts): it is stored first, then carried out, and then
// marked as done. The rules of each change are in the other files of this folder.
import type {
  AccountTotals,
  Commitment,
  ConsumerKey,
  ReshardOrder,
  StreamChange,
  TagChange,
  Tags,
} from "../core/control.ts";
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../core/bindings.ts";
import { StreamError } from "../errors.ts";
import { creationsMax, listedShardsMax, shardsMax } from "../limits.ts";
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
import { DurableStreams } from "./durableStreams.ts";
import type { DurableSpec } from "../core/durable.ts";
import { openCount } from "../core/hashRange.ts";
import { LazySql } from "../core/lazySql.ts";
import { hasWorkLeft } from "./lifecycle.ts";
import { CallRates } from "./callRates.ts";
import { QueueJobs } from "./queueJobs.ts";
import { QueueRegistry } from "./queueRegistry.ts";
import { StreamJobs } from "./streamJobs.ts";
import { StreamRegistry } from "./registry.ts";
import { planResharding, recentRecounts, waitLeft } from "./reshardPlan.ts";
import { requireUnclosed } from "./reshardRunner.ts";
import { requireLasting } from "./shardLife.ts";
import type {
  QueueChange,
  QueueDescription,
  QueueFilter,
  QueuePage,
  QueuePlace,
  QueueSpec,
} from "../core/queueTypes.ts";
import {
  asReply,
  type CatalogApi,
  type DurableCreation,
  type Reply,
  type ResourceKey,
  type StreamDirectory,
  type StreamHead,
  type StreamPage,
  type StreamSpec,
} from "../core/rpc.ts";
import { changeTags, TagTable } from "./tags.ts";
import type { ConsumerDescription, Resharding, Scope, StreamDescription } from "../core/types.ts";

export class Catalog extends DurableObject<Env> implements CatalogApi {
  private readonly tags: TagTable;
  protected readonly streams: StreamRegistry;
  private readonly accounts: AccountTable;
  private readonly creations: CreationTable;
  private readonly rates = new CallRates();
  private readonly jobs: StreamJobs;
  private readonly durable: DurableStreams;
  protected readonly queues: QueueRegistry;
  private readonly queueJobs: QueueJobs;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const schema = [
      ...StreamRegistry.schema,
      ...TagTable.schema,
      ...AccountTable.schema,
      ...CreationTable.schema,
      ...QueueRegistry.schema,
    ];
    const sql = new LazySql(ctx.storage.sql, "stream", schema);
    this.tags = new TagTable(sql);
    this.streams = new StreamRegistry(sql, this.tags);
    this.accounts = new AccountTable(sql);
    this.creations = new CreationTable(sql);
    this.durable = new DurableStreams(env, ctx.storage, this.streams);
    this.queues = new QueueRegistry(sql, this.tags);
    this.queueJobs = new QueueJobs(env, ctx.storage, this.queues, this.streams, this.tags);
    this.jobs = new StreamJobs(env, ctx.storage, this.streams, this.queueJobs, (stream) =>
      this.leaveSource(stream),
    );
  }

  createStream(scope: Scope, spec: StreamSpec): Promise<Reply<StreamDescription>> {
    return asReply(async () => {
      if (this.streams.find(spec.name) !== undefined) {
        throw new StreamError("streamExists", { stream: spec.name });
      }
      checkSpec(spec, this.streams.totals(), this.quota({ ...spec, ...scope }), this.isCommitted());
      this.checkCreations("tooManyStreams", () => this.streams.busy());
      const nowMs = Date.now();
      const createdMs = this.creations.timeFor(spec.name, "", nowMs);
      const stream = newStream(scope, spec, createdMs, nowMs);
      if (spec.tags !== undefined) this.tags.change(stream.uid, { put: spec.tags });
      await this.jobs.begin(stream);
      return (await this.jobs.finishCreating(stream)) ?? stream;
    });
  }

  createDurable(scope: Scope, spec: DurableSpec): Promise<Reply<DurableCreation>> {
    return asReply(() =>
      this.durable.create(scope, spec, this.creations.timeFor(spec.name, "", Date.now())),
    );
  }

  describeStream(name: string): Promise<Reply<{ stream: StreamDescription; cursorKey: string }>> {
    return asReply(async () => {
      const stream = await this.openedStream(name);
      if (hasWorkLeft(stream)) await this.jobs.wakeSoon();
      return { stream, cursorKey: this.accounts.cursorKey() };
    });
  }

  listStreams(after: string, limit: number, path?: string): Promise<Reply<StreamPage>> {
    return asReply(() => this.streams.page(after, limit, path));
  }

  listDirectory(
    path: string | undefined,
    after: string,
    limit: number,
  ): Promise<Reply<StreamDirectory>> {
    return asReply(() => this.streams.directory(path, after, limit));
  }

  deleteStream(
    name: string,
    withConsumers = false,
    uid?: string,
  ): Promise<Reply<{ deleted: true }>> {
    return asReply(async () => {
      const stream = this.streams.get(name);
      if (uid !== undefined && stream.uid !== uid) {
        throw new StreamError("streamNotFound", { stream: name });
      }
      if (stream.consumers.length > 0 && !withConsumers) {
        throw new StreamError("consumersRegistered", { stream: name });
      }
      this.queueJobs.requireNone(name);
      if (stream.status !== "DELETING" || hasWorkLeft(stream)) {
        if (await this.durable.retire(stream)) return { deleted: true as const };
        await this.remove(stream);
      }
      return { deleted: true as const };
    });
  }

  changeStream(
    name: string,
    change: StreamChange,
  ): Promise<Reply<{ before: StreamHead; after: StreamHead }>> {
    return asReply(async () => {
      const before = await this.openedStream(name);
      const after = changeAttributes(before, change, this.isCommitted(), Date.now());
      if (before.mode !== after.mode && after.mode === "PROVISIONED")
        this.queueJobs.requireNone(name);
      const isNewOnDemand = before.mode !== "ON_DEMAND" && after.mode === "ON_DEMAND";
      if (isNewOnDemand) checkOnDemandCount(this.streams.totals(), this.quota(before));
      if (after.retaining === true) {
        await this.jobs.begin(after);
        await this.jobs.finishRetaining(after);
      } else if (after !== before) {
        if (after.status === "UPDATING") await this.jobs.settle(after);
        else this.streams.save(after);
      }
      return { before: headOf(before), after: headOf(after) };
    });
  }

  reshardStream(name: string, order: ReshardOrder): Promise<Reply<{ stream: StreamDescription }>> {
    return asReply(async () => {
      const known = await this.openedStream(name);
      requireLasting(known);
      await requireUnclosed(this.env, known, this.planOf(known, order));
      // The shards were asked meanwhile, so the plan is made of what is now.
      const stream = this.streams.get(name);
      const resharding = this.planOf(stream, order);
      if (resharding.made.length === 0) return { stream };
      const nowMs = Date.now();
      const begun: StreamDescription = { ...stream, status: "UPDATING", resharding };
      if (order.kind === "recount") begun.recountsMs = [...recentRecounts(stream, nowMs), nowMs];
      await this.jobs.begin(begun);
      this.ctx.waitUntil(
        this.jobs
          .finishResharding(begun)
          .catch((error: unknown) =>
            console.error(`resharding ${name} failed, and will be resumed`, error),
          ),
      );
      return { stream: begun };
    });
  }

  settledStream(name: string): Promise<Reply<{ stream: StreamDescription }>> {
    return asReply(async () => {
      const stream = await this.openedStream(name);
      // Before that time no shard is closed, and the caller need not wait.
      const { resharding } = stream;
      const isUnderWay = resharding !== undefined && waitLeft(resharding, Date.now()) === 0;
      if (isUnderWay) await this.jobs.finishResharding(stream);
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
      const queueCount = this.queueJobs.count(name);
      const consumer = registerConsumer(stream, consumerName, times, max, queueCount);
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

  createQueue(spec: QueueSpec): Promise<Reply<{ queue: QueueDescription }>> {
    return asReply(async () => {
      const max = consumerLimit(await this.openedStream(spec.stream), this.isCommitted());
      return { queue: await this.queueJobs.create(spec, max) };
    });
  }

  describeQueue(id: string): Promise<Reply<{ queue: QueueDescription }>> {
    return asReply(async () => {
      const queue = this.queues.get(id);
      if (hasWorkLeft(queue)) await this.jobs.wakeSoon();
      return { queue };
    });
  }

  async listQueues(
    after: QueuePlace | undefined,
    limit: number,
    filter?: readonly QueueFilter[],
  ): Promise<QueuePage> {
    return this.queues.page(after, limit, filter);
  }

  updateQueue(id: string, change: QueueChange): Promise<Reply<{ queue: QueueDescription }>> {
    return asReply(async () => ({ queue: await this.queueJobs.update(id, change) }));
  }

  deleteQueue(id: string): Promise<Reply<{ deleted: true }>> {
    return asReply(async () => {
      await this.queueJobs.delete(id);
      return { deleted: true as const };
    });
  }

  async countQueues(stream: string): Promise<number> {
    return this.queueJobs.count(stream);
  }

  /** The stream, whose shards are there from now on. Throws `streamNotFound`. */
  private async openedStream(name: string): Promise<StreamDescription> {
    const stream = this.streams.get(name);
    if (stream.durable?.unopened === undefined) return stream;
    await this.durable.open(stream);
    return this.streams.get(name);
  }

  /** Removes the source of a fork that is gone, if it was deleted and has no other forks. */
  private async leaveSource(stream: StreamDescription): Promise<void> {
    const source = await this.durable.leaveSource(stream);
    if (source !== undefined) await this.remove(source);
  }

  private async remove(stream: StreamDescription): Promise<void> {
    const { settlesMs: _, settlingMs: __, ...rest } = stream;
    const deleting: StreamDescription = { ...rest, status: "DELETING" };
    this.creations.leaveStream(deleting, Date.now());
    await this.jobs.begin(deleting);
    // From now on no shard is opened any more; one that comes late would stay.
    await this.durable.untilOpened(stream);
    await this.jobs.finishDeleting(deleting);
  }

  readTags(resource: ResourceKey): Promise<Reply<{ tags: Tags }>> {
    return asReply(() => ({ tags: this.tags.of(this.resource(resource).uid) }));
  }

  changeTags(resource: ResourceKey, change: TagChange): Promise<Reply<{ changed: true }>> {
    return asReply(() => {
      const { uid, stream } = this.resource(resource);
      if (stream !== undefined) requirePresent(stream);
      this.tags.change(uid, change);
      return { changed: true as const };
    });
  }

  changePolicy(resource: ResourceKey, policy: string | null): Promise<Reply<{ changed: true }>> {
    return asReply(() => {
      if (resource.queue !== undefined) this.queueJobs.changePolicy(resource.queue, policy);
      else {
        const stream = this.streams.get(resource.stream);
        this.streams.save(changePolicy(stream, resource.consumer, policy));
      }
      return { changed: true as const };
    });
  }

  account(): Promise<Reply<{ totals: AccountTotals; commitment?: Commitment }>> {
    return asReply(() => {
      const commitment = this.accounts.commitment();
      return { totals: this.streams.totals(), ...(commitment && { commitment }) };
    });
  }

  commitAccount(wanted: boolean): Promise<Reply<{ commitment?: Commitment }>> {
    return asReply(() => {
      const before = this.accounts.commitment();
      const commitment = changeCommitment(before, wanted, Date.now());
      if (commitment === undefined) return {};
      this.accounts.save(commitment);
      return { commitment };
    });
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
    await this.jobs.resumeAll(Math.min(Date.now(), info?.scheduledTime ?? Infinity));
    await this.queueJobs.resumeAll();
  }

  private resource(resource: ResourceKey): { stream?: StreamDescription; uid: string } {
    if (resource.queue !== undefined) return { uid: this.queues.get(resource.queue).id };
    const { stream: name, consumer } = resource;
    const stream = this.streams.get(name);
    const { uid } = consumer === undefined ? stream : getConsumer(stream, consumer);
    return { stream, uid };
  }

  /** The plan of a change of shards. Throws if it cannot be carried out. */
  private planOf(stream: StreamDescription, order: ReshardOrder): Resharding {
    requireActive(stream);
    const nowMs = Date.now();
    const earliestMs = nowMs + readSettings(this.env).transitionMs;
    const resharding = planResharding(stream, order, earliestMs, nowMs);
    if (resharding.made.length > 0) this.checkResharding(stream, resharding);
    return resharding;
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
