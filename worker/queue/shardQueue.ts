// A queue over one shard: a Durable Object that knows which records of the shard its workers have
// received and acknowledged. It stores no records. A receive returns their indexes, and the Worker reads
// the records as any reader does. A receive writes nothing. An acknowledgement is durable before the
// reply. Calls that arrive while a commit is synced share the next commit. A commit also stores the
// receives since the last one. If no commit comes, they are stored after `queueSaveDelayMs`. After a
// crash, records whose delivery was not stored can be received again.
import { DurableObject } from "cloudflare:workers";
import { MeteredSql } from "../core/meteredSql.ts";
import { startWait } from "../core/leaving.ts";
import type { Env } from "../core/bindings.ts";
import {
  type QueueAttributes,
  type ReadyReply,
  type ReceiveReply,
  type ReceiveRequest,
  type ReturnOrder,
  type SettleOrder,
  type SettleOutcome,
  type ShardQueueApi,
  type ShardQueueOrder,
  type ShardQueueStats,
} from "../core/queueTypes.ts";
import { asReply, type Reply, unwrap } from "../core/rpc.ts";
import type { SeekRequest } from "../core/types.ts";
import { invariant, isCode, isStreamError, StreamError } from "../errors.ts";
import { queueSaveDelayMs } from "../limits.ts";
import { Parents } from "./parents.ts";
import { QueueStore } from "./queueStore.ts";
import { ShardTip } from "./shardTip.ts";
import { Waiters } from "./waiters.ts";

interface Pending {
  resolve(): void;
  reject(error: unknown): void;
}

/** The timeout of one wait for the shard: that of the longest receive. */
const watchMsMax = 20_000;

export class ShardQueue extends DurableObject<Env> implements ShardQueueApi {
  private readonly sql: MeteredSql;
  private store: QueueStore | undefined;
  /** False while the state in memory may differ from the stored rows. */
  private recovered = false;
  private tip: ShardTip | undefined;
  private parents: Parents | undefined;
  private readonly waiters = new Waiters((isDead) => this.available(isDead));
  private readonly drainWaiters = new Set<() => void>();
  private pending: Pending[] = [];
  private committing = false;
  private watching = false;
  private wasDrained = false;
  /** True while records are missing that were handed out. */
  private isBeyondShard = false;
  private saveTimer: ReturnType<typeof setTimeout> | undefined;
  private endTimer: ReturnType<typeof setTimeout> | undefined;
  private commits = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql = new MeteredSql(ctx.storage.sql);
    this.recoverIfPossible();
  }

  open({ position, ...order }: ShardQueueOrder): Promise<Reply<{ opened: true }>> {
    return asReply(async () => {
      if (!this.recovered) this.recover();
      if (this.store === undefined) {
        const shard = this.env.SHARD.getByName(order.shard);
        const { location } = unwrap(await shard.seek(seekOf(position)));
        // Two calls may arrive at the same time.
        if (this.store === undefined) {
          const settings = { ...order, start: location.index };
          this.ctx.storage.transactionSync(() => QueueStore.create(this.sql, settings));
          this.recover();
        }
      }
      return { opened: true as const };
    });
  }

  configure({
    visibilitySeconds,
    receivesMax,
  }: QueueAttributes): Promise<Reply<{ configured: true }>> {
    return asReply(async () => {
      const store = this.opened();
      const { receivesMax: _, ...settings } = store.settings;
      const changed = { ...settings, visibilitySeconds };
      store.configure(receivesMax === undefined ? changed : { ...changed, receivesMax });
      await this.ctx.storage.sync();
      return { configured: true as const };
    });
  }

  receive({ isDead, limit, visibilityMs }: ReceiveRequest): Promise<Reply<ReceiveReply>> {
    return asReply(async () => {
      this.settleTime();
      await this.meetShard();
      // While the object watches the shard, it is told of new records.
      if (!isDead && this.available(false) === 0 && !this.watching) await this.lookAhead();
      const { delivery } = this.opened();
      const nowMs = Date.now();
      const delivered = isDead
        ? delivery.receiveDead(limit, nowMs, visibilityMs)
        : delivery.receive(limit, this.deliverable(), nowMs, visibilityMs);
      this.afterChange();
      const { isFinished } = this;
      return { delivered, hasMore: this.available(isDead) > 0, isFinished };
    });
  }

  ready({ isDead, timeoutMs }: { isDead: boolean; timeoutMs: number }): Promise<Reply<ReadyReply>> {
    return asReply(async () => {
      this.settleTime();
      await this.meetShard();
      let isReady = this.available(isDead) > 0;
      if (!isReady && !this.isFinished) {
        const waiting = this.waiters.wait(isDead, timeoutMs);
        this.watch();
        this.setEndTimer();
        isReady = await waiting;
      }
      return { isReady, isFinished: this.isFinished };
    });
  }

  settle(orders: SettleOrder[]): Promise<Reply<{ outcomes: SettleOutcome[] }>> {
    return asReply(async () => {
      this.settleTime();
      const { delivery } = this.opened();
      const nowMs = Date.now();
      const outcomes = orders.map((order): SettleOutcome => {
        if (order.kind === "acknowledge") return delivery.acknowledge(order.receipt);
        if (order.kind === "restore") return delivery.restore(order.receipt, nowMs);
        return delivery.hide(order.receipt, order.visibilityMs, nowMs);
      });
      this.settleTime();
      await this.commit();
      return { outcomes };
    });
  }

  giveBack({ undone, missing }: ReturnOrder): Promise<Reply<{ returned: true }>> {
    return asReply(() => {
      const { delivery } = this.opened();
      for (const delivered of undone) delivery.undo(delivered, Date.now());
      for (const { from, to } of missing) delivery.forget(from, to);
      this.afterChange();
      return { returned: true as const };
    });
  }

  drained(timeoutMs: number): Promise<Reply<{ isDrained: boolean }>> {
    return asReply(async () => {
      this.opened();
      if (!this.isDrained) await this.lookAhead();
      if (this.isDrained || timeoutMs === 0) return { isDrained: this.isDrained };
      await new Promise<void>((resolve) => {
        const end = () => {
          stop();
          this.drainWaiters.delete(end);
          resolve();
        };
        const stop = startWait(end, timeoutMs);
        this.drainWaiters.add(end);
      });
      return { isDrained: this.store === undefined || this.isDrained };
    });
  }

  stats(): Promise<Reply<ShardQueueStats>> {
    return asReply(() => {
      this.settleTime();
      const { delivery } = this.opened();
      const counts = delivery.counts();
      return {
        next: delivery.next,
        waiting: counts.waiting,
        inFlight: counts.inFlight,
        dead: counts.dead,
        runs: delivery.runs.runCount,
        stateBytes: delivery.runs.bytes,
        rowsWritten: this.sql.rowsWritten,
        commits: this.commits,
        waiters: this.waiters.count,
      };
    });
  }

  async destroy(): Promise<void> {
    this.store = undefined;
    clearTimeout(this.saveTimer);
    clearTimeout(this.endTimer);
    this.waiters.endAll();
    for (const end of this.drainWaiters) end();
    await this.ctx.storage.deleteAll();
    this.recovered = true;
  }

  /** Index after the last record that may be handed out. */
  private deliverable(): number {
    const { next } = this.opened().delivery;
    return this.parents?.areDrained === true ? Math.max(this.tip?.nextIndex ?? 0, next) : next;
  }

  private available(isDead: boolean): number {
    if (this.store === undefined) return 0;
    const { delivery } = this.store;
    return isDead ? delivery.availableDead() : delivery.available(this.deliverable());
  }

  /** True if every record was handed out, and no more will come. */
  private get isDrained(): boolean {
    const { store, tip, parents } = this;
    if (store === undefined || tip === undefined || parents?.areDrained !== true) return false;
    return tip.isClosed && store.delivery.next >= tip.nextIndex;
  }

  /** True if no record is left and none will come. Acknowledgements count when they are durable. */
  private get isFinished(): boolean {
    const { store } = this;
    if (store === undefined || !this.isDrained) return false;
    return store.delivery.counts().open === 0 && store.changes.isEmpty && !this.committing;
  }

  /**
   * Asks the shard for its end, once for each start of this object. Records that were handed out and are not
   * there were lost with the last rows of the shard's database: later records get the same indexes, and the
   * queue would pass over them. Throws `corrupt`.
   */
  private async meetShard(): Promise<void> {
    const { tip } = this;
    if (tip === undefined || (tip.isKnown && !this.isBeyondShard)) return;
    await tip.refresh();
    const { next } = this.opened().delivery;
    this.isBeyondShard = tip.nextIndex < next;
    const { shard, name: queue } = this.opened().settings;
    invariant(!this.isBeyondShard, lostRecords(tip.nextIndex, next), { shard, queue });
    this.noteTip();
  }

  /** Asks the shard and its parents for their current state. */
  private async lookAhead(): Promise<void> {
    const { tip, parents } = this;
    await Promise.all([
      tip?.isClosed === true ? undefined : tip?.refresh(),
      parents?.areDrained === true ? undefined : parents?.check(0),
    ]);
    this.noteTip();
  }

  /** Watches the shard and its parents while receives wait for records. */
  private watch(): void {
    if (this.watching || !this.waiters.isForRecords) return;
    this.watching = true;
    this.ctx.waitUntil(this.watchOn().finally(() => (this.watching = false)));
  }

  private async watchOn(): Promise<void> {
    while (this.waiters.isForRecords) {
      const { tip, parents } = this;
      if (tip === undefined || parents === undefined) return;
      try {
        if (!parents.areDrained) await parents.check(watchMsMax);
        else if (tip.isClosed) return;
        else await tip.watch(watchMsMax);
      } catch (error) {
        if (isCode(error, "shardNotFound")) return this.waiters.endAll();
        // The shard's object may be moving to another instance.
        await scheduler.wait(1000);
      }
      this.noteTip();
    }
  }

  /** Records before the shard's first record have expired. */
  private noteTip(): void {
    const { store, tip } = this;
    if (store === undefined || tip === undefined) return;
    const { delivery } = store;
    const [oldest] = delivery.runs.within(0, tip.firstIndex);
    if (oldest !== undefined) delivery.forget(oldest.from, tip.firstIndex);
    delivery.next = Math.max(delivery.next, tip.firstIndex);
    this.afterChange();
  }

  private settleTime(): void {
    this.opened().delivery.tick(Date.now());
    this.afterChange();
  }

  private afterChange(): void {
    const { store } = this;
    if (store === undefined) return;
    if (this.isDrained && !this.wasDrained) {
      this.wasDrained = true;
      for (const end of this.drainWaiters) end();
      // Receives that wait are answered, so that they go on with the child shards.
      this.waiters.endAll();
    }
    this.waiters.call();
    this.setEndTimer();
    if (store.changes.isEmpty || this.committing || this.saveTimer !== undefined) return;
    this.saveTimer = setTimeout(() => {
      if (this.store === undefined) return;
      this.commit().catch((error: unknown) => console.error("saving a queue failed", error));
    }, queueSaveDelayMs);
  }

  /** Ends deliveries when their time is over, while receives wait for records. */
  private setEndTimer(): void {
    clearTimeout(this.endTimer);
    this.endTimer = undefined;
    if (this.waiters.count === 0 || this.store === undefined) return;
    const endMs = this.store.delivery.runs.nextEndMs();
    if (endMs === Infinity) return;
    const end = () => {
      if (this.store !== undefined) this.settleTime();
    };
    this.endTimer = setTimeout(end, Math.max(endMs - Date.now(), 0) + 1);
  }

  /** Resolves when everything that has changed until now is durable. */
  private commit(): Promise<void> {
    const store = this.opened();
    if (store.changes.isEmpty && !this.committing) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.pending.push({ resolve, reject });
      if (!this.committing) void this.commitPending();
    });
  }

  private async commitPending(): Promise<void> {
    this.committing = true;
    clearTimeout(this.saveTimer);
    this.saveTimer = undefined;
    while (this.pending.length > 0) {
      const batch = this.pending;
      this.pending = [];
      try {
        const store = this.opened();
        if (!store.changes.isEmpty) {
          this.ctx.storage.transactionSync(() => store.save());
          await this.ctx.storage.sync();
          this.commits++;
        }
        for (const each of batch) each.resolve();
        // Clients that were answered together usually call again together: their calls share a commit.
        if (batch.length > 1) await scheduler.wait(0);
      } catch (error) {
        if (!isCode(error, "queueNotFound")) console.error("a commit of a queue failed", error);
        this.recoverIfPossible();
        for (const each of batch) each.reject(commitFailure(error));
      }
    }
    this.committing = false;
    this.afterChange();
  }

  private opened(): QueueStore {
    if (!this.recovered) this.recover();
    if (this.store !== undefined) return this.store;
    throw new StreamError("queueNotFound", { queue: this.ctx.id.name ?? "" });
  }

  /** As `recover`; if storage cannot be read now, the next call tries again. */
  private recoverIfPossible(): void {
    try {
      this.recover();
    } catch (error) {
      console.error("recovery of a queue failed", error);
    }
  }

  /** Derives all state from stored rows. */
  private recover(): void {
    this.recovered = false;
    this.store = undefined;
    const store = QueueStore.open(this.sql, this.ctx.id.name);
    this.store = store;
    this.recovered = true;
    if (store === undefined) return;
    this.tip ??= new ShardTip(this.env, store.settings.shard);
    this.parents ??= new Parents(this.env, store.settings.parents);
  }
}

function seekOf(position: ShardQueueOrder["position"]): SeekRequest {
  if (position.type === "LATEST") return { kind: "latest" };
  if (position.type === "TRIM_HORIZON") return { kind: "earliest" };
  return { kind: "time", timeMs: position.timeMs, ordinal: 0 };
}

function lostRecords(end: number, next: number): string {
  return `a queue has handed out records up to ${next - 1}, and the shard ends at ${end}: records are lost`;
}

function commitFailure(error: unknown): StreamError {
  if (isStreamError(error)) return error;
  const what = error instanceof Error ? error.message : String(error);
  return new StreamError("commitFailed", { what });
}
