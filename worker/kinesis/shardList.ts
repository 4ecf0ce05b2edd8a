// Shards as replies show them, and which of a stream's shards a filter means. A shard's records span
// the millisecond after the ones it continues closed to when it closed itself; that, and not the second of
// creation in its sequence numbers, is what filters by time compare (AWS API reference, ShardFilter).
import { hashNumber } from "../core/hashRange.ts";
import { openedMs } from "../catalog/reshardPlan.ts";
import type { ShardDescription, StreamDescription } from "../core/types.ts";
import { hourMs } from "../core/units.ts";
import { parseShardId, shardIdOf } from "./shardId.ts";
import { shardFilterIncomplete, shardNotFound } from "./errorTexts.ts";
import { endingSequenceNumber, startingSequenceNumber } from "./sequence.ts";
import type { InputOf } from "./shapeTypes.ts";
import type { shardFilterShape } from "./shapes.ts";

export type ShardFilter = InputOf<typeof shardFilterShape>;

export function shardOf(shard: ShardDescription) {
  const { createdMs: shardCreatedMs, index: shardIndex, endMs: closedMs } = shard;
  const [parent, adjacent] = shard.parents ?? [];
  const numbers = { shardCreatedMs, shardIndex };
  return {
    ShardId: shardIdOf(shardIndex),
    ...(parent !== undefined && { ParentShardId: shardIdOf(parent) }),
    ...(adjacent !== undefined && { AdjacentParentShardId: shardIdOf(adjacent) }),
    HashKeyRange: hashKeyRangeOf(shard),
    SequenceNumberRange: {
      StartingSequenceNumber: startingSequenceNumber(numbers),
      ...(closedMs !== undefined && {
        EndingSequenceNumber: endingSequenceNumber({ ...numbers, closedMs }),
      }),
    },
  };
}

/** The children of a closed shard, where a reader continues after its end. */
export function childShardsOf(children: readonly ShardDescription[]) {
  return children.map((child) => ({
    ShardId: shardIdOf(child.index),
    ParentShards: (child.parents ?? []).map(shardIdOf),
    HashKeyRange: hashKeyRangeOf(child),
  }));
}

/** The shards after an id; no shard needs to have it. Throws for a text that is no id. */
export function shardsAfter(
  stream: StreamDescription,
  shards: readonly ShardDescription[],
  shardId: string | undefined,
): readonly ShardDescription[] {
  if (shardId === undefined) return shards;
  const index = parseShardId(shardId);
  if (index === undefined) throw shardNotFound(shardId, stream);
  return shards.filter((shard) => shard.index > index);
}

/** The shards within retention that the filter means; all of them without one. */
export function filterShards(
  stream: StreamDescription,
  filter: ShardFilter | undefined,
  nowMs: number,
): readonly ShardDescription[] {
  const { Type: type, ShardId: shardId, Timestamp: timestamp } = filter ?? {};
  const trimmedMs = nowMs - stream.retentionHours * hourMs;
  const kept = stream.shards.filter((shard) => !isClosedBefore(shard, trimmedMs));
  const openAt = (timeMs: number) =>
    kept.filter(
      (shard) => openedMs(stream.shards, shard) <= timeMs && !isClosedBefore(shard, timeMs),
    );
  switch (type) {
    case undefined:
    case "FROM_TRIM_HORIZON":
      return kept;
    case "AFTER_SHARD_ID":
      if (shardId === undefined) throw shardFilterIncomplete(type, "ShardId");
      return shardsAfter(stream, kept, shardId);
    case "AT_TRIM_HORIZON":
      return openAt(trimmedMs);
    case "AT_LATEST":
      return kept.filter(({ closedMs }) => closedMs === undefined);
    case "AT_TIMESTAMP":
      if (timestamp === undefined) throw shardFilterIncomplete(type, "Timestamp");
      return openAt(Math.max(Math.floor(timestamp), trimmedMs));
    case "FROM_TIMESTAMP":
      if (timestamp === undefined) throw shardFilterIncomplete(type, "Timestamp");
      return kept.filter((shard) => !isClosedBefore(shard, Math.floor(timestamp)));
  }
}

function isClosedBefore({ closedMs }: ShardDescription, timeMs: number): boolean {
  return closedMs !== undefined && closedMs < timeMs;
}

function hashKeyRangeOf({ hashStart, hashEnd }: ShardDescription) {
  return {
    StartingHashKey: hashNumber(hashStart).toString(),
    EndingHashKey: hashNumber(hashEnd).toString(),
  };
}
