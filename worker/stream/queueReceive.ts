// Receives records from a queue: asks the queues over the shards in turn, and waits at all of them when
// none has anything. Shards that are known to have more are asked first; otherwise each receive begins
// at another shard, so that none is favoured. A receive waits at `queueShardsMax` shards at once; at
// those of a larger stream by turns.
import type { Env, Runtime } from "../core/bindings.ts";
import { BoundedMap } from "../core/boundedMap.ts";
import { timeLeft } from "../core/clock.ts";
import {
  type QueueDescription,
  type ReadyReply,
  type ReceiveRequest,
  shardQueueName,
} from "../core/queueTypes.ts";
import { unwrap } from "../core/rpc.ts";
import type { ShardDescription } from "../core/types.ts";
import type { Delivered } from "../delivery/delivery.ts";
import { isCode, StreamError } from "../errors.ts";
import { pageBytesMax, queueShardsMax, viewsMax } from "../limits.ts";
import { findStream, refreshStream } from "./directory.ts";
import { refreshQueue } from "./queueDirectory.ts";
import { type QueueRecord, readDelivered } from "./queueRecords.ts";

export interface Receive extends ReceiveRequest {
  /** How long it waits for the first record. */
  waitMs: number;
}

/** Shards whose records one receive puts together. */
const shardsPerReceive = 4;

/** How long it waits at some shards of many before it turns to others. */
const turnMs = 1000;

/** By the names of the queues over shards: what their last replies said. */
const hints = new BoundedMap<"more" | "finished">(viewsMax);

let turns = 0;

/**
 * Up to `limit` records, as soon as there is one; none when the time is over. Throws `queueNotFound`,
 * `overloaded`, and what reading throws.
 */
export async function receiveRecords(
  runtime: Runtime,
  queue: QueueDescription,
  request: Receive,
): Promise<QueueRecord[]> {
  // Timers run evenly, whatever becomes of the clock.
  const wait = { startMs: Date.now(), isOver: false };
  const timer = setTimeout(() => (wait.isOver = true), request.waitMs);
  try {
    return await receiveInTime(runtime, queue, request, wait);
  } finally {
    clearTimeout(timer);
  }
}

async function receiveInTime(
  runtime: Runtime,
  queue: QueueDescription,
  request: Receive,
  wait: { startMs: number; isOver: boolean },
): Promise<QueueRecord[]> {
  const receiving = new Receiving(runtime, queue, request);
  let shards = (await findStream(runtime.env, queue, queue.stream)).description.shards;
  for (let first = turns++; ; first += queueShardsMax) {
    const records = await receiving.take(inTurn(receiving.unfinished(shards), first));
    if (records.length > 0) return records;
    const leftMs = timeLeft(wait.startMs, request.waitMs, Date.now());
    const waitedAt = inTurn(receiving.unfinished(shards), first);
    if (leftMs === 0 || wait.isOver) return [];
    const isWhole = waitedAt.length <= queueShardsMax;
    const ready = await receiving.wait(
      waitedAt.slice(0, queueShardsMax),
      isWhole ? leftMs : Math.min(leftMs, turnMs),
    );
    const found = await receiving.takeFrom(ready);
    if (found.length > 0) return found;
    // A shard has ended, or is not there: others continue it.
    if (ready.length === 0 && !wait.isOver) {
      await refreshQueue(runtime.env, queue, queue.id);
      shards = (await refreshStream(runtime.env, queue, queue.stream)).description.shards;
    }
  }
}

class Receiving {
  private readonly runtime: Runtime;
  private readonly env: Env;
  private readonly queue: QueueDescription;
  private readonly request: Receive;

  constructor(runtime: Runtime, queue: QueueDescription, request: Receive) {
    this.runtime = runtime;
    this.env = runtime.env;
    this.queue = queue;
    this.request = request;
  }

  /** Shards that may have something for this queue. */
  unfinished(shards: readonly ShardDescription[]): ShardDescription[] {
    return shards.filter((shard) => hints.get(this.nameOf(shard)) !== "finished");
  }

  /** Records of shards that are known to have more. */
  async take(shards: readonly ShardDescription[]): Promise<QueueRecord[]> {
    if (this.request.isDead) return [];
    return this.takeFrom(shards.filter((shard) => hints.get(this.nameOf(shard)) === "more"));
  }

  /** Records of the shards, one after the other, until there are enough. */
  async takeFrom(shards: readonly ShardDescription[]): Promise<QueueRecord[]> {
    const records: QueueRecord[] = [];
    let bytesLeft = pageBytesMax;
    for (const shard of shards.slice(0, shardsPerReceive)) {
      const limit = this.request.limit - records.length;
      if (limit === 0 || bytesLeft <= 0) break;
      try {
        const taken = await this.takeOf(shard, limit, bytesLeft, records.length > 0);
        records.push(...taken);
        for (const { data } of taken) bytesLeft -= data.length;
      } catch (error) {
        if (isCode(error, "queueNotFound", "shardNotFound")) continue;
        if (records.length === 0) throw error;
        console.error(`queue ${this.queue.id} could not read shard ${shard.uid}`, error);
        break;
      }
    }
    return records;
  }

  /**
   * Waits until one of the shards has something; returns those that do. None when the time is over, or
   * when a shard has ended.
   */
  async wait(shards: readonly ShardDescription[], timeoutMs: number): Promise<ShardDescription[]> {
    if (shards.length === 0) {
      await scheduler.wait(Math.min(timeoutMs, turnMs));
      return [];
    }
    const ready: ShardDescription[] = [];
    const first = Promise.withResolvers<void>();
    let left = shards.length;
    const waits = shards.map(async (shard) => {
      const reply = await this.readyAt(shard, timeoutMs);
      if (reply.isReady) ready.push(shard);
      if (reply.isReady || reply.hasEnded || --left === 0) first.resolve();
    });
    await Promise.race([first.promise, Promise.all(waits)]);
    // Those that have answered at the same time.
    await Promise.resolve();
    // A wait that is left alone fails on its own.
    for (const wait of waits) wait.catch(() => {});
    return ready;
  }

  private async readyAt(
    shard: ShardDescription,
    timeoutMs: number,
  ): Promise<Pick<ReadyReply, "isReady"> & { hasEnded: boolean }> {
    const startMs = Date.now();
    try {
      const { isDead } = this.request;
      const reply = unwrap(await this.object(shard).ready({ isDead, timeoutMs }));
      if (reply.isFinished) hints.set(this.nameOf(shard), "finished");
      const isEarly = timeLeft(startMs, timeoutMs, Date.now()) > 0;
      return { isReady: reply.isReady, hasEnded: !reply.isReady && isEarly };
    } catch (error) {
      if (!isCode(error, "queueNotFound", "shardNotFound")) throw error;
      await this.requireQueue();
      return { isReady: false, hasEnded: true };
    }
  }

  private async takeOf(
    shard: ShardDescription,
    limit: number,
    bytesMax: number,
    isMore: boolean,
  ): Promise<QueueRecord[]> {
    const { isDead, visibilityMs } = this.request;
    const object = this.object(shard);
    const name = this.nameOf(shard);
    const reply = unwrap(await object.receive({ isDead, limit, visibilityMs }));
    const { delivered, hasMore, isFinished } = reply;
    if (isFinished) hints.set(name, "finished");
    else if (hasMore && !isDead) hints.set(name, "more");
    else if (!isDead) hints.delete(name);
    if (delivered.length === 0) return [];
    const giveBack = async (undone: Delivered[], missing: { from: number; to: number }[]) => {
      unwrap(await object.giveBack({ undone, missing }));
    };
    try {
      const read = await readDelivered(this.runtime, shard, delivered, bytesMax);
      const tooLarge = isMore && read.records.some(({ data }) => data.length > bytesMax);
      if (tooLarge) {
        await giveBack(delivered, read.missing);
        return [];
      }
      if (read.undone.length > 0 || read.missing.length > 0) {
        await giveBack(read.undone, read.missing);
      }
      return read.records;
    } catch (error) {
      await giveBack(delivered, []);
      throw error;
    }
  }

  /** Throws `queueNotFound` unless the queue still exists. */
  private async requireQueue(): Promise<void> {
    const { status } = await refreshQueue(this.env, this.queue, this.queue.id);
    if (status === "DELETING") throw new StreamError("queueNotFound", { queue: this.queue.id });
  }

  private nameOf({ uid }: ShardDescription): string {
    return shardQueueName(uid, this.queue.id);
  }

  private object(shard: ShardDescription) {
    return this.env.QUEUE.getByName(this.nameOf(shard));
  }
}

function inTurn<T>(list: readonly T[], turn: number): T[] {
  const first = list.length === 0 ? 0 : turn % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}
