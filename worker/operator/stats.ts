// GET /_millrace/stats: statistics for an operator. Without a query, the counters of the isolate
// that answers. With ?stream=NAME, what each shard of that stream has stored and done.
import type { Backend } from "../stream/backend.ts";
import type { NamedResource } from "../stream/permission.ts";
import { bodies } from "../core/bodyCache.ts";
import { pendingTotalBytes } from "../shard/pendingBudget.ts";
import { readCounters } from "../stream/readCounters.ts";
import { liveTotals } from "../stream/liveFeed.ts";
import { visitShards } from "../core/parallel.ts";

/** Throws `streamNotFound`, `shardNotFound`. */
export async function readStats(
  backend: Backend,
  stream: NamedResource | undefined,
): Promise<object> {
  const shards = stream && (await shardStats(backend, stream));
  const disk = await backend.diskSpace();
  return {
    isolate: isolateStats(),
    ...(disk && { disk: { ...disk, takesWrites: disk.spareBytes > 0 } }),
    ...(shards && { shards }),
  };
}

function isolateStats() {
  const { bytes, hits, misses } = bodies;
  return {
    reads: readCounters,
    cache: { bytes, hits, misses },
    pendingBytes: pendingTotalBytes(),
    live: liveTotals(Date.now()),
  };
}

async function shardStats(backend: Backend, { scope, name }: NamedResource) {
  const { description } = await backend.streams.find(scope, name);
  return visitShards(description.shards, async ({ uid, index }) => {
    const stats = await backend.shards.stats(uid);
    return Object.assign({ index }, stats);
  });
}
