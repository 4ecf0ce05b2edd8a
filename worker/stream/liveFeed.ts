// Live readers of a shard, all of an isolate together. One of their requests waits at the shard for the
// next records; what it gets is handed to all of them. So a commit costs the shard one read for each
// isolate, however many readers there are, and a page is printed once. A request's calls end with the
// request. So whoever waits at the shard says so every second; if that stops, another reader takes its
// place at once or, if the request was killed, after a few seconds.
import type { Runtime } from "../core/bindings.ts";
import { unwrap } from "../core/rpc.ts";
import { liveBatchesKept, liveCallMs, livePageBytesMax, pageRecordsMax } from "../limits.ts";
import { type Page, pageOf, readPage } from "./reader.ts";

/** Records that became readable together. */
export interface LiveBatch {
  /** Index of the first of them. */
  from: number;
  page: Page;
}

export type LiveNews = LiveBatch | "silence" | "behind";

/** A request that reads live. */
export interface LiveReader {
  runtime: Runtime;
  /** True once its client has left. */
  isGone(): boolean;
}

interface Waiter {
  /** It has woken by then, unless its request was killed. */
  readonly untilMs: number;
  wake(): void;
}

/** A lead that was not renewed for so long is over, and a reader that was not heard of is gone. */
const leadMs = 3000;
const renewMs = 1000;

const feeds = new Map<string, LiveFeed>();
let sweptMs = 0;

/** The feed of a shard; it is dropped when nobody has asked it for a while. */
export function liveFeedOf(uid: string): LiveFeed {
  const nowMs = Date.now();
  if (nowMs - sweptMs >= renewMs) sweep(nowMs);
  let feed = feeds.get(uid);
  if (feed === undefined) {
    feed = new LiveFeed(uid);
    feeds.set(uid, feed);
  }
  return feed;
}

/** How many shards have live readers, and how many readers wait. */
export function liveTotals(nowMs: number): { feeds: number; waiting: number } {
  sweep(nowMs);
  let waiting = 0;
  for (const feed of feeds.values()) waiting += feed.waiting;
  return { feeds: feeds.size, waiting };
}

function sweep(nowMs: number): void {
  sweptMs = nowMs;
  for (const [uid, feed] of feeds) if (feed.isIdle(nowMs)) feeds.delete(uid);
}

export class LiveFeed {
  private readonly uid: string;
  private readonly waiters = new Set<Waiter>();
  /** The last ones, for readers that come back after they have written to their clients. */
  private batches: LiveBatch[] = [];
  private failure: { error: unknown } | undefined;
  private leadUntilMs = 0;
  private askedMs = Date.now();

  constructor(uid: string) {
    this.uid = uid;
  }

  get waiting(): number {
    return this.waiters.size;
  }

  /** True if all readers have left; drops those whose requests were killed. */
  isIdle(nowMs: number): boolean {
    for (const waiter of this.waiters) {
      if (nowMs > waiter.untilMs + leadMs) this.waiters.delete(waiter);
    }
    return this.waiters.size === 0 && nowMs - this.askedMs > leadMs;
  }

  /**
   * The records from an index on, as soon as there are any, or an empty batch at the end of the
   * shard, and when its stream is deleted and kept for its forks. "silence" when the time is over, "behind" when the reader must read by itself. Throws
   * what the shard's call throws, such as `shardNotFound`.
   */
  async next(reader: LiveReader, index: number, timeoutMs: number): Promise<LiveNews> {
    const deadlineMs = Date.now() + timeoutMs;
    for (;;) {
      const nowMs = Date.now();
      this.askedMs = nowMs;
      const batch = this.batches.find(({ from }) => from === index);
      if (batch !== undefined) return batch;
      const newest = this.batches.at(-1);
      const isBehind = newest !== undefined && newest.page.next.index > index;
      if (isBehind) return "behind";
      if (nowMs >= deadlineMs || reader.isGone()) return "silence";
      if (nowMs >= this.leadUntilMs) this.lead(reader, index);
      await this.news(Math.min(deadlineMs - nowMs, leadMs));
      if (this.failure !== undefined) throw this.failure.error;
    }
  }

  /** Wakes all readers, one of which has to notice something. */
  wakeAll(): void {
    for (const waiter of this.waiters) waiter.wake();
  }

  /** Resolves when something has happened, or after a while. */
  private async news(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => {
      this.waiters.delete(waiter);
      resolve();
    };
    const waiter: Waiter = { untilMs: Date.now() + timeoutMs, wake };
    this.waiters.add(waiter);
    const timer = setTimeout(wake, timeoutMs);
    await promise;
    // A timer belongs to the request that has set it: whoever wakes the reader cannot clear it.
    clearTimeout(timer);
  }

  private lead(reader: LiveReader, index: number): void {
    this.failure = undefined;
    const renew = () => (this.leadUntilMs = Date.now() + leadMs);
    renew();
    const timer = setInterval(renew, renewMs);
    const pump = this.pump(reader, index)
      .catch((error: unknown) => (this.failure = { error }))
      .finally(() => {
        clearInterval(timer);
        this.leadUntilMs = 0;
        this.wakeAll();
      });
    // The call may outlast its client; the readers that are left get what it brings.
    reader.runtime.waitUntil(pump);
  }

  private async pump(reader: LiveReader, first: number): Promise<void> {
    let index = first;
    do {
      const page = await this.nextPage(reader, index);
      const { closedMs, nextIndex, isDeleted } = page.view;
      const isAtEnd =
        isDeleted === true || (closedMs !== undefined && page.next.index >= nextIndex);
      if (page.next.index > index || isAtEnd) this.publish({ from: index, page });
      if (isAtEnd) return;
      index = page.next.index;
    } while (!reader.isGone() && !this.isIdle(Date.now()));
  }

  /** What the shard has at hand, after a wait; what was staged, or is damaged there, is read where history is. */
  private async nextPage({ runtime }: LiveReader, index: number): Promise<Page> {
    const limits = { recordsMax: pageRecordsMax, bytesMax: livePageBytesMax };
    const stub = runtime.env.SHARD.getByName(this.uid);
    const page = pageOf(unwrap(await stub.readNext({ index, ...limits, timeoutMs: liveCallMs })));
    const isElsewhere = page.runs.length === 0 && page.next.index < page.view.tailIndex;
    return isElsewhere ? readPage(runtime, this.uid, page.next, limits, "skip") : page;
  }

  private publish(batch: LiveBatch): void {
    this.batches = [...this.batches.slice(1 - liveBatchesKept), batch];
    this.wakeAll();
  }
}
