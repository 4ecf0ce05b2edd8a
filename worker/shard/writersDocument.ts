// What a shard stores about the writers of its stream: with a commit, what the appends of that
// commit have changed; with a new generation, everything.
import { listOf, object, objectCodec, optional, text } from "../core/document.ts";
import type { ProducerRow, WritersChange } from "../core/durable.ts";
import type { Shape } from "../core/document.ts";

const producerRow: Shape<ProducerRow> = (value, at) => {
  const isSound =
    Array.isArray(value) &&
    value.length === 4 &&
    typeof value[0] === "string" &&
    value.slice(1).every(Number.isSafeInteger);
  return isSound ? undefined : `${at} is no producer`;
};

export const writersDocument = objectCodec(
  "the state of the writers",
  object<WritersChange>({ producers: listOf(producerRow), seq: optional(text) }),
);
