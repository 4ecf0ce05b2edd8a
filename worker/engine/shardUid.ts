// The uid of a shard: the name of its Durable Object, a part of the addresses of its segments, and
// a part of the checksum of every body that it stores. A uid is never used twice. Its first
// characters tell the lowest chunk version that the shard's bodies have; see docs/FORMAT.md.

import { crc32 } from "node:zlib";

/** The uid of a stream's shard. */
export function shardUid(streamUid: string, index: number): string {
  return `2-${streamUid.replaceAll("-", "")}-${index}`;
}

/** False for shards of version 0.1.0: they may also have bodies without a uid in the checksum. */
export function storesBoundOnly(uid: string): boolean {
  return uid.startsWith("2-");
}

/**
 * 24 bits of a checksum of the uid, for cursors that clients keep for as long as they like: with them
 * a cursor of a stream that was deleted and made anew is known to be of the earlier one.
 */
export function shardMark(uid: string): number {
  return crc32(uid) & 0xffffff;
}
