// The settings of a queue over a shard, as stored in its row.
import { listOf, number, object, objectCodec, optional, text, whole } from "../core/document.ts";
import type { ShardQueueSettings } from "../core/queueTypes.ts";

export const settingsDocument = objectCodec(
  "the description of a queue over a shard",
  object<ShardQueueSettings>({
    name: text,
    shard: text,
    parents: listOf(text),
    visibilitySeconds: number,
    receivesMax: optional(whole),
    inFlightMax: whole,
    start: whole,
  }),
);
