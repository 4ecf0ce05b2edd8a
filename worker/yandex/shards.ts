// Shards and records as this service numbers them: shard-000007, a record by its index in decimal.
// The numbers of a shard begin with its oldest record that is still stored. Source: YDB
// sharding.cpp, datastreams_proxy.cpp.
import type { Backend } from "../stream/backend.ts";
import { INDEX_MAX } from "../engine/chunk.ts";
import { hashNumber } from "../core/hashRange.ts";
import type { ShardDescription } from "../core/types.ts";
import { visitShards } from "../core/parallel.ts";

const idDigits = 6;

/** A sequence number is a uint64 underneath. */
const sequenceNumberMax = 2n ** 64n - 1n;
const sequenceDigitsMax = 20;

export function shardIdOf(index: number): string {
  return `shard-${String(index).padStart(idDigits, "0")}`;
}

/** Undefined for a text that is not the canonical id of a shard. */
export function parseShardId(id: string): number | undefined {
  const [, digits] = /^shard-(\d{1,9})$/.exec(id) ?? [];
  const index = Number(digits);
  return digits !== undefined && shardIdOf(index) === id ? index : undefined;
}

/**
 * The index that a text begins with, as std::stoull reads it: white space before and any text after
 * it are ignored. Undefined if there is no number, or if it does not fit a uint64.
 */
export function parseSequenceNumber(text: string): number | undefined {
  const [, zeros, digits] = /^\s*\+?(0*)(\d*)/.exec(text) ?? [];
  if (zeros === undefined || digits === undefined || zeros + digits === "") return undefined;
  // The length is checked first: converting a long text takes more than linear time.
  if (digits.length > sequenceDigitsMax || BigInt(digits) > sequenceNumberMax) return undefined;
  return Math.min(Number(digits), INDEX_MAX);
}

/** The shards as listings show them. */
export async function describeShards(
  backend: Backend,
  shards: readonly ShardDescription[],
): Promise<object[]> {
  return visitShards(shards, async (shard) => {
    const { firstIndex } = await backend.shards.view(shard.uid);
    const [parent, adjacent] = shard.parents ?? [];
    return {
      ShardId: shardIdOf(shard.index),
      ...(parent !== undefined && { ParentShardId: shardIdOf(parent) }),
      ...(adjacent !== undefined && { AdjacentParentShardId: shardIdOf(adjacent) }),
      HashKeyRange: rangeOf(shard),
      SequenceNumberRange: {
        StartingSequenceNumber: String(firstIndex),
        ...(shard.endIndex !== undefined && {
          EndingSequenceNumber: String(Math.max(shard.endIndex - 1, 0)),
        }),
      },
    };
  });
}

export function rangeOf({
  hashStart,
  hashEnd,
}: Pick<ShardDescription, "hashStart" | "hashEnd">): object {
  return {
    StartingHashKey: String(hashNumber(hashStart)),
    EndingHashKey: String(hashNumber(hashEnd)),
  };
}
