// The name that a shard has for itself: of its Durable Object, in the addresses of its segments, and in the
// checksum of every body that it stores. It is given once and never again. What it begins with says which
// version of the chunk format all its bodies have, at least; see docs/FORMAT.md.

/** The uid of a stream's shard. */
export function shardUid(streamUid: string, index: number): string {
  return `2-${streamUid.replaceAll("-", "")}-${index}`;
}

/** False for shards that were made before bodies were bound to them: those may have others, too. */
export function storesBoundOnly(uid: string): boolean {
  return uid.startsWith("2-");
}
