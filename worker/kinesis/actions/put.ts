// PutRecord and PutRecords: the checks that need the stream or its clock, then the core's writer.
// If a shard cannot accept a record, that record fails in PutRecords, and the call fails in
// PutRecord.
import { invariant, isCode } from "../../errors.ts";
import type { FailureLog } from "../../core/failureLog.ts";
import { engine } from "../../engine/instance.ts";
import { pageBytesMax } from "../../limits.ts";
import { batchOf, PACK_ROW, recordBytes, type RecordBatch } from "../../engine/recordBatch.ts";
import type { PutManifest } from "../../engine/putManifest.ts";
import type { KnownStream } from "../../stream/directory.ts";
import { findShard } from "../../core/hashRange.ts";
import type { PlacedRecord, PlacedRun, PlacedRuns, PutResult } from "../../stream/writer.ts";
import { type ActionContext, type ActionReply, PrintedBody } from "../context.ts";
import { KinesisError, recordFailure } from "../errors.ts";
import { mebibyte } from "../../core/units.ts";
import { hashKeyBytes } from "../../core/hashKey.ts";
import { shardIdOf } from "../shardId.ts";
import {
  dryRun,
  orderingNumberInvalid,
  recordsTooLarge,
  recordTooLarge,
  streamClosed,
  streamNotFound,
  throughputExceeded,
} from "../errorTexts.ts";
import { resolveStream } from "../names.ts";
import { openPutRecords, type PutInput, putRecordsShape, readRecord } from "../putInput.ts";
import { printPutReply, printRoutedReply, printRunReply } from "../putReply.ts";
import { parseSequenceNumber } from "../sequence.ts";
import { openChecked, operationWith } from "../operation.ts";
import { streamNamed } from "../resource.ts";
import {
  hashKeyShape,
  sequenceNumberShape,
  partitionKeyShape,
  dataShape,
  streamNameField,
  byArn,
} from "../shapes.ts";
import { boolean, required, requiredByKey, structure } from "../shapeTypes.ts";

/** The result of one record in a reply. */
type Outcome = { ShardId: string; SequenceNumber: string } | KinesisError;

const putRecordShape = structure({
  SequenceNumberForOrdering: sequenceNumberShape,
  PartitionKey: requiredByKey(partitionKeyShape),
  ExplicitHashKey: hashKeyShape,
  Data: required(dataShape),
  StreamName: streamNameField,
  ...byArn,
  DryRun: boolean,
});

const openPutRecord = openChecked(putRecordShape, ({ input, keyError }) => ({
  ...input,
  keyError,
  batch: () => batchOf([readRecord(input)]),
}));

export const putRecord = operationWith(openPutRecord, {
  name: "PutRecord",
  input: putRecordShape,
  resource: streamNamed,
  run: async (context, input) => {
    const batch = input.batch();
    const stream = await writableStream(context, input, batch);
    checkSize(batch, 0, stream);
    if (input.SequenceNumberForOrdering !== undefined) {
      await checkOrdering(context, input.SequenceNumberForOrdering, stream);
    }
    if (input.DryRun === true) throw dryRun();
    const results = await context.backend.streams.putBatch(stream, routed(batch, stream));
    const outcome = outcomeOf(firstOf(results), stream, context.failures);
    if (outcome instanceof KinesisError) throw outcome;
    return { ...outcome, ...encryptionOf(stream) };
  },
});

export const putRecords = operationWith(openPutRecords, {
  name: "PutRecords",
  input: putRecordsShape,
  resource: streamNamed,
  run: async (context, input) => {
    if (input.manifest !== undefined) {
      const reply = await putKept(context, input, input.manifest);
      if (reply !== undefined) return reply;
    }
    const batch = await input.batch();
    const stream = await writableStream(context, input, batch);
    if (largestBytes(batch) > stream.description.recordBytesMax) {
      for (let i = 0; i < batch.count; i++) checkSize(batch, i, stream, i + 1);
    }
    if (batch.payload.length > pageBytesMax) throw recordsTooLarge(pageBytesMax / mebibyte);
    if (input.DryRun === true) throw dryRun();
    return replyOf(
      context,
      stream,
      await context.backend.streams.putBatch(stream, routed(batch, stream)),
    );
  },
});

/** The reply to a put whose records the front keeps; undefined if they are needed here. */
async function putKept(
  context: ActionContext,
  input: PutInput,
  manifest: PutManifest,
): Promise<ActionReply> {
  const { streams } = context.backend;
  const address = resolveStream(input, context.scope);
  const stream = await streams.find(address, address.name);
  const { status, recordBytesMax } = stream.description;
  const isWritable = status === "ACTIVE" || status === "UPDATING";
  if (!isWritable || manifest.largestBytes > recordBytesMax) return undefined;
  const results = await streams.putKept(stream, manifest);
  return results && replyOf(context, stream, results);
}

function replyOf(
  { codec, failures }: ActionContext,
  stream: KnownStream,
  results: PlacedRun | PlacedRuns | readonly PutResult[],
): ActionReply {
  const encryption = encryptionOf(stream);
  if ("count" in results) return new PrintedBody(printRunReply(codec, results, encryption));
  if ("routes" in results) return new PrintedBody(printRoutedReply(codec, results, encryption));
  if (areAllPlaced(results)) return new PrintedBody(printPutReply(codec, results, encryption));
  return { ...outcomesOf(results, stream, failures), ...encryption };
}

function outcomesOf(results: readonly PutResult[], stream: KnownStream, failures: FailureLog) {
  let failedCount = 0;
  const records = results.map((result) => {
    const outcome = outcomeOf(result, stream, failures);
    if (!(outcome instanceof KinesisError)) return outcome;
    failedCount++;
    return recordFailure(outcome);
  });
  return { FailedRecordCount: failedCount, Records: records };
}

/** A stream's maximum counts data and partition key together (AWS API reference, PutRecord). */
function checkSize(
  batch: RecordBatch,
  i: number,
  { description }: KnownStream,
  ordinal?: number,
): void {
  const { recordBytesMax: bytesMax } = description;
  if (recordBytes(batch, i) <= bytesMax) return;
  const dataBytes = batch.rows[i * PACK_ROW + 2]!;
  throw recordTooLarge({ bytesMax, dataBytes, ordinal });
}

/**
 * A stream that distributes its records itself (AUTO) ignores their keys: each gets a random hash
 * key.
 */
function routed(batch: RecordBatch, { description }: KnownStream): RecordBatch {
  if (description.distribution !== "AUTO") return batch;
  const random = crypto.getRandomValues(new Uint8Array(batch.count * hashKeyBytes));
  const hashes = Array.from({ length: batch.count }, (_, i) =>
    random.subarray(i * hashKeyBytes, (i + 1) * hashKeyBytes),
  );
  return { ...batch, hashes };
}

/** The member of a reply for an encrypted stream; nothing for others. */
function encryptionOf({ description }: KnownStream): { EncryptionType: "KMS" } | undefined {
  return description.kmsKeyId === undefined ? undefined : { EncryptionType: "KMS" };
}

/**
 * The stream to write to. The cached description may be seconds old. So before a record is refused
 * as too large or without a key, the catalog is asked.
 */
async function writableStream(
  { backend, scope }: ActionContext,
  input: PutInput,
  batch: RecordBatch,
): Promise<KnownStream> {
  const { keyError } = input;
  const address = resolveStream(input, scope);
  try {
    let stream = await backend.streams.find(address, address.name);
    const { recordBytesMax, distribution } = stream.description;
    const isRefused = largestBytes(batch) > recordBytesMax;
    if (isRefused || (keyError !== undefined && distribution !== "AUTO")) {
      stream = await backend.streams.refresh(address, address.name);
    }
    const { status, distribution: current } = stream.description;
    if (status !== "ACTIVE" && status !== "UPDATING") throw streamNotFound(address);
    if (keyError !== undefined && current !== "AUTO") throw keyError;
    return stream;
  } catch (error) {
    // A missing key is reported before a missing stream.
    const isMissing = isCode(error, "streamNotFound");
    throw isMissing ? (keyError ?? error) : error;
  }
}

/** The number must be valid, and not from the future unless the shard has such a record. */
async function checkOrdering(
  { backend, nowMs }: ActionContext,
  text: string,
  { description }: KnownStream,
): Promise<void> {
  const number = parseSequenceNumber(text);
  if ("failure" in number) throw orderingNumberInvalid(text, description);
  if (!("arrivalMs" in number) || number.arrivalMs <= nowMs) return;
  const shard = findShard(description.shards, number.shardIndex);
  const latestMs =
    shard === undefined
      ? nowMs
      : await backend.shards.latestTime(shard.uid, number.arrivalMs, nowMs);
  // A shard may be created ahead of the clock, and its first numbers with it.
  const { createdMs = 0, endMs = 0 } = shard ?? {};
  if (number.arrivalMs > Math.max(latestMs, createdMs + 1000, endMs)) {
    throw orderingNumberInvalid(text, description);
  }
}

function largestBytes(batch: RecordBatch): number {
  let largest = 0;
  for (let i = 0; i < batch.count; i++) largest = Math.max(largest, recordBytes(batch, i));
  return largest;
}

function areAllPlaced(results: readonly PutResult[]): results is readonly PlacedRecord[] {
  return results.every((result) => !("failure" in result));
}

function firstOf(results: PlacedRun | PlacedRuns | readonly PutResult[]): PutResult {
  if ("count" in results) return results;
  const first = "routes" in results ? results.runs[results.routes[0]!] : results[0];
  invariant(first !== undefined, "no result of a put", {});
  return first;
}

function outcomeOf(result: PutResult, { description }: KnownStream, failures: FailureLog): Outcome {
  const { shard } = result;
  if ("failure" in result) return failureOf(result.failure, shard.index, description, failures);
  const { index, timeMs } = result;
  const [SequenceNumber = ""] = engine.sequenceNumbers(shard, index, 1, timeMs);
  return { ShardId: shardIdOf(shard.index), SequenceNumber };
}

function failureOf(
  failure: unknown,
  shardIndex: number,
  stream: { name: string; account: string },
  failures: FailureLog,
): KinesisError {
  if (isCode(failure, "overloaded", "unreachable")) {
    return throughputExceeded(shardIndex, stream);
  }
  if (isCode(failure, "streamClosed")) return streamClosed(stream);
  failures.log(failure);
  return new KinesisError("InternalFailure");
}
