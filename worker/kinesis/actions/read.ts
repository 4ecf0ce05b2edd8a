// GetShardIterator and GetRecords. An iterator carries all that a page needs, so GetRecords asks the
// shard alone; the checks of GetShardIterator come in the order of kinesalite actions/getShardIterator.js.
import { StreamError } from "../../errors.ts";
import { pageBytesMax, pageRecordsMax } from "../../limits.ts";
import { cursorKeyOf, type KnownStream, withStream } from "../../stream/directory.ts";
import { type Page, readPage, seekShard } from "../../stream/reader.ts";
import type { SeekRequest, ShardDescription, StreamDescription } from "../../stream/types.ts";
import { type Action, PrintedBody } from "../context.ts";
import { parseShardId } from "../hashkey.ts";
import { type Cursor, openIterator, sealIterator } from "../iterator.ts";
import {
  dryRun,
  iteratorTypeMismatch,
  shardDoesNotExist,
  shardNotFound,
  startingNumberForeign,
  startingNumberInvalid,
  startingNumberOfOtherShard,
  timestampInFuture,
  timestampMissing,
} from "../messages.ts";
import { resolveStream, streamArn } from "../names.ts";
import { renderRecords } from "../records.ts";
import { parseSequenceNumber, sequenceIndexMax } from "../sequence.ts";
import type { OperationInput } from "../shapes.ts";

export const getShardIterator: Action<"GetShardIterator"> = async (context, input) => {
  const address = resolveStream(input, context.scope);
  const shardIndex = parseShardId(input.ShardId);
  if (shardIndex === undefined) throw shardNotFound(input.ShardId, address);
  const seek = async ({ description }: KnownStream): Promise<Cursor> => {
    const shard = description.shards[shardIndex];
    if (shard === undefined) throw new StreamError("shardNotFound");
    const request = seekRequest(input, description, shard, context.nowMs);
    const { location } = await seekShard(context.runtime, shard.uid, request);
    return { stream: address.name, shard, location };
  };
  try {
    const cursor = await withStream(context.runtime.env, address, address.name, seek);
    const key = await cursorKeyOf(context.runtime.env, address);
    if (input.DryRun === true) throw dryRun();
    return { ShardIterator: sealIterator(key, address, cursor, context.nowMs) };
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    switch (error.code) {
      case "streamNotFound":
      case "shardNotFound":
        throw shardDoesNotExist(shardIndex, address);
      case "locationNotFound":
        throw startingNumberInvalid(input.StartingSequenceNumber ?? "", shardIndex, address);
      default:
        throw error;
    }
  }
};

export const getRecords: Action<"GetRecords"> = async (context, input) => {
  const { runtime, nowMs } = context;
  const scope = input.StreamARN === undefined ? context.scope : resolveStream(input, context.scope);
  const key = await cursorKeyOf(runtime.env, scope);
  const cursor = openIterator(key, scope, input.ShardIterator, nowMs);
  if (input.StreamARN === undefined) {
    await context.permit(streamArn({ ...scope, name: cursor.stream }));
  }
  const recordsMax = input.DryRun === true ? 1 : (input.Limit ?? pageRecordsMax);
  const limits = { recordsMax, bytesMax: pageBytesMax };
  try {
    const page = await readPage(runtime, cursor.shard.uid, cursor.location, limits, "skip");
    if (input.DryRun === true) throw dryRun();
    const next = sealIterator(key, scope, { ...cursor, location: page.next }, nowMs);
    const members = { MillisBehindLatest: millisBehind(page, nowMs), NextShardIterator: next };
    return new PrintedBody(renderRecords(context.format, members, page.runs, cursor.shard));
  } catch (error) {
    const gone = error instanceof StreamError && error.code === "shardNotFound";
    if (!gone) throw error;
    throw shardDoesNotExist(cursor.shard.index, { ...scope, name: cursor.stream });
  }
};

/** 0 exactly when nothing is left to read; else the age of the last record that was. */
function millisBehind({ next, view, lastTimeMs }: Page, nowMs: number): number {
  if (next.index >= view.nextIndex) return 0;
  return Math.max(nowMs - (lastTimeMs ?? view.lastTimeMs), 1);
}

function seekRequest(
  input: OperationInput<"GetShardIterator">,
  stream: StreamDescription,
  shard: ShardDescription,
  nowMs: number,
): SeekRequest {
  const { ShardIteratorType: type, StartingSequenceNumber: number, Timestamp: timestamp } = input;
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
      if (timestamp > nowMs) throw timestampInFuture(timestamp, nowMs);
      return { kind: "time", timeMs: Math.max(Math.ceil(timestamp), 0), ordinal: 0 };
    default:
      return seekNumber(number ?? "", type === "AFTER_SEQUENCE_NUMBER", stream, shard);
  }
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
  // A shard's starting number is that of no record: it stands before the first one, and carries the
  // second of the shard's creation, which is earlier than any arrival.
  const isStart = number.arrivalMs === createdMs;
  const index = Number(number.index);
  return { kind: "index", index: after && !isStart ? index + 1 : index };
}
