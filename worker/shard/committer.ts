// Makes what a shard accepts durable. Appends are committed in groups: while one commit is synced
// the next one gathers. So a single producer does not wait, and many producers share a row. After a
// commit the records are published, then the appends get their receipts. A commit that fails drops
// the state in memory, and its appends are refused. The end of the shard is written when nothing is
// pending any more.
import { tally } from "../core/tally.ts";
import { isCode, isStreamError, StreamError } from "../errors.ts";
import { sealAgeMs } from "../limits.ts";
import type { AppendToken } from "../core/rpc.ts";
import type { AppendReceipt, ShardEnd } from "../core/types.ts";
import type { Chunk } from "../engine/chunk.ts";
import type { AlarmClock } from "./alarmClock.ts";
import {
  type AppendEffect,
  AppendQueue,
  type PendingAppend,
  shareReceipts,
  writersOf,
} from "./appendQueue.ts";
import { AppendTokens, type KnownAppend } from "./appendTokens.ts";
import { groupChunks } from "./commitGroups.ts";
import { applyEffects, hasEffects } from "./guardedAppends.ts";
import type { ShardStore } from "./store.ts";
import type { ShardState } from "./shardState.ts";
import type { MeteredSql } from "../core/meteredSql.ts";

/** What the committer needs of the shard. */
export interface CommitOwner {
  readonly sql: MeteredSql;
  readonly storage: DurableObjectStorage;
  readonly state: ShardState;
  readonly alarmClock: AlarmClock;
  /** Makes what is stored visible to readers; `isDurable` if all of it has been synced. */
  publish(isDurable?: boolean): void;
  /** Runs a change that readers may notice. */
  during<T>(change: () => Promise<T>): Promise<T>;
  /** Moves what was sealed to the bucket, in the background. */
  moveSealed(): void;
  /** Called with each chunk whose body was staged, when its row is durable. */
  staged(store: ShardStore, chunk: Chunk): void;
}

export class Committer {
  readonly counters = { commits: 0, failedCommits: 0 };
  isCommitting = false;
  private isGathering = false;
  private readonly owner: CommitOwner;
  private readonly appends = new AppendQueue();
  private readonly tokens: AppendTokens;
  /** Resolves when everything that was pending is committed, or has failed. */
  private idle: Promise<void> = Promise.resolve();
  private closing: Promise<ShardEnd> | undefined;

  constructor(owner: CommitOwner) {
    this.owner = owner;
    this.tokens = new AppendTokens(owner.sql);
  }

  get pendingBytes(): number {
    return this.appends.bytes;
  }

  /** True while the end of the shard is being written. */
  get isClosing(): boolean {
    return this.closing !== undefined;
  }

  /**
   * Resolves with a receipt for each chunk once they are durable. Throws `overloaded`,
   * `commitFailed`.
   */
  append(
    uid: string,
    chunks: readonly Chunk[],
    { effect, token }: { effect?: AppendEffect | undefined; token?: AppendToken | undefined } = {},
  ): Promise<AppendReceipt[]> {
    const receipts = this.appends.add(uid, chunks, effect, token?.id);
    if (token !== undefined) this.tokens.note(token, receipts);
    this.begin();
    return receipts;
  }

  /** Appends that are made in the course of `work` share a commit. */
  together<T>(work: () => T): T {
    this.isGathering = true;
    try {
      return work();
    } finally {
      this.isGathering = false;
      this.begin();
    }
  }

  private begin(): void {
    if (this.isCommitting || this.isGathering || this.appends.isEmpty) return;
    this.idle = this.commitPending();
  }

  /** The receipts of an append that was made before; undefined if there is none. */
  findAppend(token: AppendToken): Promise<AppendReceipt[]> | undefined {
    return this.tokens.find(token);
  }

  /**
   * Commits what is pending, then stores the end of the shard; nothing is accepted meanwhile.
   * Concurrent and later calls return the same end. Throws `commitFailed`.
   */
  close(): Promise<ShardEnd> {
    this.closing ??= this.owner
      .during(() => this.writeEnd())
      .finally(() => (this.closing = undefined));
    return this.closing;
  }

  /** Resolves when nothing is pending. */
  get untilIdle(): Promise<void> {
    return this.idle;
  }

  /** The closing that is under way. */
  get underWay(): Promise<ShardEnd> | undefined {
    return this.closing;
  }

  /** Refuses guarded appends that wait: the state that they were judged by is gone. */
  refuseGuarded(): void {
    this.appends.refuseGuarded(new StreamError("commitFailed", { what: "a commit before failed" }));
  }

  /** Makes a change of the rows durable. Throws `commitFailed`. */
  change(work: () => void): Promise<void> {
    const { state, storage } = this.owner;
    return this.owner.during(async () => {
      try {
        state.transact(work);
        await storage.sync();
      } catch (error) {
        state.recoverIfPossible();
        throw commitFailure(error);
      }
    });
  }

  /** Makes the tail a segment. A failure is logged: the tail stays as it is. */
  sealTail(): void {
    const { state } = this.owner;
    const { store } = state;
    if (store === undefined) return;
    try {
      state.transact(() => store.seal(Date.now()));
      this.owner.publish();
    } catch (error) {
      console.error("sealing failed", error);
    }
  }

  /** Seals the tail and begins a new generation, if all records of this one arrived before. */
  rollExpired(horizonMs: number): void {
    const { state } = this.owner;
    const { store } = state;
    const last = store?.log.entries.at(-1);
    if (store === undefined || last === undefined) return;
    if (last.lastMs >= horizonMs || this.isCommitting) return;
    state.transact(() => {
      store.log.seal();
      store.roll();
    });
    this.owner.publish();
  }

  /**
   * Commits until nothing is pending: one row, one sync, then the appends that arrived meanwhile.
   */
  private async commitPending(): Promise<void> {
    const { state } = this.owner;
    this.isCommitting = true;
    for (let batch = this.appends.take(); batch.length > 0; batch = this.appends.take()) {
      try {
        this.appends.settle(batch, await this.commit(batch));
      } catch (error) {
        this.counters.failedCommits++;
        tally.failedCommits++;
        // The log line of the request names the caller. For a shard that was deleted meanwhile
        // there is nothing to log.
        if (!isCode(error, "shardNotFound")) {
          console.error(`a commit of shard ${batch[0]?.uid} failed`, error);
        }
        state.recoverIfPossible();
        this.appends.refuse(batch, commitFailure(error));
        this.refuseGuarded();
      }
      if (state.store?.isFull === true) this.sealTail();
      // Not when nothing is pending any more: under a steady load that may be never, and the bytes would be read again.
      this.owner.moveSealed();
    }
    this.isCommitting = false;
  }

  private async commit(batch: readonly PendingAppend[]): Promise<AppendReceipt[]> {
    const { state, alarmClock, storage } = this.owner;
    const store = state.opened();
    const nowMs = Date.now();
    const chunks = batch.flatMap((append) => append.chunks);
    const stamped = store.stamp(chunks, nowMs);
    const receipts = stamped.map(({ header: { firstIndex, timeMs } }) => ({ firstIndex, timeMs }));
    const grouped = groupChunks(stamped);
    const tokens = tokensOf(batch, receipts);
    const isPlain = tokens.length === 0 && !hasEffects(store, batch);
    if (isPlain && store.takesOneRow(grouped)) state.transactOne(() => store.append(grouped));
    else {
      state.transact(() => {
        store.append(grouped, writersOf(batch));
        applyEffects(store, batch);
        this.tokens.store(tokens, nowMs);
      });
    }
    await alarmClock.wakeBy(Date.now() + sealAgeMs);
    await storage.sync();
    for (const chunk of stamped) if (chunk.kept !== undefined) this.owner.staged(store, chunk);
    this.count(stamped);
    this.owner.publish(true);
    return receipts;
  }

  /** Counts a commit of chunks. */
  count(chunks: readonly Chunk[]): void {
    this.counters.commits++;
    tally.commits++;
    for (const { header } of chunks) {
      tally.records += header.count;
      tally.recordBytes += header.bytes;
    }
  }

  private async writeEnd(): Promise<ShardEnd> {
    await this.idle;
    const { state, storage } = this.owner;
    const store = state.opened();
    const { closedMs, endIndex } = store.description;
    if (closedMs !== undefined && endIndex !== undefined) return { closedMs, endIndex };
    const end = {
      closedMs: Math.max(Date.now(), store.tip.timeMs),
      endIndex: store.tip.nextIndex,
    };
    try {
      storage.transactionSync(() => {
        store.seal(end.closedMs);
        store.describe(end);
      });
      await storage.sync();
    } catch (error) {
      state.recoverIfPossible();
      throw commitFailure(error);
    }
    this.owner.publish();
    this.owner.moveSealed();
    return end;
  }
}

/** What a later call with the same token is to get. */
function tokensOf(
  batch: readonly PendingAppend[],
  receipts: readonly AppendReceipt[],
): KnownAppend[] {
  if (batch.every(({ token }) => token === undefined)) return [];
  return shareReceipts(batch, receipts).flatMap(({ append: { token }, own }) =>
    token === undefined ? [] : [{ token, receipts: own }],
  );
}

function commitFailure(error: unknown): StreamError {
  if (isStreamError(error)) return error;
  const what = error instanceof Error ? error.message : String(error);
  return new StreamError("commitFailed", { what });
}
