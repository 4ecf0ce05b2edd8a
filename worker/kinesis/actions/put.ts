// PutRecord and PutRecords: the checks that need the stream or its clock, then the core's writer.
// A record that its shard could not take fails alone in PutRecords, and the call in PutRecord.
import { StreamError } from "../../errors.ts";
import { pageBytesMax } from "../../limits.ts";
import { findStream, type KnownStream } from "../../stream/directory.ts";
import { putRecords, type PutResult, type RecordPut } from "../../stream/writer.ts";
import type { Action, ActionContext } from "../context.ts";
import { KinesisError, recordFailure } from "../errors.ts";
import { hashKeyMax, parseHashKey, shardIdOf, writeHashKey } from "../hashkey.ts";
import {
  explicitHashKeyOutOfRange,
  orderingNumberInvalid,
  recordsTooLarge,
  recordTooLarge,
  streamNotFound,
  throughputExceeded,
} from "../messages.ts";
import { resolveStream, type StreamReference } from "../names.ts";
import { parseSequenceNumber, sequenceNumber } from "../sequence.ts";

/** A stream's own maximum, until it is raised. */
const recordBytesDefault = 1_048_576;
const megabyte = 1_048_576;

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

interface RecordMembers {
  readonly Data: Uint8Array;
  readonly PartitionKey?: string | undefined;
  readonly ExplicitHashKey?: string | undefined;
}

export const putRecord: Action<"PutRecord"> = async (context, input) => {
  const put = readRecord(input);
  const stream = await writableStream(context, input);
  if (input.Data.length > recordBytesDefault) throw recordTooLarge(recordBytesDefault);
  if (input.SequenceNumberForOrdering !== undefined) {
    checkOrdering(input.SequenceNumberForOrdering, stream, context.nowMs);
  }
  const [result] = await putRecords(context.runtime.env, stream, [put]);
  const reply = recordReply(result as PutResult, stream);
  if (reply instanceof KinesisError) throw reply;
  return reply;
};

export const putRecordsAction: Action<"PutRecords"> = async (context, input) => {
  const puts = input.Records.map(readRecord);
  const stream = await writableStream(context, input);
  let bytes = 0;
  for (const [i, put] of puts.entries()) {
    if (put.data.length > recordBytesDefault) throw recordTooLarge(recordBytesDefault, i + 1);
    bytes += put.data.length + put.key.length;
  }
  if (bytes > pageBytesMax) throw recordsTooLarge(pageBytesMax / megabyte);
  const results = await putRecords(context.runtime.env, stream, puts);
  let failedCount = 0;
  const records = results.map((result) => {
    const reply = recordReply(result, stream);
    if (!(reply instanceof KinesisError)) return reply;
    failedCount++;
    return recordFailure(reply);
  });
  return { FailedRecordCount: failedCount, Records: records };
};

function readRecord(record: RecordMembers): RecordPut {
  const { Data, PartitionKey, ExplicitHashKey } = record;
  const key = PartitionKey === undefined ? NOTHING : encoder.encode(PartitionKey);
  return { key, info: NOTHING, data: Data, hash: readHash(ExplicitHashKey) };
}

function readHash(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined;
  const key = parseHashKey(text);
  if (key === undefined || key > hashKeyMax) throw explicitHashKeyOutOfRange(text);
  return writeHashKey(key);
}

async function writableStream(
  context: ActionContext,
  reference: StreamReference,
): Promise<KnownStream> {
  const address = resolveStream(reference, context.scope);
  if (context.keyError !== undefined) throw context.keyError;
  const stream = await findStream(context.runtime.env, address, address.name);
  const { status } = stream.description;
  if (status !== "ACTIVE" && status !== "UPDATING") throw streamNotFound(address);
  return stream;
}

/** The number has only to be one, and not from the future. */
function checkOrdering(text: string, { description }: KnownStream, nowMs: number): void {
  const number = parseSequenceNumber(text);
  const future = "arrivalMs" in number && number.arrivalMs > nowMs;
  if ("failure" in number || future) throw orderingNumberInvalid(text, description);
}

function recordReply(
  result: PutResult,
  { description }: KnownStream,
): { ShardId: string; SequenceNumber: string } | KinesisError {
  const { shard } = result;
  if ("failure" in result) return failureOf(result.failure, shard.index, description);
  return {
    ShardId: shardIdOf(shard.index),
    SequenceNumber: sequenceNumber({
      shardCreatedMs: shard.createdMs,
      shardIndex: shard.index,
      index: result.index,
      arrivalMs: result.timeMs,
    }),
  };
}

function failureOf(
  failure: unknown,
  shardIndex: number,
  stream: { name: string; account: string },
): KinesisError {
  if (failure instanceof StreamError && failure.code === "overloaded") {
    return throughputExceeded(shardIndex, stream);
  }
  console.error(failure);
  return new KinesisError("InternalFailure");
}
