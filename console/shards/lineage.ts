// The shards of a stream as a picture: hash ranges as shares of the whole space, and the family
// tree in columns, where a shard is one column behind its latest parent.
import type { Shard } from "../api/kinesis.ts";

export interface PlacedShard {
  shard: Shard;
  /** Its number, from its id. */
  index: number;
  isOpen: boolean;
  /** From 0 to 1 in the hash space. */
  from: number;
  to: number;
  column: number;
  parents: PlacedShard[];
}

const spaceSize = 1n << 128n;
/** Shares have this precision: a double cannot hold 128 bits. */
const precision = 1n << 40n;

export function placeShards(shards: readonly Shard[]): PlacedShard[] {
  const placed = new Map<string, PlacedShard>();
  const sorted = [...shards].sort((a, b) => (a.ShardId < b.ShardId ? -1 : 1));
  for (const shard of sorted) {
    const parents = [shard.ParentShardId, shard.AdjacentParentShardId]
      .map((id) => (id === undefined ? undefined : placed.get(id)))
      .filter((parent) => parent !== undefined);
    placed.set(shard.ShardId, {
      shard,
      index: shardIndex(shard.ShardId),
      isOpen: shard.SequenceNumberRange.EndingSequenceNumber === undefined,
      from: shareOf(BigInt(shard.HashKeyRange.StartingHashKey)),
      to: shareOf(BigInt(shard.HashKeyRange.EndingHashKey) + 1n),
      column: Math.max(-1, ...parents.map((parent) => parent.column)) + 1,
      parents,
    });
  }
  return [...placed.values()];
}

export function shardIndex(shardId: string): number {
  return Number(shardId.slice(shardId.lastIndexOf("-") + 1));
}

/** The hash key that halves a shard, as SplitShard takes it; undefined for a range of one key. */
export function middleOf({ HashKeyRange }: Shard): string | undefined {
  const [from, to] = [BigInt(HashKeyRange.StartingHashKey), BigInt(HashKeyRange.EndingHashKey)];
  return to === from ? undefined : String(from + (to - from + 1n) / 2n);
}

/** The open shards that border on this one. */
export function neighboursOf(shard: PlacedShard, all: readonly PlacedShard[]): PlacedShard[] {
  const { StartingHashKey, EndingHashKey } = shard.shard.HashKeyRange;
  return all.filter(({ isOpen, shard: { HashKeyRange: other } }) => {
    if (!isOpen) return false;
    return (
      BigInt(other.EndingHashKey) + 1n === BigInt(StartingHashKey) ||
      BigInt(EndingHashKey) + 1n === BigInt(other.StartingHashKey)
    );
  });
}

function shareOf(hashKey: bigint): number {
  return Number((hashKey * precision) / spaceSize) / Number(precision);
}
