// PutRecord and PutRecords: the checks that need the stream or its clock, then the core's writer.
// A record that its shard could not take fails alone in PutRecords, and the call in PutRecord.
import { concatBytes } from "../../bytes.ts";
import { StreamError } from "../../errors.ts";
import type { FailureLog } from "../../failureLog.ts";
import { engine } from "../../isolate.ts";
import { pageBytesMax } from "../../limits.ts";
import { readSettings } from "../../settings.ts";
import { findStream, type KnownStream, refreshStream } from "../../stream/directory.ts";
import { findShard } from "../../stream/hashrange.ts";
import { latestTime } from "../../stream/reader.ts";
import type { ShardDescription } from "../../stream/types.ts";
import {
  type PlacedRecord,
  putPacked,
  putRecords,
  type PutResult,
  type RecordPut,
} from "../../stream/writer.ts";
import { type Action, type ActionContext, type ActionReply, PrintedBody } from "../context.ts";
import { KinesisError, recordFailure } from "../errors.ts";
import { hashKeyBytes, hashKeyMax, parseHashKey, shardIdOf, writeHashKey } from "../hashkey.ts";
import {
  dryRun,
  explicitHashKeyOutOfRange,
  orderingNumberInvalid,
  recordsTooLarge,
  recordTooLarge,
  streamNotFound,
  throughputExceeded,
} from "../messages.ts";
import { resolveStream, type StreamReference } from "../names.ts";
import { PackedRecord, PutBody } from "../putBody.ts";
import { parseSequenceNumber } from "../sequence.ts";

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
  const stream = await writableStream(context, input, recordBytes(put));
  checkSize(put, stream);
  if (input.SequenceNumberForOrdering !== undefined) {
    await checkOrdering(context, input.SequenceNumberForOrdering, stream);
  }
  if (input.DryRun === true) throw dryRun();
  const [result] = await putRecords(context.runtime.env, stream, routed([put], stream));
  const reply = recordReply(
    result as PutResult,
    stream,
    new SequenceNumbers([result as PutResult]),
    context.failures,
  );
  if (reply instanceof KinesisError) throw reply;
  return { ...reply, ...encryptionOf(stream) };
};

export const putRecordsAction: Action<"PutRecords"> = async (context, input) => {
  if (input instanceof PutBody) {
    const reply = await putBody(context, input);
    if (reply !== undefined) return reply;
  }
  const puts = input.Records.map(readRecord);
  const largestBytes = puts.reduce((bytes, put) => Math.max(bytes, recordBytes(put)), 0);
  const stream = await writableStream(context, input, largestBytes);
  let bytes = 0;
  for (const [i, put] of puts.entries()) {
    checkSize(put, stream, i + 1);
    bytes += recordBytes(put);
  }
  if (bytes > pageBytesMax) throw recordsTooLarge(pageBytesMax / megabyte);
  if (input.DryRun === true) throw dryRun();
  const results = await putRecords(context.runtime.env, stream, routed(puts, stream));
  const numbers = new SequenceNumbers(results);
  let failedCount = 0;
  const records = results.map((result) => {
    const reply = recordReply(result, stream, numbers, context.failures);
    if (!(reply instanceof KinesisError)) return reply;
    failedCount++;
    return recordFailure(reply);
  });
  return { FailedRecordCount: failedCount, Records: records, ...encryptionOf(stream) };
};

const REPLY_HEAD = encoder.encode('{"FailedRecordCount":0,"Records":[');
const REPLY_FOOT = encoder.encode("]}");
const ENCRYPTED_REPLY_FOOT = encoder.encode('],"EncryptionType":"KMS"}');
const RECORD_FOOT = encoder.encode('"}');

/** The short way, for records that all go to one shard. Undefined when the other one has to be gone. */
async function putBody(context: ActionContext, body: PutBody): Promise<ActionReply> {
  const { env } = context.runtime;
  const { packed, largestBytes } = body;
  const stream = await writableStream(context, body, largestBytes);
  const isTooLarge = largestBytes > stream.description.recordBytesMax;
  if (isTooLarge || packed.payload.length > pageBytesMax) return undefined;
  if (readSettings(env).limits !== "none") return undefined;
  const first = await putPacked(env, stream, packed);
  if (first === undefined) return undefined;
  const { count } = packed;
  const { shard } = first;
  if ("failure" in first) {
    const failed = recordFailure(
      failureOf(first.failure, shard.index, stream.description, context.failures),
    );
    const records = Array.from({ length: count }, () => failed);
    return { FailedRecordCount: count, Records: records, ...encryptionOf(stream) };
  }
  const before = encoder.encode(`,{"ShardId":"${shardIdOf(shard.index)}","SequenceNumber":"`);
  const { index, timeMs } = first;
  const text = engine.printNumbers(shard, index, count, timeMs, before, RECORD_FOOT);
  const foot = encryptionOf(stream) === undefined ? REPLY_FOOT : ENCRYPTED_REPLY_FOOT;
  return new PrintedBody(concatBytes([REPLY_HEAD, text.subarray(1), foot]));
}

/** What a reply says of a stream with a key, and not of one without. */
function encryptionOf({ description }: KnownStream): { EncryptionType: "KMS" } | undefined {
  return description.kmsKeyId === undefined ? undefined : { EncryptionType: "KMS" };
}

function readRecord(record: RecordMembers): RecordPut {
  if (record instanceof PackedRecord) return record;
  const { Data, PartitionKey, ExplicitHashKey } = record;
  const key = PartitionKey === undefined ? NOTHING : encoder.encode(PartitionKey);
  return { key, info: NOTHING, data: Data, hash: readHash(ExplicitHashKey) };
}

/** What a stream's maximum counts: data and partition key together (AWS API reference, PutRecord). */
function recordBytes({ key, data }: RecordPut): number {
  return key.length + data.length;
}

function checkSize(put: RecordPut, { description }: KnownStream, ordinal?: number): void {
  const { recordBytesMax: bytesMax } = description;
  if (recordBytes(put) <= bytesMax) return;
  throw recordTooLarge({ bytesMax, dataBytes: put.data.length, ordinal });
}

function readHash(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined;
  const key = parseHashKey(text);
  if (key === undefined || key > hashKeyMax) throw explicitHashKeyOutOfRange(text);
  return writeHashKey(key);
}

/** A stream that spreads its records by itself has no use for their keys: any place will do. */
function routed(puts: readonly RecordPut[], { description }: KnownStream): readonly RecordPut[] {
  if (description.distribution !== "AUTO") return puts;
  const hashes = crypto.getRandomValues(new Uint8Array(puts.length * hashKeyBytes));
  return puts.map((put, i) => {
    const hash = hashes.subarray(i * hashKeyBytes, (i + 1) * hashKeyBytes);
    return { ...put, hash };
  });
}

/**
 * The stream to write to. What this isolate knows of it may be seconds old, so a record is not called
 * too large, nor its key missed, before the catalog has been asked.
 */
async function writableStream(
  context: ActionContext,
  reference: StreamReference,
  largestBytes: number,
): Promise<KnownStream> {
  const { keyError, scope } = context;
  const { env } = context.runtime;
  const address = resolveStream(reference, scope);
  try {
    let stream = await findStream(env, address, address.name);
    const { recordBytesMax, distribution } = stream.description;
    const isRefused = largestBytes > recordBytesMax;
    if (isRefused || (keyError !== undefined && distribution !== "AUTO")) {
      stream = await refreshStream(env, address, address.name);
    }
    const { status, distribution: current } = stream.description;
    if (status !== "ACTIVE" && status !== "UPDATING") throw streamNotFound(address);
    if (keyError !== undefined && current !== "AUTO") throw keyError;
    return stream;
  } catch (error) {
    // A missing key is told before a missing stream.
    const isMissing = error instanceof StreamError && error.code === "streamNotFound";
    throw isMissing ? (keyError ?? error) : error;
  }
}

/** The number has only to be one, and not from the future, unless its shard has such a record. */
async function checkOrdering(
  { runtime, nowMs }: ActionContext,
  text: string,
  { description }: KnownStream,
): Promise<void> {
  const number = parseSequenceNumber(text);
  if ("failure" in number) throw orderingNumberInvalid(text, description);
  if (!("arrivalMs" in number) || number.arrivalMs <= nowMs) return;
  const shard = findShard(description.shards, number.shardIndex);
  const latestMs =
    shard === undefined ? nowMs : await latestTime(runtime, shard.uid, number.arrivalMs, nowMs);
  if (number.arrivalMs > latestMs) throw orderingNumberInvalid(text, description);
}

function recordReply(
  result: PutResult,
  { description }: KnownStream,
  numbers: SequenceNumbers,
  failures: FailureLog,
): { ShardId: string; SequenceNumber: string } | KinesisError {
  const { shard } = result;
  if ("failure" in result) return failureOf(result.failure, shard.index, description, failures);
  return { ShardId: numbers.shardId(shard), SequenceNumber: numbers.of(result) };
}

/** Some numbers of a shard, as they follow one another. */
interface NumberRun {
  index: number;
  timeMs: number;
  numbers: string[];
}

/** The names and numbers of a request's records, printed for all records of a shard at once. */
class SequenceNumbers {
  readonly #shardIds = new Map<ShardDescription, string>();
  /** How many numbers of each shard are still to be told. */
  readonly #counts = new Map<ShardDescription, number>();
  readonly #runs = new Map<ShardDescription, NumberRun>();

  constructor(results: readonly PutResult[]) {
    for (const { shard } of results) this.#counts.set(shard, (this.#counts.get(shard) ?? 0) + 1);
  }

  shardId(shard: ShardDescription): string {
    const known = this.#shardIds.get(shard);
    if (known !== undefined) return known;
    const id = shardIdOf(shard.index);
    this.#shardIds.set(shard, id);
    return id;
  }

  of({ shard, index, timeMs }: PlacedRecord): string {
    const run = this.#runs.get(shard);
    const known = run?.timeMs === timeMs ? run.numbers[index - run.index] : undefined;
    if (known !== undefined) return known;
    const numbers = engine.sequenceNumbers(shard, index, this.#counts.get(shard) ?? 1, timeMs);
    this.#runs.set(shard, { index, timeMs, numbers });
    return numbers[0] as string;
  }
}

function failureOf(
  failure: unknown,
  shardIndex: number,
  stream: { name: string; account: string },
  failures: FailureLog,
): KinesisError {
  if (failure instanceof StreamError && failure.code === "overloaded") {
    return throughputExceeded(shardIndex, stream);
  }
  failures.log(failure);
  return new KinesisError("InternalFailure");
}
