// Hash-key ranges of shards: 128-bit numbers as 32 hexadecimal digits, whose text order is their
// numeric order. A key belongs to the shard whose range contains its MD5. The ranges of the open
// shards cover all of 0 to 2^128 − 1 without gap or overlap. Closed shards stay in the list; their
// keys belong to their successors.
import type { HashCut, ShardDescription } from "./types.ts";

export interface HashRange {
  start: string;
  end: string;
}

const SPACE = 1n << 128n;
const DIGITS = 32;
const WORDS = 4;

/**
 * Ranges of `count` shards, the last to the end: floor(2^128 / count) each as Kinesis cuts them, or
 * floor((2^128 − 1) / count) as YDB does (ydb/services/lib/sharding).
 */
export function splitHashRange(count: number, cut: HashCut = "byCount"): HashRange[] {
  const width = (cut === "byLast" ? SPACE - 1n : SPACE) / BigInt(count);
  return Array.from({ length: count }, (_, i) => {
    const start = width * BigInt(i);
    const end = i === count - 1 ? SPACE - 1n : start + width - 1n;
    return { start: hashHex(start), end: hashHex(end) };
  });
}

export function hashHex(hash: bigint): string {
  return hash.toString(16).padStart(DIGITS, "0");
}

export function hashNumber(hex: string): bigint {
  return BigInt(`0x${hex}`);
}

/** A stream's open shards, prepared for looking up hashes. */
export interface Routes {
  shards: ShardDescription[];
  /** First hash of each shard, four big-endian words each, ascending. */
  starts: Uint32Array;
}

export function routesOf(shards: readonly ShardDescription[]): Routes {
  const sorted = shards
    .filter((shard) => shard.closedMs === undefined)
    .sort((a, b) => (a.hashStart < b.hashStart ? -1 : 1));
  const starts = new Uint32Array(sorted.length * WORDS);
  for (const [i, shard] of sorted.entries()) {
    for (let word = 0; word < WORDS; word++) {
      starts[i * WORDS + word] = parseInt(shard.hashStart.slice(word * 8, word * 8 + 8), 16);
    }
  }
  return { shards: sorted, starts };
}

/** Position in `routes.shards` of the shard whose range holds the 16-byte hash at `at`. */
export function findRoute(routes: Routes, hashes: Uint8Array, at: number): number {
  const view = new DataView(hashes.buffer, hashes.byteOffset + at, WORDS * 4);
  let low = 0;
  let high = routes.shards.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (startsAfter(routes.starts, middle, view)) high = middle - 1;
    else low = middle;
  }
  return low;
}

export function openCount(shards: readonly ShardDescription[]): number {
  return shards.filter((shard) => shard.closedMs === undefined).length;
}

/** The shard with that index; undefined if it never existed or was removed. */
export function findShard(
  shards: readonly ShardDescription[],
  index: number,
): ShardDescription | undefined {
  // The list lacks only shards whose records have all expired.
  const atIndex = shards[index];
  return atIndex?.index === index ? atIndex : shards.find((shard) => shard.index === index);
}

/** The shards that continue a closed one. */
export function childrenOf(shards: readonly ShardDescription[], index: number): ShardDescription[] {
  return shards.filter(({ parents }) => parents?.includes(index));
}

/**
 * The shard itself if it is open. Otherwise the open descendant whose range contains the hash, or
 * the first open descendant if none does.
 */
export function successorOf(
  shards: readonly ShardDescription[],
  index: number,
  hash: string,
): ShardDescription | undefined {
  let successor = findShard(shards, index);
  while (successor?.closedMs !== undefined) {
    const children = childrenOf(shards, successor.index);
    successor =
      children.find(({ hashStart, hashEnd }) => hashStart <= hash && hash <= hashEnd) ??
      children[0];
  }
  return successor;
}

function startsAfter(starts: Uint32Array, position: number, hash: DataView): boolean {
  for (let word = 0; word < WORDS; word++) {
    const start = starts[position * WORDS + word] as number;
    const value = hash.getUint32(word * 4);
    if (start !== value) return start > value;
  }
  return false;
}
