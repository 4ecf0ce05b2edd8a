// PutRecord and PutRecords. What is wrong with any record is wrong with the whole call; a shard that
// cannot take its records fails those alone. Source: YDB put_records_actor.h.
import { noBytes } from "../../codec/bytes.ts";
import { parseHashKey, writeHashKey } from "../../core/hashKey.ts";
import { mebibyte } from "../../core/units.ts";
import { StreamError } from "../../errors.ts";
import type { FailureLog } from "../../core/failureLog.ts";
import { batchOf, PACK_ROW, type RecordBatch, type RecordPut } from "../../engine/recordBatch.ts";
import { putRecords as writeRecords, type PutResult } from "../../stream/writer.ts";
import { addressIn, getStream, listMember, type Method, type MethodContext } from "../context.ts";
import { issue, type YandexError, yandexErrorOf } from "../errors.ts";
import type { InputOf } from "../shapes.ts";
import { PutBody } from "../putInput.ts";
import { shardIdOf } from "../shards.ts";

type Entry = NonNullable<InputOf<"PutRecords">["Records"]>[number];

const recordsMax = 500;
const dataBytesMax = mebibyte;
const totalBytesMax = 5 * mebibyte;
const keyBytesMax = 256;

const encoder = new TextEncoder();

export const putRecord: Method<"PutRecord"> = async (context, input) => {
  const batch = readBatch(input.StreamName, [input]);
  const address = await addressIn(context, input.StreamName);
  const stream = await getStream(context, address);
  const [result] = await writeRecords(context.runtime.env, stream, batch);
  const { shard, ...outcome } = result as PutResult;
  if ("failure" in outcome) throw yandexErrorOf(outcome.failure, address.full, context.failures);
  return {
    EncryptionType: "NONE",
    SequenceNumber: String(outcome.index),
    ShardId: shardIdOf(shard.index),
  };
};

/** The input, or the body as the engine has read it. */
export async function putRecords(
  context: MethodContext,
  input: InputOf<"PutRecords"> | PutBody,
): Promise<object> {
  const { StreamName: name } = input;
  const batch =
    input instanceof PutBody ? checked(name, input.batch) : readBatch(name, input.Records ?? []);
  const address = await addressIn(context, input.StreamName);
  const stream = await getStream(context, address);
  const results = await writeRecords(context.runtime.env, stream, batch);
  return {
    EncryptionType: "NONE",
    FailedRecordCount: results.filter((result) => "failure" in result).length,
    ...listMember(
      "Records",
      results.map((result) => replyOf(result, address.full, context.failures)),
    ),
  };
}

function replyOf(result: PutResult, full: string, failures: FailureLog): object {
  if ("failure" in result) {
    const { failure } = result;
    const isOverload = failure instanceof StreamError && failure.code === "overloaded";
    return {
      ErrorMessage: yandexErrorOf(failure, full, failures).message,
      ErrorCode: isOverload ? "ProvisionedThroughputExceededException" : "InternalFailure",
      SequenceNumber: "",
      ShardId: "",
    };
  }
  return { SequenceNumber: String(result.index), ShardId: shardIdOf(result.shard.index) };
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

/** The batch, unless its bytes are too many; its records have passed `readRecord`, or have keys that would. */
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
