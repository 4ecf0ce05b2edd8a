// Appends that are conditional: of idempotent producers, with a Stream-Seq, of a content type, and
// those that close the stream. They are judged when they are taken in, by a state that counts the
// appends before them, committed or not. So many writers share a commit, and each is accepted or
// refused by itself. What is accepted is stored with the records in one transaction. An append that
// is stored already is answered when it is durable, not before.
import type { Chunk } from "../engine/chunk.ts";
import type {
  Position,
  ProducerMark,
  WriteGuard,
  WriteReply,
  WriteVerdict,
} from "../core/durable.ts";
import type { AppendToken } from "../core/rpc.ts";
import type { AppendReceipt } from "../core/types.ts";
import { otherMediaType } from "../core/mediaType.ts";
import { StreamError } from "../errors.ts";
import type { AppendEffect, PendingAppend } from "./appendQueue.ts";
import type { ShardStore } from "./store.ts";
import { Writers } from "./writers.ts";

/** What the appends need of their shard. */
export interface GuardedShard {
  /** Throws `shardNotFound`, also for a stream that has expired. */
  inUse(): ShardStore;
  /** Resolves when the append is durable. Throws `overloaded`. */
  queue(
    chunks: readonly Chunk[],
    effect: AppendEffect,
    token: AppendToken | undefined,
  ): Promise<AppendReceipt[]>;
  /** The receipts of an append that was made before, once it is durable. */
  find(token: AppendToken): Promise<AppendReceipt[]> | undefined;
  /** Where readers find the end. */
  tip(): Position;
  positionAt(index: number): Position;
  /** Resolves or fails with the shard's closing by a split or merge. */
  readonly closing: Promise<unknown> | undefined;
}

export class GuardedAppends {
  private readonly shard: GuardedShard;
  private writers: Writers | undefined;
  /** Appends of producers that are not durable yet. */
  private readonly underWay = new Map<string, Promise<unknown>>();
  /** An append that closes the stream. */
  private ending: Promise<unknown> | undefined;

  constructor(shard: GuardedShard) {
    this.shard = shard;
  }

  /** To be called when the rows have been read again. */
  recovered(): void {
    this.writers = undefined;
    this.underWay.clear();
    this.ending = undefined;
  }

  /** True while an append that closes the stream is not durable yet. */
  get isEnding(): boolean {
    return this.ending !== undefined;
  }

  /** With a token, an append that was made before is answered as it was then. */
  async write(
    chunks: readonly Chunk[],
    guard: WriteGuard,
    token?: AppendToken,
  ): Promise<WriteReply> {
    const { shard } = this;
    const known = token && shard.find(token);
    if (known !== undefined) return this.stored(chunks, await known, guard);
    for (let end = this.endUnderWay; end !== undefined; end = this.endUnderWay) {
      await end.catch(() => undefined);
    }
    const nowMs = Date.now();
    const store = shard.inUse();
    const verdict = this.judge(store, guard, nowMs);
    if (verdict?.kind === "duplicate") await this.underWay.get(verdict.mark.id);
    if (verdict !== undefined) return this.refusal(verdict);
    if (guard.isDry === true) return this.refusal({ kind: "stored" });
    return this.stored(chunks, await this.take(store, chunks, guard, nowMs, token), guard);
  }

  private stored(
    chunks: readonly Chunk[],
    receipts: readonly AppendReceipt[],
    guard: WriteGuard,
  ): WriteReply {
    const { shard } = this;
    const last = receipts.at(-1);
    const count = chunks.at(-1)?.header.count ?? 0;
    const next = last === undefined ? shard.tip() : shard.positionAt(last.firstIndex + count);
    const isClosed = guard.close === true;
    return { verdict: { kind: "stored" }, next, isClosed, isFinal: isClosed };
  }

  private get endUnderWay(): Promise<unknown> | undefined {
    return this.ending ?? this.shard.closing;
  }

  private judge(store: ShardStore, guard: WriteGuard, nowMs: number): WriteVerdict | undefined {
    const { life, closedMs, isFinal, closer } = store.description;
    if (life?.isDeleted === true) return { kind: "deleted" };
    if (closedMs !== undefined) {
      const isOnlyClose = guard.close === true && guard.mediaType === undefined;
      if (guard.producer === undefined) {
        return isOnlyClose && isFinal === true ? { kind: "stored" } : { kind: "closed" };
      }
      const isSame = closer !== undefined && isSameMark(closer, guard.producer);
      return isSame ? { kind: "duplicate", mark: guard.producer } : { kind: "closed" };
    }
    const { mediaType } = guard;
    if (mediaType !== undefined && mediaType !== (life?.mediaType ?? otherMediaType)) {
      return { kind: "otherType" };
    }
    this.writers ??= store.writers.copy();
    return this.writers.judge(guard, nowMs);
  }

  private refusal(verdict: WriteVerdict): WriteReply {
    const { closedMs, isFinal = false } = this.shard.inUse().description;
    return { verdict, next: this.shard.tip(), isClosed: closedMs !== undefined, isFinal };
  }

  private take(
    store: ShardStore,
    chunks: readonly Chunk[],
    guard: WriteGuard,
    nowMs: number,
    token: AppendToken | undefined,
  ): Promise<AppendReceipt[]> {
    if (chunks.length === 0 && guard.close !== true) {
      throw new StreamError("corrupt", { what: "an append of nothing" });
    }
    const { producer } = guard;
    this.writers ??= store.writers.copy();
    const close = guard.close === true ? { closer: producer } : undefined;
    // An append that is refused here leaves the state as it was.
    const writers = Writers.changeOf(guard, nowMs);
    const queued = this.shard.queue(chunks, { writers, close }, token);
    if (writers !== undefined) this.writers.apply(writers);
    if (producer !== undefined) this.follow(producer, queued);
    if (close !== undefined) {
      const ending = queued.finally(() => {
        if (this.ending === ending) this.ending = undefined;
      });
      this.ending = ending;
      ending.catch(() => undefined);
    }
    return queued;
  }

  private follow({ id }: ProducerMark, queued: Promise<unknown>): void {
    this.underWay.set(id, queued);
    const done = () => {
      if (this.underWay.get(id) === queued) this.underWay.delete(id);
    };
    queued.then(done, done);
  }
}

/** True if a commit of these appends changes more than its records. */
export function hasEffects(store: ShardStore, batch: readonly PendingAppend[]): boolean {
  return becomesMixed(store, batch) || batch.some(({ effect }) => effect !== undefined);
}

/** Stores, with the records of a commit, what its appends do beside adding records. */
export function applyEffects(store: ShardStore, batch: readonly PendingAppend[]): void {
  const { life } = store.description;
  if (life !== undefined && becomesMixed(store, batch)) {
    store.describe({ life: { ...life, isMixed: true } });
  }
  const close = batch.find(({ effect }) => effect?.close !== undefined)?.effect?.close;
  if (close !== undefined) endStream(store, close);
}

/** True if these are the first records of another dialect in a stream of Durable Streams. */
function becomesMixed({ description }: ShardStore, batch: readonly PendingAppend[]): boolean {
  const { life } = description;
  const isPure = life !== undefined && life.isMixed !== true;
  return isPure && batch.some(({ effect }) => effect === undefined);
}

/** Closes the stream behind its last record. */
export function endStream(store: ShardStore, { closer }: NonNullable<AppendEffect["close"]>): void {
  const closedMs = Math.max(Date.now(), store.tip.timeMs);
  store.seal(closedMs);
  const end = { closedMs, endIndex: store.tip.nextIndex, isFinal: true };
  store.describe({ ...end, ...(closer && { closer }) });
}

function isSameMark(a: ProducerMark, b: ProducerMark): boolean {
  return a.id === b.id && a.epoch === b.epoch && a.seq === b.seq;
}
