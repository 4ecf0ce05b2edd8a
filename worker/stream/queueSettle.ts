// Tells queues what has become of the records that they handed out: one call for each shard.
import type { Env } from "../core/bindings.ts";
import {
  type QueueDescription,
  type SettleOrder,
  type SettleOutcome,
  shardQueueName,
} from "../core/queueTypes.ts";
import { unwrap } from "../core/rpc.ts";
import { isCode, StreamError } from "../errors.ts";
import { findStream, refreshStream } from "./directory.ts";
import { refreshQueue } from "./queueDirectory.ts";

export interface SettleRequest {
  /** Index of the shard in its stream. */
  shard: number;
  order: SettleOrder;
}

/**
 * What has become of each request, in their order; an error where its shard's queue could not do it.
 * Throws `queueNotFound`.
 */
export async function settleRecords(
  env: Env,
  queue: QueueDescription,
  requests: readonly SettleRequest[],
): Promise<(SettleOutcome | Error)[]> {
  const outcomes: (SettleOutcome | Error)[] = [];
  const places = Map.groupBy(requests.keys(), (at) => requests[at]?.shard ?? 0);
  await Promise.all(
    Array.from(places, async ([shard, its]) => {
      const orders = its.flatMap((at) => requests[at]?.order ?? []);
      const settled = await settleAt(env, queue, shard, orders);
      for (const [i, at] of its.entries()) outcomes[at] = settled[i] ?? "stale";
    }),
  );
  return outcomes;
}

async function settleAt(
  env: Env,
  queue: QueueDescription,
  shardIndex: number,
  orders: SettleOrder[],
): Promise<(SettleOutcome | Error)[]> {
  for (const find of [findStream, refreshStream]) {
    const { description } = await find(env, queue, queue.stream);
    const shard = description.shards.find(({ index }) => index === shardIndex);
    if (shard === undefined) continue;
    try {
      const object = env.QUEUE.getByName(shardQueueName(shard.uid, queue.id));
      return unwrap(await object.settle(orders)).outcomes;
    } catch (error) {
      if (isCode(error, "queueNotFound")) continue;
      const failure = error instanceof Error ? error : new Error(String(error));
      return orders.map(() => failure);
    }
  }
  const { status } = await refreshQueue(env, queue, queue.id);
  if (status === "DELETING") throw new StreamError("queueNotFound", { queue: queue.id });
  // The records of a shard that is gone have expired.
  return orders.map(({ kind }) => (kind === "acknowledge" ? "done" : "stale"));
}
