// Calls many shards, a limited number at a time: a stream may have thousands.

/** Shards called at once while a stream is made, changed or removed. */
const shardCallsMax = 64;

/** The results of all calls, in order. */
export async function visitShards<Shard, Result>(
  shards: readonly Shard[],
  visit: (shard: Shard) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < shards.length; at += shardCallsMax) {
    // Calls that never wait for a disk would follow one another without a pause: this lets other
    // requests run between them.
    if (at > 0) await new Promise((done) => setTimeout(done));
    results.push(...(await Promise.all(shards.slice(at, at + shardCallsMax).map(visit))));
  }
  return results;
}
