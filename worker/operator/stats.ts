// GET /_millrace/stats: statistics for an operator. Without a query, the counters of the isolate
// that answers. With ?stream=NAME, what each shard of that stream has stored and done, how far behind
// its readers are, and how far each queue of the stream is.
import type { Backend } from "../stream/backend.ts";
import type { ShardStats } from "../core/types.ts";
import type { NamedResource } from "../stream/permission.ts";
import { bodies } from "../core/bodyCache.ts";
import { pendingTotalBytes } from "../shard/pendingBudget.ts";
import { type ReaderLag, readerLags } from "../stream/readerLags.ts";
import { readCounters } from "../stream/readCounters.ts";
import { liveTotals } from "../stream/liveFeed.ts";
import { visitShards } from "../core/parallel.ts";

/** Queues of a stream that are looked at: a call to an object for each of them and each shard. */
const statQueuesMax = 20;

/** What is known of one stream. */
export interface StreamStats {
  name: string;
  shards: IndexedStats[];
  readers: IndexedReader[];
  queues: QueueTotals[];
}

/** The statistics of a shard, and the shard's position in its stream. */
export type IndexedStats = ShardStats & { index: number };

/** How far behind a reader of a shard was in the last minute, as far as this isolate served it. */
export type IndexedReader = ReaderLag & { shard: number };

/** The records of a queue, over all shards. */
export interface QueueTotals {
  name: string;
  id: string;
  undelivered: number;
  waiting: number;
  inFlight: number;
  dead: number;
  rowsWritten: number;
}

/** Throws `streamNotFound`, `shardNotFound`. */
export async function readStats(
  backend: Backend,
  stream: NamedResource | undefined,
): Promise<object> {
  const found = stream && (await streamStats(backend, stream));
  const disk = await backend.diskSpace();
  return {
    isolate: isolateStats(),
    ...(disk && { disk: { ...disk, takesWrites: disk.spareBytes > 0 } }),
    ...(found && {
      shards: found.shards,
      ...(found.readers.length > 0 && { readers: found.readers }),
      ...(found.queues.length > 0 && { queues: found.queues }),
    }),
  };
}

/** Throws `streamNotFound`, `shardNotFound`. */
export async function streamStats(
  backend: Backend,
  { scope, name }: NamedResource,
): Promise<StreamStats> {
  const { description } = await backend.streams.find(scope, name);
  const shards = await visitShards(description.shards, async ({ uid, index }) => {
    const stats = await backend.shards.stats(uid);
    return Object.assign({ index }, stats);
  });
  const nowMs = Date.now();
  const readers = description.shards.flatMap(({ uid, index }) =>
    readerLags.of(uid, nowMs).map((lag) => Object.assign({ shard: index }, lag)),
  );
  return { name, shards, readers, queues: await queueStats(backend, { scope, name }, shards) };
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

/** Undelivered are the records behind the queue's place in the shards. */
async function queueStats(
  { streams, queues }: Backend,
  { scope, name }: NamedResource,
  shards: readonly { index: number; nextIndex: number }[],
): Promise<QueueTotals[]> {
  const { description } = await streams.find(scope, name);
  const { queues: found } = await queues.list(scope, undefined, statQueuesMax, [{ stream: name }]);
  return await Promise.all(
    found.map(async (queue) => {
      const total = {
        name: queue.name,
        id: queue.id,
        undelivered: 0,
        waiting: 0,
        inFlight: 0,
        dead: 0,
        rowsWritten: 0,
      };
      await visitShards(description.shards, async ({ uid, index }) => {
        const stats = await queues.statsOver(uid, queue);
        if (stats === undefined) return;
        const end = shards.find((shard) => shard.index === index)?.nextIndex ?? stats.next;
        total.undelivered += Math.max(0, end - stats.next);
        total.waiting += stats.waiting;
        total.inFlight += stats.inFlight;
        total.dead += stats.dead;
        total.rowsWritten += stats.rowsWritten;
      });
      return total;
    }),
  );
}
