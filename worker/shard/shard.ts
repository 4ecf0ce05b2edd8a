// A shard: a Durable Object that gives records their index and arrival time, makes them durable,
// and returns them. It never parses a request or prints a reply. Appends are committed in groups:
// while one commit is synced the next one gathers. So a single producer does not wait, and many
// producers share a row. Readers see records after the commit, which also wakes waiting readers.
// After a failed commit all state in memory is dropped and read from the rows again. A closed shard
// accepts no records.
import type { QuotaKind } from "../core/types.ts";
import { DurableObject } from "cloudflare:workers";
import { isOver } from "../core/clock.ts";
import type { Env } from "../core/bindings.ts";
import { invariant, isCode, isStreamError, StreamError } from "../errors.ts";
import { sealAgeMs, tierRetryMs } from "../limits.ts";
import { readSettings } from "../core/settings.ts";
import { AlarmClock } from "./alarmClock.ts";
import { AppendQueue, openOffered } from "./appendQueue.ts";
import type { Chunk } from "../engine/chunk.ts";
import { groupChunks } from "./commitGroups.ts";
import { bodies } from "../core/bodyCache.ts";
import { resetPending } from "./pendingBudget.ts";
import { ShardQuota } from "./shardQuota.ts";
import {
  type AppendReply,
  asReply,
  type Reply,
  type SegmentReply,
  type ShardApi,
} from "../core/rpc.ts";
import { seekIndex } from "./seek.ts";
import { findUnreadable } from "./skips.ts";
import { MeteredSql } from "./sql.ts";
import { ShardStore } from "./store.ts";
import { Subscription } from "./tipSession.ts";
import { readTail } from "./tailPage.ts";
import { TierMover } from "./tierMover.ts";
import { WaitList } from "./waitList.ts";
import type {
  AppendReceipt,
  ReadReply,
  ReadRequest,
  SeekReply,
  SeekRequest,
  ShardEnd,
  ShardSettings,
  ShardStats,
  ShardView,
  SkippedSegment,
} from "../core/types.ts";

/** The part of the view that a commit or a seal changes; the rest follows from clock and tier. */
type Published = Pick<ShardView, "nextIndex" | "lastTimeMs" | "segment" | "tailIndex" | "closedMs">;

const nothingPublished: Published = {
  nextIndex: 0,
  lastTimeMs: 0,
  segment: 0,
  tailIndex: 0,
  closedMs: undefined,
};

export class Shard extends DurableObject<Env> implements ShardApi {
  private readonly sql: MeteredSql;
  private store: ShardStore | undefined;
  private published = nothingPublished;
  private readonly appends = new AppendQueue();
  private committing = false;
  /** Resolves when everything that was pending is committed, or has failed. */
  private idle: Promise<void> = Promise.resolve();
  private closing: Promise<ShardEnd> | undefined;
  /** False while the state in memory may differ from the stored rows. */
  private recovered = false;
  private readonly alarmClock: AlarmClock;
  private readonly tiering: TierMover;
  private readonly waiting = new WaitList();
  /** Set only if the server keeps the service's limits. */
  private readonly quota: ShardQuota | undefined;
  private readonly counters = { commits: 0, failedCommits: 0, reads: 0, segmentReads: 0 };

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql = new MeteredSql(ctx.storage.sql);
    this.alarmClock = new AlarmClock(ctx.storage, this.sql);
    if (readSettings(env).limits === "kinesis") this.quota = new ShardQuota();
    this.tiering = new TierMover(env.SEGMENTS, {
      store: () => this.store,
      sealedSegment: () => this.published.segment,
      transact: (change) => this.transact(change),
      wakeBy: (timeMs) => this.alarmClock.wakeBy(timeMs),
    });
    this.recoverIfPossible();
  }

  async open(shard: ShardSettings): Promise<void> {
    if (!this.recovered) this.recover();
    if (this.store !== undefined) return;
    this.ctx.storage.transactionSync(() => ShardStore.create(this.sql, shard));
    this.recover();
    await this.alarmClock.wakeBy(Date.now() + sealAgeMs);
  }

  append(offered: Uint8Array[]): Promise<Reply<AppendReply>> {
    return asReply(async () => {
      const { uid, closedMs } = this.opened().description;
      if (closedMs !== undefined || this.closing !== undefined) {
        throw new StreamError("shardClosed", { uid });
      }
      const opened = openOffered(offered);
      const { chunks, refused } = this.quota?.admitRecords(opened, Date.now()) ?? {
        chunks: opened,
        refused: 0,
      };
      if (chunks.length === 0) throw new StreamError("overloaded");
      const receipts = this.appends.add(uid, chunks);
      if (!this.committing) this.idle = this.commitPending();
      return { receipts: await receipts, refused };
    });
  }

  close(): Promise<Reply<ShardEnd>> {
    return asReply(() => {
      this.opened();
      this.closing ??= this.writeEnd().finally(() => (this.closing = undefined));
      return this.closing;
    });
  }

  read(request: ReadRequest): Promise<Reply<ReadReply>> {
    return asReply(() => this.readNow(request));
  }

  view(): Promise<Reply<ShardView>> {
    return asReply(() => this.currentView());
  }

  seek(request: SeekRequest): Promise<Reply<SeekReply>> {
    return asReply(async () => {
      const view = this.currentView();
      const store = this.opened();
      const index = await seekIndex(store, view, request, (entry) =>
        this.tiering.bodyUnlessSkipped(store, entry),
      );
      return { location: { segment: this.segmentAt(index), index }, view };
    });
  }

  subscribe(consumer: string): Promise<Reply<{ subscription: Subscription }>> {
    return asReply(() => {
      this.opened();
      const place = this.waiting.take(consumer, Date.now());
      const shard = {
        view: () => this.currentView(),
        read: (request: ReadRequest) => this.readNow(request),
      };
      return { subscription: new Subscription(shard, this.waiting, place) };
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
    return asReply(() => {
      const store = this.opened();
      this.counters.segmentReads++;
      if (segment >= this.published.segment) return { body: null };
      const skipped = store.skippedSegment(segment);
      if (skipped === undefined) return { body: store.loadSegment(segment) ?? null };
      return { body: store.loadSegmentIfSound(segment) ?? null, skipped };
    });
  }

  skip(segment: number): Promise<Reply<{ skipped: SkippedSegment }>> {
    return asReply(async () => {
      const store = this.opened();
      const isTail = segment === this.published.segment;
      if (isTail) this.sealTail();
      const end = isTail ? this.published.segment : segment + 1;
      const load = (each: number) => this.tiering.segmentBody(store, each);
      const skipped = await findUnreadable(store, segment, end, load);
      const { uid } = this.opened().description;
      this.transact(() => this.opened().skip(skipped));
      await this.ctx.storage.sync();
      console.warn(`readers may pass over a segment of shard ${uid}`, skipped);
      return { skipped };
    });
  }

  retain(retentionHours: number): Promise<Reply<{ retained: true }>> {
    return asReply(async () => {
      this.opened().retain(retentionHours, Date.now());
      await this.alarmClock.wakeBy(this.nextWakeMs());
      return { retained: true as const };
    });
  }

  async destroy(): Promise<void> {
    // A shard whose removal was interrupted is not open, but still stored.
    const store = this.store ?? ShardStore.open(this.sql, this.ctx.id.name);
    if (store !== undefined) {
      store.describe({ destroyed: true });
      this.store = undefined;
      this.published = nothingPublished;
      this.waiting.ended();
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
        pendingBytes: this.appends.bytes,
        rowsWritten: this.sql.rowsWritten,
        waiting: this.waiting.waiting,
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
    if (!this.recovered) this.recover();
    if (this.store === undefined) return this.destroy();
    const nowMs = Date.now();
    const { entries, sealedCount } = this.store.log;
    const oldestTail = entries[sealedCount];
    if (oldestTail !== undefined && isOver(oldestTail.firstMs, sealAgeMs, nowMs)) this.sealTail();
    try {
      await this.trim(Math.min(nowMs, setForMs));
    } catch (error) {
      console.error("forgetting old records failed", error);
      await this.alarmClock.wakeBy(nowMs + tierRetryMs);
    }
    await this.tiering.move();
    await this.alarmClock.wakeBy(this.nextWakeMs());
  }

  /**
   * Commits until nothing is pending: one row, one sync, then the appends that arrived meanwhile.
   */
  private async commitPending(): Promise<void> {
    this.committing = true;
    for (let batch = this.appends.take(); batch.length > 0; batch = this.appends.take()) {
      try {
        const receipts = await this.commit(batch.flatMap((append) => append.chunks));
        this.appends.settle(batch, receipts);
      } catch (error) {
        this.counters.failedCommits++;
        // The log line of the request names the caller. For a shard that was deleted meanwhile
        // there is nothing to log.
        if (!isCode(error, "shardNotFound")) {
          console.error(`a commit of shard ${batch[0]?.uid} failed`, error);
        }
        this.recoverIfPossible();
        this.appends.refuse(batch, commitFailure(error));
      }
      if (this.store?.isFull === true) this.sealTail();
    }
    this.committing = false;
    void this.tiering.move();
  }

  private async commit(chunks: readonly Chunk[]): Promise<AppendReceipt[]> {
    const store = this.opened();
    const stamped = store.stamp(chunks, Date.now());
    this.transact(() => store.append(groupChunks(stamped)));
    await this.alarmClock.wakeBy(Date.now() + sealAgeMs);
    await this.ctx.storage.sync();
    this.counters.commits++;
    this.publish();
    return stamped.map(({ header: { firstIndex, timeMs } }) => ({ firstIndex, timeMs }));
  }

  /** Commits what is pending, then stores the end of the shard; nothing is accepted meanwhile. */
  private async writeEnd(): Promise<ShardEnd> {
    await this.idle;
    const store = this.opened();
    const { closedMs, endIndex } = store.description;
    if (closedMs !== undefined && endIndex !== undefined) return { closedMs, endIndex };
    const end = {
      closedMs: Math.max(Date.now(), store.tip.timeMs),
      endIndex: store.tip.nextIndex,
    };
    try {
      this.ctx.storage.transactionSync(() => {
        store.seal(end.closedMs);
        store.describe(end);
      });
      await this.ctx.storage.sync();
    } catch (error) {
      this.recoverIfPossible();
      throw commitFailure(error);
    }
    this.publish();
    void this.tiering.move();
    return end;
  }

  private sealTail(): void {
    const { store } = this;
    if (store === undefined) return;
    try {
      this.transact(() => store.seal(Date.now()));
      this.publish();
    } catch (error) {
      console.error("sealing failed", error);
    }
  }

  private async trim(nowMs: number): Promise<void> {
    const { store } = this;
    if (store === undefined) return;
    const horizonMs = store.horizonMs(nowMs);
    const last = store.log.entries.at(-1);
    if (last !== undefined && last.lastMs < horizonMs && !this.committing) {
      this.transact(() => {
        store.log.seal();
        store.roll();
      });
      this.publish();
    }
    await this.tiering.forget(store, horizonMs);
  }

  private readNow(request: ReadRequest): ReadReply {
    const { log } = this.opened();
    const view = this.currentView();
    this.counters.reads++;
    if (request.index > view.nextIndex) throw new StreamError("locationNotFound");
    const { chunks, index } = readTail(log, view, request, Date.now());
    return { chunks, next: { segment: this.segmentAt(index), index }, view };
  }

  /** Number of the segment that holds or will hold `index`. */
  private segmentAt(index: number): number {
    return this.opened().segmentAt(index) ?? this.published.segment;
  }

  private currentView(): ShardView {
    const store = this.opened();
    const { nextIndex, segment } = this.published;
    const kept = store.firstKept(Date.now());
    return {
      ...this.published,
      firstIndex: Math.min(kept.index, nextIndex),
      firstSegment: Math.min(kept.segment, segment),
      tieredSegment: this.tiering.tieredSegment,
      retentionMs: store.retentionMs,
      floorMs: store.floorMs,
    };
  }

  /** Makes all committed records visible to readers. */
  private publish(store = this.opened()): void {
    const { log, tip, description } = store;
    const before = this.published;
    const next: Published = {
      nextIndex: tip.nextIndex,
      lastTimeMs: tip.timeMs,
      segment: log.nextSegment,
      tailIndex: log.entries[log.sealedCount]?.firstIndex ?? tip.nextIndex,
      closedMs: description.closedMs,
    };
    const isForward =
      next.nextIndex >= before.nextIndex &&
      next.lastTimeMs >= before.lastTimeMs &&
      next.segment >= before.segment &&
      next.tailIndex >= before.tailIndex &&
      (before.closedMs ?? next.closedMs) === next.closedMs;
    const place = { shard: description.uid, index: next.nextIndex };
    invariant(isForward, `readers have seen records up to ${before.nextIndex}`, place);
    this.published = next;
    if (description.closedMs === undefined) this.waiting.published(tip.nextIndex);
    else this.waiting.ended();
  }

  private opened(): ShardStore {
    if (!this.recovered) this.recover();
    if (this.store === undefined) throw new StreamError("shardNotFound");
    return this.store;
  }

  /** Applies a change completely or not at all, also to the state in memory. */
  private transact(change: () => void): void {
    try {
      this.ctx.storage.transactionSync(change);
    } catch (error) {
      this.recoverIfPossible();
      throw error;
    }
  }

  /** As `recover`; if storage cannot be read now, the next call tries again. */
  private recoverIfPossible(): void {
    try {
      this.recover();
    } catch (error) {
      console.error("recovery failed", error);
    }
  }

  /** Derives all state from stored rows. */
  private recover(): void {
    this.recovered = false;
    this.store = undefined;
    const store = ShardStore.open(this.sql, this.ctx.id.name);
    this.refuseForeign(store?.description.uid);
    const isThere = store !== undefined && store.description.destroyed !== true;
    if (isThere) {
      this.tiering.recover(store);
      this.publish(store);
    }
    this.store = isThere ? store : undefined;
    this.recovered = true;
    if (this.store === undefined) return;
    const { uid } = this.store.description;
    if (!this.committing) resetPending(uid);
    // Some cached bodies may never have become durable.
    bodies.deleteAll(`${uid}/`);
  }

  /** Refuses a database of another shard in this place: it must not be read or written. */
  private refuseForeign(uid: string | undefined): void {
    const { name } = this.ctx.id;
    if (uid === undefined || name === undefined || uid === name) return;
    throw new StreamError("corrupt", { shard: name, what: `the database is that of shard ${uid}` });
  }

  /** When the alarm has work next, or undefined. */
  private nextWakeMs(): number | undefined {
    const nowMs = Date.now();
    const dueMs = this.store?.nextDueMs(nowMs);
    if (this.store === undefined || !this.tiering.isBehind) return dueMs;
    return Math.min(dueMs ?? Infinity, nowMs + tierRetryMs);
  }
}

function commitFailure(error: unknown): StreamError {
  if (isStreamError(error)) return error;
  const what = error instanceof Error ? error.message : String(error);
  return new StreamError("commitFailed", { what });
}
