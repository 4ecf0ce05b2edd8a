// A shard: a Durable Object that gives records their index and arrival time, makes them durable
// (committer.ts), and returns them when they are (publishedView.ts). It never parses a request or
// prints a reply. After a failed write the state in memory is read from the rows again
// (shardState.ts). A closed shard accepts no records. This file has the calls to the object, and
// the work of its alarm.
import type { QuotaKind } from "../core/types.ts";
import { DurableObject } from "cloudflare:workers";
import { tally } from "../core/tally.ts";
import { isOver } from "../core/clock.ts";
import type { Env } from "../core/bindings.ts";
import { StreamError } from "../errors.ts";
import { sealAgeMs, tierRetryMs } from "../limits.ts";
import type { DurableState, ForkReply, WriteGuard, WriteReply } from "../core/durable.ts";
import { takeHanded } from "../core/handedChunks.ts";
import { isOnlyIsolate } from "../core/publishedTips.ts";
import { loseNear, type NearApi, type NearShard, openNear } from "../core/nearShards.ts";
import { noteStaged } from "../core/stagedSegments.ts";
import { readSettings } from "../core/settings.ts";
import { AlarmClock } from "./alarmClock.ts";
import type { Chunk } from "../engine/chunk.ts";
import { openKept, openOffered } from "./appendQueue.ts";
import { Committer } from "./committer.ts";
import { PublishedView } from "./publishedView.ts";
import { ShardState } from "./shardState.ts";
import { bodies } from "../core/bodyCache.ts";
import { DurableStream } from "./durableStream.ts";
import { Expiry } from "./expiry.ts";
import { fillNew } from "./newShard.ts";
import { resetPending } from "./pendingBudget.ts";
import { ShardQuota } from "./shardQuota.ts";
import {
  type AppendOutcome,
  type AppendReply,
  type AppendToken,
  asReply,
  type Beginning,
  type FirstContents,
  type HandedOffer,
  type KeptChunk,
  type NextRequest,
  type Offer,
  type OfferReply,
  type Reply,
  type SegmentReply,
  type ShardApi,
} from "../core/rpc.ts";
import { seekIndex } from "./seek.ts";
import { findUnreadable } from "./skips.ts";
import { MeteredSql } from "../core/meteredSql.ts";
import { KeyIndexer } from "./keyIndexer.ts";
import { ShardStore } from "./store.ts";
import { TipSession } from "./tipSession.ts";
import { readTail } from "./tailPage.ts";
import { TipNotice } from "./tipNotice.ts";
import { TierMover } from "./tierMover.ts";
import { WaitList } from "./waitList.ts";
import type {
  ReadReply,
  ReadRequest,
  SegmentFilters,
  SeekReply,
  SeekRequest,
  ShardEnd,
  ShardSettings,
  ShardStats,
  ShardView,
  SkippedSegment,
} from "../core/types.ts";

export class Shard extends DurableObject<Env> implements ShardApi {
  private readonly sql: MeteredSql;
  private readonly state: ShardState;
  private readonly alarmClock: AlarmClock;
  private readonly tiering: TierMover;
  private readonly indexer: KeyIndexer;
  private readonly committer: Committer;
  private readonly durable: DurableStream;
  private readonly expiry: Expiry;
  private readonly waiting = new WaitList();
  private readonly published = new PublishedView(this.waiting);
  private readonly notice: TipNotice;
  /** Set only if the server keeps the service's limits. */
  private readonly quota: ShardQuota | undefined;
  private readonly counters = { reads: 0, segmentReads: 0 };

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql = new MeteredSql(ctx.storage.sql);
    this.alarmClock = new AlarmClock(ctx.storage, this.sql);
    if (readSettings(env).limits === "kinesis") this.quota = new ShardQuota();
    this.notice = new TipNotice(isOnlyIsolate(env), ctx.id.name);
    this.state = new ShardState(ctx, this.sql, {
      onLoss: () => this.notice.takeBack(),
      onRecovery: (store) => this.recovered(store),
    });
    this.tiering = new TierMover(env.SEGMENTS, {
      store: () => this.state.store,
      sealedSegment: () => this.published.segment,
      transact: (change) => this.state.transact(change),
      wakeBy: (timeMs) => this.alarmClock.wakeBy(timeMs),
      moves: (segment, body) => this.indexer.take(segment, body),
      filtered: (segment, filter) => this.indexer.note(segment, filter),
      filtersOf: (store, generation) => this.indexer.filtersOf(store, generation),
    });
    this.indexer = new KeyIndexer({
      store: () => this.state.store,
      load: (store, segment) => this.tiering.segmentBody(store, segment),
      transact: (change) => this.state.transact(change),
    });
    this.committer = new Committer({
      sql: this.sql,
      storage: ctx.storage,
      state: this.state,
      alarmClock: this.alarmClock,
      publish: (isDurable) => this.publish(isDurable === true),
      during: (change) => this.notice.during(change),
      moveSealed: () => void this.moveSealed(),
      staged: (store, chunk) => this.staged(store, chunk),
    });
    this.durable = new DurableStream({
      opened: () => this.opened(),
      committer: this.committer,
      published: this.published,
      wakeBy: (timeMs) => this.alarmClock.wakeBy(timeMs),
    });
    this.expiry = new Expiry(env, {
      destroy: () => this.destroy(),
      noteKnown: (life) =>
        this.committer.change(() => this.opened().describe({ life: { ...life, isKnown: true } })),
      wakeBy: (timeMs) => this.alarmClock.wakeBy(timeMs),
    });
    if (isOnlyIsolate(env)) loseNear(ctx.id.name ?? "");
    this.state.recoverIfPossible();
  }

  /** Opens a WebSocket, and takes calls from memory as long as it is open (core/nearShards.ts). */
  override fetch(): Response {
    if (!isOnlyIsolate(this.env)) return new Response("no such page\n", { status: 404 });
    const { 0: client, 1: socket } = new WebSocketPair();
    const near = openNear(this.ctx.id.name ?? "");
    socket.accept();
    socket.addEventListener("close", () => near.leave());
    this.ctx.waitUntil(this.takeNear(near));
    return new Response(null, { status: 101, webSocket: client });
  }

  private async takeNear(near: NearShard): Promise<void> {
    const api: NearApi = {
      append: (chunks) => this.gate(this.append(chunks)),
      write: (chunks, guard) => this.gate(this.write(chunks, guard), true),
      appendKept: (chunk) => this.gate(this.appendKept(chunk)),
    };
    for (let calls = await near.take(); calls !== undefined; calls = await near.take()) {
      tally.nearCalls += calls.length;
      // Those that came together share a commit.
      this.committer.together(() => {
        for (const call of calls) void call.run(api);
      });
    }
  }

  /**
   * What an answer rests on is to be durable before it leaves, as the platform sees to it for its calls. Receipts are given
   * for what is durable already; whatever else is answered, such as the end of a shard, may be under way.
   */
  private async gate<R extends object | null>(answering: Promise<R>, isAny = false): Promise<R> {
    const reply = await answering;
    if (isAny || reply === null || "failed" in reply) await this.ctx.storage.sync();
    return reply;
  }

  async open(shard: ShardSettings): Promise<void> {
    this.state.create(shard);
    await this.alarmClock.wakeBy(Date.now() + sealAgeMs);
  }

  append(offered: readonly Uint8Array[], token?: AppendToken): Promise<Reply<AppendReply>> {
    return asReply(() => this.take(() => openOffered(offered), token));
  }

  appendEach(offers: Offer[]): Promise<AppendOutcome[]> {
    const take = ({ chunks, guard }: Offer): Promise<OfferReply> =>
      guard === undefined ? this.append(chunks) : this.write(chunks, guard);
    const outcomes = this.committer.together(() =>
      offers.map((offer) =>
        take(offer).then(
          (reply) => ({ reply }),
          (error: Error) => ({ error }),
        ),
      ),
    );
    return Promise.all(outcomes);
  }

  async appendEachHanded(number: number, offers: HandedOffer[]): Promise<AppendOutcome[] | null> {
    const chunks = takeHanded(this.ctx.id.name ?? "", number);
    if (chunks === undefined) return null;
    let at = 0;
    return this.appendEach(
      offers.map(({ count, guard }) => ({ chunks: chunks.slice(at, (at += count)), guard })),
    );
  }

  async appendHanded(number: number): Promise<Reply<AppendReply> | null> {
    const offered = takeHanded(this.ctx.id.name ?? "", number);
    return offered === undefined ? null : this.append(offered);
  }

  appendKept(offered: KeptChunk): Promise<Reply<AppendReply> | null> {
    return asReply(async () => {
      const { store } = this.state;
      const { staging } = this.tiering;
      if (!staging.isPossible || this.quota !== undefined || store === undefined) return null;
      const chunk = openKept(offered);
      // What would become a part of a larger segment is needed here.
      if (!store.log.isSegment(chunk.header)) return null;
      return await staging.run(store, offered.id, () => this.take(() => [chunk]));
    });
  }

  begin(shard: ShardSettings, contents: FirstContents): Promise<Reply<Beginning>> {
    return asReply(async () => {
      const chunks = openOffered(contents.chunks);
      await this.notice.during(async () => {
        const isNew = this.state.create(shard, (store) => fillNew(store, chunks, contents));
        if (isNew && chunks.length > 0) this.committer.count(chunks);
        await this.alarmClock.wakeBy(Date.now() + sealAgeMs);
        if (isNew) await this.ctx.storage.sync();
      });
      return this.durable.begun();
    });
  }

  write(offered: Uint8Array[], guard: WriteGuard, token?: AppendToken): Promise<Reply<WriteReply>> {
    return asReply(() => this.durable.write(openOffered(offered), guard, token));
  }

  look(touch: boolean, index?: number): Promise<Reply<DurableState>> {
    return asReply(() => {
      this.sayTip();
      return this.durable.look(touch, index);
    });
  }

  readNext({ timeoutMs, ...request }: NextRequest): Promise<Reply<ReadReply>> {
    return asReply(async () => {
      const { nextIndex, closedMs } = this.currentView();
      const isThere = nextIndex > request.index || closedMs !== undefined;
      if (!isThere) await this.waiting.waitUnnamed(request.index, timeoutMs);
      return this.readNow(request);
    });
  }

  fork(uid: string, index: number | undefined, more: number): Promise<Reply<ForkReply>> {
    return asReply(() => this.durable.fork(uid, index, more));
  }

  releaseFork(uid: string): Promise<Reply<{ isFree: boolean }>> {
    return asReply(() => this.durable.releaseFork(uid));
  }

  retire(isKept = false): Promise<Reply<{ isKept: boolean }>> {
    return asReply(() => this.durable.retire(isKept));
  }

  close(): Promise<Reply<ShardEnd>> {
    return asReply(() => {
      this.opened();
      return this.committer.close();
    });
  }

  read(request: ReadRequest): Promise<Reply<ReadReply>> {
    return asReply(() => this.readNow(request));
  }

  view(): Promise<Reply<ShardView>> {
    return asReply(() => {
      this.sayTip();
      return this.currentView();
    });
  }

  seek(request: SeekRequest): Promise<Reply<SeekReply>> {
    return asReply(async () => {
      const view = this.currentView();
      const store = this.opened();
      const index = await seekIndex(store, view, request, (entry) =>
        this.tiering.bodyUnlessSkipped(store, entry),
      );
      this.sayTip();
      return { location: { segment: this.segmentAt(index), index }, view };
    });
  }

  subscribe(consumer: string): Promise<Reply<{ subscription: TipSession }>> {
    return asReply(() => {
      this.opened();
      const place = this.waiting.take(consumer, Date.now());
      const shard = {
        view: () => this.currentView(),
        read: (request: ReadRequest) => this.readNow(request),
      };
      return { subscription: new TipSession(shard, this.waiting, place) };
    });
  }

  watch({ index, timeoutMs }: { index: number; timeoutMs: number }): Promise<Reply<ShardView>> {
    return asReply(async () => {
      const { nextIndex, closedMs } = this.currentView();
      const isThere = nextIndex > index || closedMs !== undefined;
      if (!isThere) await this.waiting.watch(index, timeoutMs);
      return this.currentView();
    });
  }

  admit(kind: QuotaKind): Promise<Reply<{ admitted: true }>> {
    return asReply(() => {
      this.opened();
      this.quota?.admitCall(kind, Date.now());
      return { admitted: true as const };
    });
  }

  async spend(bytes: number): Promise<void> {
    this.quota?.spendRead(bytes, Date.now());
  }

  segment(segment: number): Promise<Reply<SegmentReply>> {
    return asReply(async () => {
      const store = this.opened();
      this.counters.segmentReads++;
      if (segment >= this.published.segment) return { body: null };
      const skipped = store.skippedSegment(segment);
      const body =
        skipped === undefined ? store.loadSegment(segment) : store.loadSegmentIfSound(segment);
      // One that is in R2 by now is read there.
      const found = body ?? (await this.tiering.stagedBody(store, segment)) ?? null;
      return { body: found, ...(skipped !== undefined && { skipped }) };
    });
  }

  filters(segment: number): Promise<Reply<{ generations: SegmentFilters[] }>> {
    return asReply(() => ({ generations: this.opened().generations.filtersFrom(segment) }));
  }

  skip(segment: number): Promise<Reply<{ skipped: SkippedSegment }>> {
    return asReply(async () => {
      const store = this.opened();
      const isTail = segment === this.published.segment;
      if (isTail) this.committer.sealTail();
      const end = isTail ? this.published.segment : segment + 1;
      const load = (each: number) => this.tiering.segmentBody(store, each);
      const skipped = await findUnreadable(store, segment, end, load);
      const { uid } = this.opened().description;
      this.state.transact(() => this.opened().skip(skipped));
      await this.ctx.storage.sync();
      console.warn(`readers may pass over a segment of shard ${uid}`, skipped);
      return { skipped };
    });
  }

  retain(retentionHours: number): Promise<Reply<{ retained: true }>> {
    return asReply(async () => {
      await this.committer.change(() => this.opened().retain(retentionHours, Date.now()));
      await this.alarmClock.wakeBy(this.nextWakeMs());
      return { retained: true as const };
    });
  }

  async destroy(): Promise<void> {
    // A shard whose removal was interrupted is not open, but still stored.
    const store = this.state.stored();
    if (store !== undefined) {
      this.notice.takeBack();
      store.describe({ destroyed: true });
      this.state.store = undefined;
      this.published.end();
      await this.tiering.drop(store.description.uid);
    }
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  stats(): Promise<Reply<ShardStats>> {
    return asReply(() => {
      const store = this.opened();
      return {
        shard: store.description.uid,
        ...store.totals(Date.now()),
        databaseBytes: this.sql.databaseBytes,
        pendingBytes: this.committer.pendingBytes,
        rowsWritten: this.sql.rowsWritten,
        waiting: this.waiting.waiting,
        ...this.committer.counters,
        ...this.counters,
      };
    });
  }

  /**
   * Seals an old tail, deletes expired records, moves segments to R2; or finishes a removal. It
   * deletes only what had expired at the time for which the alarm was set, so that a clock that is
   * wrong for a moment does no harm.
   */
  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    const setForMs = info?.scheduledTime ?? Infinity;
    this.alarmClock.rings();
    this.state.ensureRecovered();
    const { store } = this.state;
    if (store === undefined) return this.destroy();
    const nowMs = Date.now();
    if (await this.expiry.run(store, this.durable.expiredAt(nowMs), nowMs)) return;
    const { entries, sealedCount } = store.log;
    const oldestTail = entries[sealedCount];
    const isOld = oldestTail !== undefined && isOver(oldestTail.firstMs, sealAgeMs, nowMs);
    if (isOld) this.committer.sealTail();
    try {
      await this.trim(Math.min(nowMs, setForMs));
    } catch (error) {
      console.error("forgetting old records failed", error);
      await this.alarmClock.wakeBy(nowMs + tierRetryMs);
    }
    await this.moveSealed();
    await this.alarmClock.wakeBy(this.nextWakeMs(nowMs));
  }

  /** Accepts what is to be appended, and resolves when it is durable. */
  private async take(open: () => Chunk[], token?: AppendToken): Promise<AppendReply> {
    const { uid, closedMs, isFinal, life } = this.durable.inUse().description;
    if (life?.isDeleted === true) throw new StreamError("shardNotFound", { uid });
    const known = token && this.committer.findAppend(token);
    if (known !== undefined) return { receipts: await known, refused: 0 };
    if (isFinal === true) throw new StreamError("streamClosed");
    const isClosing = this.committer.isClosing || this.durable.isEnding;
    if (closedMs !== undefined || isClosing) {
      throw new StreamError("shardClosed", { uid });
    }
    const opened = open();
    const { chunks, refused } = this.quota?.admitRecords(opened, Date.now()) ?? {
      chunks: opened,
      refused: 0,
    };
    if (chunks.length === 0) throw new StreamError("overloaded");
    return { receipts: await this.committer.append(uid, chunks, { token }), refused };
  }

  /** With a bucket, filters are stored when a generation is marked as moved. */
  private moveSealed(): Promise<void> {
    return this.env.SEGMENTS === undefined ? this.indexer.run() : this.tiering.move();
  }

  private async trim(nowMs: number): Promise<void> {
    const { store } = this.state;
    if (store === undefined) return;
    const horizonMs = store.horizonMs(nowMs);
    this.committer.rollExpired(horizonMs);
    await this.tiering.forget(store, horizonMs);
  }

  private readNow(request: ReadRequest): ReadReply {
    const { log } = this.opened();
    const view = this.currentView();
    this.counters.reads++;
    if (request.index > view.nextIndex) throw new StreamError("locationNotFound");
    const { chunks, index } = readTail(log, view, request, Date.now());
    const next = { segment: this.segmentAt(index), index };
    this.sayTip();
    return { chunks, next, lastSegment: this.durable.positionAt(index).segment, view };
  }

  /** Number of the segment that holds or will hold `index`. */
  private segmentAt(index: number): number {
    return this.opened().segmentAt(index) ?? this.published.segment;
  }

  /** A segment that was staged has its row. */
  private staged(store: ShardStore, { bytes, header: { firstIndex }, kept }: Chunk): void {
    const segment = store.segmentAt(firstIndex);
    if (segment === undefined || kept === undefined) return;
    tally.segmentsStaged++;
    const found = { id: kept.id, head: bytes };
    this.tiering.staging.note(segment, found);
    if (isOnlyIsolate(this.env)) noteStaged(store.description.uid, segment, found);
    this.indexer.note(segment, kept.keys);
  }

  private publish(isDurable: boolean): void {
    this.published.publish(this.opened());
    this.notice.takeBack();
    if (isDurable) this.sayDurable();
  }

  /** For readers after this one. While a commit is under way, what is published may not be durable yet. */
  private sayTip(): void {
    if (!this.committer.isCommitting) this.sayDurable();
  }

  private sayDurable(): void {
    this.notice.say(() => {
      const view = this.currentView();
      const { segment } = this.durable.positionAt(view.nextIndex);
      return { store: this.opened(), view, lastSegment: segment };
    });
  }

  private currentView(): ShardView {
    return this.published.viewOf(this.opened(), this.tiering.tieredSegment);
  }

  private opened(): ShardStore {
    return this.state.opened();
  }

  /** Takes a store that was read from the rows. Some cached bodies may never have become durable. */
  private recovered(store: ShardStore): void {
    this.tiering.recover(store);
    this.indexer.recover();
    this.published.publish(store);
    this.durable.recovered();
    this.committer.refuseGuarded();
    const { uid } = store.description;
    if (!this.committer.isCommitting) resetPending(uid);
    bodies.deleteAll(`${uid}/`);
  }

  /** When the alarm has work next, or undefined. What had expired at `lookedMs` was seen by this one. */
  private nextWakeMs(lookedMs = Date.now()): number | undefined {
    const nowMs = Date.now();
    const { store } = this.state;
    if (store === undefined) return undefined;
    const retryMs = nowMs + tierRetryMs;
    const { endMs } = this.durable;
    const times = [store.nextDueMs(nowMs) ?? Infinity];
    if (this.tiering.isBehind) times.push(retryMs);
    // One that has expired is removed by an alarm; if that failed, by the next one.
    if (endMs !== undefined) times.push(endMs > lookedMs ? endMs : retryMs);
    const dueMs = Math.min(...times);
    return dueMs === Infinity ? undefined : dueMs;
  }
}
