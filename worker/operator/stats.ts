// GET /_millrace/stats: statistics for an operator. Without a query, the counters of the isolate
// that answers. With ?stream=NAME, what each shard of that stream has stored and done.
import type { Runtime } from "../core/bindings.ts";
import type { NamedResource } from "../stream/permission.ts";
import { askSpace } from "../core/space.ts";
import { bodies } from "../core/bodyCache.ts";
import { findStream } from "../stream/directory.ts";
import { pendingTotalBytes } from "../shard/pendingBudget.ts";
import { readCounters } from "../stream/readCounters.ts";
import { unwrap } from "../core/rpc.ts";
import { visitShards } from "../core/parallel.ts";

/** Throws `streamNotFound`, `shardNotFound`. */
export async function readStats(
  runtime: Runtime,
  stream: NamedResource | undefined,
): Promise<object> {
  const { SPACE: space } = runtime.env;
  const shards = stream && (await shardStats(runtime, stream));
  const disk = space === undefined ? undefined : await askSpace(space);
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
  };
}

async function shardStats(runtime: Runtime, { scope, name }: NamedResource) {
  const { description } = await findStream(runtime.env, scope, name);
  return visitShards(description.shards, async ({ uid, index }) => {
    const stats = unwrap(await runtime.env.SHARD.getByName(uid).stats());
    return Object.assign({ index }, stats);
  });
}
