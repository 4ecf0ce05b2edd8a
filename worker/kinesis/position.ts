// Where a consumer reads: the five starting positions of GetShardIterator and of SubscribeToShard,
// what they mean to a shard, and how far behind a page leaves its reader. The checks come in the order of kinesalite
// actions/getShardIterator.js.
//
// A number whose arrival is the second of its shard's creation is that of no record, because the numbers
// of records say a later one: it stands before the record with its index. A shard's StartingSequenceNumber is one,
// and so are the numbers at which subscriptions go on: AT and AFTER mean the same of them.
import type { Backend } from "../stream/backend.ts";
import type { Page } from "../stream/reader.ts";
import type { SeekRequest, ShardDescription, StreamDescription } from "../core/types.ts";
import {
  iteratorTypeMismatch,
  startingNumberForeign,
  startingNumberInvalid,
  startingNumberOfOtherShard,
  timestampInFuture,
  timestampMissing,
} from "./errorTexts.ts";
import { parseSequenceNumber, sequenceIndexMax, sequenceNumber } from "./sequence.ts";
import type { InputOf } from "./shapeTypes.ts";
import type { iteratorTypeShape } from "./shapes.ts";

export interface Position {
  type: InputOf<typeof iteratorTypeShape>;
  number: string | undefined;
  timestamp: number | undefined;
}

/** Throws InvalidArgumentException for what is no position in this shard, and `shardNotFound`. */
export async function seekRequest(
  backend: Backend,
  { type, number, timestamp }: Position,
  stream: StreamDescription,
  shard: ShardDescription,
  nowMs: number,
): Promise<SeekRequest> {
  const needsNumber = type === "AT_SEQUENCE_NUMBER" || type === "AFTER_SEQUENCE_NUMBER";
  const mismatch = needsNumber ? number === undefined : number !== undefined;
  if (mismatch && type !== "AT_TIMESTAMP") throw iteratorTypeMismatch(type, !needsNumber);
  switch (type) {
    case "TRIM_HORIZON":
      return { kind: "earliest" };
    case "LATEST":
      return { kind: "latest" };
    case "AT_TIMESTAMP":
      if (timestamp === undefined) throw timestampMissing();
      if (timestamp > (await backend.shards.latestTime(shard.uid, timestamp, nowMs))) {
        throw timestampInFuture(timestamp, nowMs);
      }
      return { kind: "time", timeMs: Math.max(Math.ceil(timestamp), 0), ordinal: 0 };
    default:
      return seekNumber(number ?? "", type === "AFTER_SEQUENCE_NUMBER", stream, shard);
  }
}

/** The number that stands before the record with that index, whether there is one yet or not. */
export function numberBefore(
  { createdMs, index: shardIndex }: Pick<ShardDescription, "createdMs" | "index">,
  index: number,
): string {
  const shardCreatedMs = createdMs;
  return sequenceNumber({ shardCreatedMs, shardIndex, index, arrivalMs: shardCreatedMs });
}

/** 0 exactly when nothing is left to read; else the age of the last record that was, or of the end. */
export function millisBehind({ next, view, lastTimeMs }: Page, nowMs: number): number {
  if (next.index < view.nextIndex) return Math.max(nowMs - (lastTimeMs ?? view.lastTimeMs), 1);
  return view.closedMs === undefined ? 0 : Math.max(nowMs - view.closedMs, 0);
}

function seekNumber(
  text: string,
  after: boolean,
  stream: StreamDescription,
  shard: ShardDescription,
): SeekRequest {
  const number = parseSequenceNumber(text);
  if ("failure" in number) throw startingNumberInvalid(text, shard.index, stream);
  if (number.shardIndex !== shard.index) {
    throw startingNumberOfOtherShard(number.shardIndex, shard.index);
  }
  const createdMs = Math.floor(shard.createdMs / 1000) * 1000;
  if (number.version !== 2 || number.shardCreatedMs !== createdMs) {
    throw startingNumberForeign(text, shard.index, stream);
  }
  if (number.index === sequenceIndexMax) return { kind: "latest" };
  const isBefore = number.arrivalMs === createdMs;
  const index = Number(number.index);
  return { kind: "index", index: after && !isBefore ? index + 1 : index };
}
