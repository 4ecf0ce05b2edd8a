// One budget for the memory of all pages of an isolate: segments that are being loaded, and pages
// that are being sent (worker/http/reply.ts). The size of a segment is known only after it is
// loaded. Until then the mean size of the shard's last segments is assumed. Loaded segments are
// held by their page and by the cache (core/bodyCache.ts).
import { pageMemoryBytesMax, pageMemoryLeaseMs, segmentBytes, viewsMax } from "../limits.ts";
import { BoundedMap } from "../core/boundedMap.ts";
import { MemoryBudget } from "../core/memoryBudget.ts";

/**
 * The isolate's budget. Pages that have loaded their segments have priority over those that have
 * not.
 */
export const pageMemory = new MemoryBudget(pageMemoryBytesMax, pageMemoryLeaseMs);

/**
 * Mean size of the segments that were read last, by shard; the shard that was read longest ago is
 * removed first.
 */
const sizes = new BoundedMap<number>(viewsMax);

/** The expected size of a segment of the shard. */
export function expectedBytes(uid: string): number {
  return sizes.get(uid) ?? segmentBytes;
}

/**
 * Loads segments of a shard at the same time, when the budget has room for the `count` segments
 * that are not in memory.
 */
export async function readInTurn(
  uid: string,
  count: number,
  load: () => Promise<PromiseSettledResult<Uint8Array>[]>,
): Promise<PromiseSettledResult<Uint8Array>[]> {
  const loads = await pageMemory.run(count * expectedBytes(uid), load);
  const found = loads.flatMap((each) => (each.status === "fulfilled" ? [each.value.length] : []));
  if (found.length > 0) sizes.set(uid, found.reduce((sum, bytes) => sum + bytes, 0) / found.length);
  return loads;
}
