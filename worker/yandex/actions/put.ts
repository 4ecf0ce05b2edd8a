// PutRecord and PutRecords. What is wrong with any record is wrong with the whole call; a shard that
// cannot take its records fails those alone. Source: YDB put_records_actor.h.
import { StreamError } from "../../errors.ts";
import type { FailureLog } from "../../failureLog.ts";
import { putRecords as writeRecords, type PutResult, type RecordPut } from "../../stream/writer.ts";
import { addressIn, getStream, listMember, type Method } from "../context.ts";
import { issue, type YandexError, yandexErrorOf } from "../errors.ts";
import type { InputOf } from "../messages.ts";
import { shardIdOf } from "../shards.ts";

type Entry = NonNullable<InputOf<"PutRecords">["Records"]>[number];

const recordsMax = 500;
const megabyte = 1_048_576;
const dataBytesMax = megabyte;
const totalBytesMax = 5 * megabyte;
const keyBytesMax = 256;
const hashMax = 2n ** 128n - 1n;
const hashDigits = 32;

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

export const putRecord: Method<"PutRecord"> = async (context, input) => {
  const [put] = readRecords(input.StreamName, [input]);
  const address = await addressIn(context, input.StreamName);
  const stream = await getStream(context, address);
  const [result] = await writeRecords(context.runtime.env, stream, [put as RecordPut]);
  const { shard, ...outcome } = result as PutResult;
  if ("failure" in outcome) throw yandexErrorOf(outcome.failure, address.full, context.failures);
  return {
    EncryptionType: "NONE",
    SequenceNumber: String(outcome.index),
    ShardId: shardIdOf(shard.index),
  };
};

export const putRecords: Method<"PutRecords"> = async (context, input) => {
  const puts = readRecords(input.StreamName, input.Records ?? []);
  const address = await addressIn(context, input.StreamName);
  const stream = await getStream(context, address);
  const results = await writeRecords(context.runtime.env, stream, puts);
  return {
    EncryptionType: "NONE",
    FailedRecordCount: results.filter((result) => "failure" in result).length,
    ...listMember(
      "Records",
      results.map((result) => replyOf(result, address.full, context.failures)),
    ),
  };
};

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

function readRecords(name: string | undefined, entries: readonly Entry[]): RecordPut[] {
  if ((name ?? "") === "") throw refuse("Stream name is empty");
  if (entries.length > recordsMax) {
    throw refuse(
      `Too many records in a single PutRecords request: ${entries.length} > ${recordsMax}`,
    );
  }
  let bytes = 0;
  const puts = entries.map((entry) => {
    const put = readRecord(entry);
    bytes += put.key.length + put.data.length;
    return put;
  });
  if (bytes > totalBytesMax) {
    throw refuse(
      `Total size of PutRecords request of ${bytes} bytes exceed limit of ${totalBytesMax} bytes`,
    );
  }
  return puts;
}

function readRecord({ Data, ExplicitHashKey, PartitionKey = "" }: Entry): RecordPut {
  const key = encoder.encode(PartitionKey);
  const data = Data ?? NOTHING;
  if (key.length === 0) throw refuse("Empty partition key");
  if (data.length > dataBytesMax) {
    throw refuse(`Data of size of ${data.length} bytes exceed limit of ${dataBytesMax} bytes`);
  }
  if (key.length > keyBytesMax) throw refuse(`Partition key is too long: ${PartitionKey}`);
  return { key, info: NOTHING, data, hash: readHash(ExplicitHashKey ?? "") };
}

function readHash(text: string): Uint8Array | undefined {
  if (text === "") return undefined;
  const hash = /^(?:0|[1-9]\d{0,38})$/.test(text) ? BigInt(text) : undefined;
  if (hash === undefined || hash > hashMax) throw refuse(`${text} is not a valid 128 bit decimal`);
  return Buffer.from(hash.toString(16).padStart(hashDigits, "0"), "hex");
}

function refuse(what: string): YandexError {
  return issue("badRequest", what);
}
