// Segments on their way into memory, over all pages of an isolate, within one budget; pages on their way
// out share it (worker/http/reply.ts). How large segments are is known only once they are there: until then a
// shard's are taken to be as large as the last that were read of it. What is read stays with its page,
// and in the cache (core/bodyCache.ts).
import { pageMemoryBytesMax, pageMemoryLeaseMs, segmentBytes, viewsMax } from "../limits.ts";
import { BoundedMap } from "../core/boundedMap.ts";
import { MemoryBudget } from "../core/memoryBudget.ts";

/** The isolate's. Pages that have loaded their segments go before those that have not. */
export const pageMemory = new MemoryBudget(pageMemoryBytesMax, pageMemoryLeaseMs);

/** Mean size of the segments that were read last, by shard; the shard read longest ago goes first. */
const sizes = new BoundedMap<number>(viewsMax);

/** Bytes that a segment of the shard is likely to have. */
export function expectedBytes(uid: string): number {
  return sizes.get(uid) ?? segmentBytes;
}

/**
 * Loads segments of a shard, all at once, when there is room for the `count` of them that are not
 * in memory yet.
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
