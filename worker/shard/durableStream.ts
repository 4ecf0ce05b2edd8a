// The shard's part of Durable Streams: guarded appends, the end of a stream, its time to live, and its
// forks. A fork goes on counting where its source's records end; the records before that stay in
// the shards of its ancestors, which are not deleted before their forks are.
import type { Chunk } from "../engine/chunk.ts";
import type {
  DurableState,
  ForkReply,
  Position,
  ShardLife,
  WriteGuard,
  WriteReply,
} from "../core/durable.ts";
import type { AppendReceipt } from "../core/types.ts";
import type { AppendToken, Beginning } from "../core/rpc.ts";
import { StreamError } from "../errors.ts";
import type { AppendEffect } from "./appendQueue.ts";
import type { Committer } from "./committer.ts";
import { GuardedAppends } from "./guardedAppends.ts";
import { Lifetime } from "./lifetime.ts";
import type { PublishedView } from "./publishedView.ts";
import type { ShardStore } from "./store.ts";

/** What this part needs of its shard. */
export interface DurableHost {
  /** Throws `shardNotFound`. */
  opened(): ShardStore;
  readonly committer: Committer;
  readonly published: Pick<PublishedView, "nextIndex" | "segment" | "endWaits">;
  wakeBy(timeMs: number): Promise<void>;
}

export class DurableStream {
  private readonly host: DurableHost;
  private readonly appends: GuardedAppends;
  private lifetime: Lifetime | undefined;

  constructor(host: DurableHost) {
    this.host = host;
    this.appends = new GuardedAppends({
      inUse: () => this.inUse(),
      queue: (chunks, effect, token) => this.queue(chunks, effect, token),
      find: (token) => host.committer.findAppend(token),
      tip: () => this.positionAt(host.published.nextIndex),
      positionAt: (index) => this.positionAt(index),
      get closing() {
        return host.committer.underWay;
      },
    });
  }

  /** To be called when the rows have been read again. */
  recovered(): void {
    this.appends.recovered();
    this.lifetime = undefined;
  }

  get isEnding(): boolean {
    return this.appends.isEnding;
  }

  /** The store of a stream that may be read and written. Throws `shardNotFound`. */
  inUse(): ShardStore {
    const store = this.host.opened();
    const nowMs = Date.now();
    if (this.lifetimeOf(store)?.isOver(nowMs) === true) throw new StreamError("shardNotFound");
    return store;
  }

  /** To be called when the shard was created. */
  async begun(): Promise<Beginning> {
    const { life } = this.host.opened().description;
    if (life !== undefined) this.lifetime ??= new Lifetime(life, true);
    await this.wakeToExpire();
    return { next: this.positionAt(this.host.published.nextIndex) };
  }

  async write(
    chunks: readonly Chunk[],
    guard: WriteGuard,
    token: AppendToken | undefined,
  ): Promise<WriteReply> {
    const reply = await this.appends.write(chunks, guard, token);
    await this.touch();
    return reply;
  }

  async look(touch: boolean, index = this.host.published.nextIndex): Promise<DurableState> {
    const store = this.inUse();
    const { life } = store.description;
    if (touch && life?.isDeleted !== true) await this.touch();
    return {
      next: this.positionAt(index),
      isClosed: isClosedStore(store),
      isFinal: store.description.isFinal === true,
      isDeleted: life?.isDeleted === true,
    };
  }

  /** Throws `locationNotFound` for an index that is no position of the stream, `streamExists`. */
  async fork(uid: string, index: number | undefined, more: number): Promise<ForkReply> {
    const first = this.inUse();
    if (first.description.life?.isDeleted === true) {
      throw new StreamError("streamExists", { stream: first.description.life.stream });
    }
    await this.host.committer.untilIdle;
    const end = this.host.published.nextIndex;
    const at = (index ?? end) + more;
    if (at > end) throw new StreamError("locationNotFound");
    // What a fork inherits does not change any more, and has its place.
    this.host.committer.sealTail();
    await this.host.committer.change(() => this.host.opened().forks.add(uid));
    return { ancestors: this.ancestorsTo(at) };
  }

  async releaseFork(uid: string): Promise<{ isFree: boolean }> {
    await this.host.committer.change(() => this.host.opened().forks.remove(uid));
    const store = this.host.opened();
    return { isFree: store.description.life?.isDeleted === true && store.forks.count === 0 };
  }

  async retire(isKept: boolean): Promise<{ isKept: boolean }> {
    const store = this.host.opened();
    const { life } = store.description;
    if (life === undefined || (store.forks.count === 0 && !isKept)) return { isKept: false };
    if (life.isDeleted !== true) {
      await this.host.committer.change(() =>
        store.describe({ life: { ...life, isDeleted: true } }),
      );
      this.host.published.endWaits();
    }
    return { isKept: true };
  }

  positionAt(index: number): Position {
    const store = this.host.opened();
    if (index <= this.startOf(store)) {
      const inherited = store.description.life?.ancestors?.at(-1);
      return { index, segment: inherited?.endSegment ?? 0 };
    }
    return { index, segment: store.segmentAt(index - 1) ?? this.host.published.segment };
  }

  /** The stream, if it has expired and is not only kept for its forks. */
  expiredAt(nowMs: number): ShardLife | undefined {
    const store = this.host.opened();
    const { life } = store.description;
    const isOver = this.lifetimeOf(store)?.isOver(nowMs) === true;
    return isOver && life?.isDeleted !== true ? life : undefined;
  }

  /** When the stream expires, if it does. */
  get endMs(): number | undefined {
    const store = this.host.opened();
    const endMs = this.lifetimeOf(store)?.endMs;
    const isKept = store.description.life?.isDeleted === true;
    return endMs === undefined || endMs === Infinity || isKept ? undefined : endMs;
  }

  private queue(
    chunks: readonly Chunk[],
    effect: AppendEffect,
    token: AppendToken | undefined,
  ): Promise<AppendReceipt[]> {
    const { committer } = this.host;
    return committer.append(this.host.opened().description.uid, chunks, { effect, token });
  }

  private async touch(): Promise<void> {
    const store = this.host.opened();
    const lifetime = this.lifetimeOf(store);
    const { life } = store.description;
    if (lifetime === undefined || life === undefined) return;
    const notedMs = lifetime.touch(Date.now());
    if (notedMs === undefined) return;
    // The lifetime reads the noted time from here, so it is set before anything is awaited.
    life.touchedMs = notedMs;
    await this.host.committer.change(() => store.describe({ life }));
  }

  private async wakeToExpire(): Promise<void> {
    const { endMs } = this;
    if (endMs !== undefined) await this.host.wakeBy(endMs);
  }

  private lifetimeOf({ description: { life } }: ShardStore): Lifetime | undefined {
    if (life?.ttlMs === undefined && life?.expiresMs === undefined) return undefined;
    this.lifetime ??= new Lifetime(life, false);
    this.lifetime.life = life;
    return this.lifetime;
  }

  /** Index of the first record that is not inherited. */
  private startOf({ description: { life } }: ShardStore): number {
    return life?.ancestors?.at(-1)?.endIndex ?? 0;
  }

  /** The shards that hold the records before an index. */
  private ancestorsTo(index: number): ForkReply["ancestors"] {
    const { uid, life } = this.host.opened().description;
    const inherited: ForkReply["ancestors"] = [];
    let from = 0;
    for (const ancestor of life?.ancestors ?? []) {
      if (from >= index) break;
      const isWhole = ancestor.endIndex <= index;
      inherited.push(isWhole ? ancestor : { ...ancestor, endIndex: index });
      from = ancestor.endIndex;
    }
    if (index <= from) return inherited;
    inherited.push({ uid, endIndex: index, endSegment: this.positionAt(index).segment });
    return inherited;
  }
}

function isClosedStore({ description }: ShardStore): boolean {
  return description.closedMs !== undefined;
}
