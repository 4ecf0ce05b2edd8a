// A queue's description as its row has it.
import { number, object, objectCodec, oneOf, optional, text, whole } from "../core/document.ts";
import type { QueueDescription } from "../core/queueTypes.ts";

export const queueDocument = objectCodec(
  "the description of a queue",
  object<QueueDescription>({
    account: text,
    region: text,
    id: text,
    name: text,
    stream: text,
    streamUid: text,
    streamCreatedMs: number,
    status: oneOf("CREATING", "ACTIVE", "UPDATING", "DELETING"),
    settlesMs: optional(number),
    settlingMs: optional(number),
    createdMs: number,
    positionType: oneOf("LATEST", "TRIM_HORIZON", "AT_TIMESTAMP"),
    positionMs: optional(number),
    effectiveMs: number,
    visibilitySeconds: number,
    receivesMax: optional(whole),
    policy: optional(text),
  }),
);
