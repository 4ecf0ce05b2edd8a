// A cache of what the catalogs say of queues, for a few seconds. A stale description is harmless: the
// queue's objects themselves know whether it exists, and how it delivers.
import { isDue } from "../core/clock.ts";
import type { Env } from "../core/bindings.ts";
import { BoundedMap } from "../core/boundedMap.ts";
import type { QueueDescription } from "../core/queueTypes.ts";
import { unwrap } from "../core/rpc.ts";
import type { Scope } from "../core/types.ts";
import { descriptionsMax, descriptionTtlMs } from "../limits.ts";
import { writtenCatalogOf } from "./directory.ts";

interface KnownQueue {
  description: QueueDescription;
  freshUntilMs: number;
}

const queues = new BoundedMap<KnownQueue>(descriptionsMax);

/** The queue as it was at most `descriptionTtlMs` ago. Throws `queueNotFound`. */
export async function findQueue(env: Env, scope: Scope, id: string): Promise<QueueDescription> {
  const known = queues.get(keyOf(scope, id));
  if (known !== undefined && !isDue(known.freshUntilMs, descriptionTtlMs, Date.now())) {
    return known.description;
  }
  return refreshQueue(env, scope, id);
}

/** The queue as the catalog describes it now. Throws `queueNotFound`. */
export async function refreshQueue(env: Env, scope: Scope, id: string): Promise<QueueDescription> {
  const key = keyOf(scope, id);
  queues.delete(key);
  const { queue } = unwrap(await writtenCatalogOf(env, scope).describeQueue(id));
  // What is being created or deleted may be otherwise at the next request.
  if (queue.status === "ACTIVE") {
    queues.set(key, { description: queue, freshUntilMs: Date.now() + descriptionTtlMs });
  }
  return queue;
}

/** Removes the queue from the cache, after this isolate has changed it. */
export function forgetQueue(scope: Scope, id: string): void {
  queues.delete(keyOf(scope, id));
}

/** Removes all queues from the cache. */
export function forgetAllQueues(): void {
  queues.clear();
}

function keyOf({ account, region }: Scope, id: string): string {
  return `${account}/${region}/${id}`;
}
