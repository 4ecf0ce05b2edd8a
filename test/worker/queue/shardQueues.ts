// Queues over shards for tests inside workerd, spoken to as a Worker speaks to them, and thrown out of
// memory or ended at will.

import { env } from "cloudflare:workers";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import {
  type ReceiveRequest,
  type SettleOrder,
  shardQueueName,
  type ShardQueueOrder,
  type ShardQueueStats,
} from "../../../worker/core/queueTypes.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import type { Receipt } from "../../../worker/delivery/delivery.ts";
import { append, openShard, type ShardStub } from "../../support/shards.ts";

export type QueueStub = ReturnType<typeof env.QUEUE.getByName>;

export interface Opened {
  shard: ShardStub;
  queue: QueueStub;
}

/** A queue from the oldest record on, over a shard that has so many records. */
export async function openQueue(
  records: number,
  order: Partial<ShardQueueOrder> = {},
): Promise<Opened> {
  const shard = await openShard();
  if (records > 0) await append(shard, ...texts(records));
  return { shard, queue: await openQueueOver(shard, order) };
}

export async function openQueueOver(
  shard: ShardStub,
  order: Partial<ShardQueueOrder> = {},
): Promise<QueueStub> {
  const uid = shard.name ?? "";
  const name = shardQueueName(uid, `q${crypto.randomUUID().replaceAll("-", "")}`);
  const queue = env.QUEUE.getByName(name);
  unwrap(
    await queue.open({
      name,
      shard: uid,
      parents: [],
      visibilitySeconds: 30,
      receivesMax: 3,
      inFlightMax: 120_000,
      position: { type: "TRIM_HORIZON" },
      ...order,
    }),
  );
  return queue;
}

export function texts(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `record ${i}`);
}

/** The receipts of what was received. */
export async function receive(
  queue: QueueStub,
  request: Partial<ReceiveRequest> = {},
): Promise<Receipt[]> {
  const { isDead = false } = request;
  const { delivered } = unwrap(await queue.receive({ isDead, limit: 10, ...request }));
  return delivered.flatMap(({ from, to, receives, generation }) =>
    Array.from({ length: to - from }, (_, i) => ({
      index: from + i,
      receives,
      generation,
      isDead,
    })),
  );
}

export async function acknowledge(queue: QueueStub, receipts: readonly Receipt[]) {
  return settle(
    queue,
    receipts.map((receipt) => ({ kind: "acknowledge", receipt })),
  );
}

export async function settle(queue: QueueStub, orders: SettleOrder[]) {
  return unwrap(await queue.settle(orders)).outcomes;
}

export async function statsOf(queue: QueueStub): Promise<ShardQueueStats> {
  return unwrap(await queue.stats());
}

export function indexesOf(receipts: readonly Receipt[]): number[] {
  return receipts.map(({ index }) => index);
}

/** Runs work inside the object, where a thousand calls cost little. */
export function inside<T>(queue: QueueStub, work: (own: QueueStub) => Promise<T>): Promise<T> {
  return runInDurableObject(queue, (instance) => work(instance as unknown as QueueStub));
}

/** The object is thrown out of memory in good order, as when nobody has called it for a while. */
export async function evict(queue: QueueStub): Promise<void> {
  await runInDurableObject(queue, () => {});
  await evictDurableObject(queue);
}

/** The object ends at once, as when its machine does. */
export async function crash(queue: QueueStub): Promise<QueueStub> {
  await runInDurableObject(queue, (_, state) => state.abort("crash")).catch(() => {});
  return env.QUEUE.getByName(queue.name ?? "");
}
