// PutRecord and PutRecords. One invalid record fails the whole call. If a shard cannot accept its
// records, only those fail. Source: YDB put_records_actor.h.
import { noBytes } from "../../codec/bytes.ts";
import { parseHashKey, writeHashKey } from "../../core/hashKey.ts";
import { mebibyte } from "../../core/units.ts";
import { isCode } from "../../errors.ts";
import type { FailureLog } from "../../core/failureLog.ts";
import { engine } from "../../engine/instance.ts";
import { batchOf, PACK_ROW, type RecordBatch, type RecordPut } from "../../engine/recordBatch.ts";
import type { PutResult } from "../../stream/writer.ts";
import type { BodyCodec } from "../codec.ts";
import { addressIn, getStream, listMember } from "../context.ts";
import { issue, type YandexError, yandexErrorOf } from "../errors.ts";
import { operation, operationWith, readInput } from "../operation.ts";
import { bytes, listOf, type MessageOf, text } from "../shapeTypes.ts";
import { shardIdOf } from "../shards.ts";

const record = { Data: bytes, ExplicitHashKey: text, PartitionKey: text };

const putRecordsInput = { Records: listOf(record), StreamName: text };

type Entry = MessageOf<typeof record>;

/** The input of PutRecords, however its body was read. */
interface RecordsPut {
  readonly StreamName: string | undefined;
  /** Throws YandexError for records that the service refuses. */
  batch(): RecordBatch;
}

const recordsMax = 500;
const dataBytesMax = mebibyte;
const totalBytesMax = 5 * mebibyte;
const keyBytesMax = 256;

const encoder = new TextEncoder();

export const putRecord = operation({
  name: "PutRecord",
  input: { ...record, SequenceNumberForOrdering: text, StreamName: text },
  stream: ({ StreamName }) => StreamName,
  run: async (context, input) => {
    const batch = readBatch(input.StreamName, [input]);
    const address = await addressIn(context);
    const stream = await getStream(context, address);
    const [result] = await context.backend.streams.put(stream, batch);
    const { shard, ...outcome } = result as PutResult;
    if ("failure" in outcome) throw yandexErrorOf(outcome.failure, address.full, context.failures);
    return {
      EncryptionType: "NONE",
      SequenceNumber: String(outcome.index),
      ShardId: shardIdOf(shard.index),
    };
  },
});

export const putRecords = operationWith(readRecords, {
  name: "PutRecords",
  input: putRecordsInput,
  stream: ({ StreamName }) => StreamName,
  run: async (context, input) => {
    const batch = input.batch();
    const address = await addressIn(context);
    const stream = await getStream(context, address);
    const results = await context.backend.streams.put(stream, batch);
    return {
      EncryptionType: "NONE",
      FailedRecordCount: results.filter((result) => "failure" in result).length,
      ...listMember(
        "Records",
        results.map((result) => replyOf(result, address.full, context.failures)),
      ),
    };
  },
});

/**
 * The body is read by the engine in one pass from bytes to a batch. A body that the engine does not
 * accept (assembly/putJson.ts, putCbor.ts) is read by the general reader, with the same result.
 */
function readRecords(body: Uint8Array, codec: BodyCodec): RecordsPut {
  const { format } = codec;
  const read = engine.readPutBody(body, { format, recordsMax, streamName: true });
  if (read === undefined) {
    const { StreamName, Records = [] } = readInput(putRecordsInput, body, codec);
    return { StreamName, batch: () => readBatch(StreamName, Records) };
  }
  // The engine has checked the length of its keys.
  const { streamName: StreamName, ...batch } = read;
  return { StreamName, batch: () => checked(StreamName, batch) };
}

function replyOf(result: PutResult, full: string, failures: FailureLog): object {
  if ("failure" in result) {
    const { failure } = result;
    return {
      ErrorMessage: yandexErrorOf(failure, full, failures).message,
      ErrorCode: errorCodeOf(failure),
      SequenceNumber: "",
      ShardId: "",
    };
  }
  return { SequenceNumber: String(result.index), ShardId: shardIdOf(result.shard.index) };
}

/** The names that the service gives to records, and one for a record that may not be sent again. */
function errorCodeOf(failure: unknown): string {
  if (isCode(failure, "overloaded", "unreachable")) return "ProvisionedThroughputExceededException";
  return isCode(failure, "streamClosed") ? "ResourceInUseException" : "InternalFailure";
}

function readBatch(name: string | undefined, entries: readonly Entry[]): RecordBatch {
  checkName(name);
  if (entries.length > recordsMax) {
    throw refuse(
      `Too many records in a single PutRecords request: ${entries.length} > ${recordsMax}`,
    );
  }
  return checked(name, batchOf(entries.map(readRecord)));
}

/** The batch; throws if it has too many bytes. The keys of its records have been checked. */
function checked(name: string | undefined, batch: RecordBatch): RecordBatch {
  checkName(name);
  for (let i = 0; i < batch.count; i++) checkData(batch.rows[i * PACK_ROW + 2]!);
  const bytes = batch.payload.length;
  if (bytes > totalBytesMax) {
    throw refuse(
      `Total size of PutRecords request of ${bytes} bytes exceed limit of ${totalBytesMax} bytes`,
    );
  }
  return batch;
}

function checkName(name: string | undefined): void {
  if ((name ?? "") === "") throw refuse("Stream name is empty");
}

function checkData(bytes: number): void {
  if (bytes <= dataBytesMax) return;
  throw refuse(`Data of size of ${bytes} bytes exceed limit of ${dataBytesMax} bytes`);
}

function readRecord({ Data, ExplicitHashKey, PartitionKey = "" }: Entry): RecordPut {
  const key = encoder.encode(PartitionKey);
  const data = Data ?? noBytes;
  if (key.length === 0) throw refuse("Empty partition key");
  checkData(data.length);
  if (key.length > keyBytesMax) throw refuse(`Partition key is too long: ${PartitionKey}`);
  return { key, info: noBytes, data, hash: readHash(ExplicitHashKey ?? "") };
}

function readHash(text: string): Uint8Array | undefined {
  if (text === "") return undefined;
  const key = parseHashKey(text);
  if (key === undefined) throw refuse(`${text} is not a valid 128 bit decimal`);
  return writeHashKey(key);
}

function refuse(what: string): YandexError {
  return issue("badRequest", what);
}
