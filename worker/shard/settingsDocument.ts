// The settings of a shard, as stored in its row.
import { flag, listOf, number, object, objectCodec, optional, whole } from "../core/document.ts";
import { markShape, shardLifeShape } from "../core/durable.ts";
import { shardMembers } from "../core/shardShape.ts";
import type { ShardSettings, SkippedSegment } from "../core/types.ts";

const skipped = object<SkippedSegment>({
  segment: whole,
  index: whole,
  count: whole,
  segments: optional(whole),
});

export const settingsDocument = objectCodec(
  "the description of a shard",
  object<ShardSettings>({
    ...shardMembers,
    retentionHours: number,
    floorMs: optional(number),
    earliestMs: optional(number),
    skipped: optional(listOf(skipped)),
    destroyed: optional(flag),
    life: optional(shardLifeShape),
    isFinal: optional(flag),
    closer: optional(markShape),
  }),
);
