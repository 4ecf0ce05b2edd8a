// PutRecords in the other dialects and encodings, as their clients send it: whole HTTP messages with the
// records that bench/http/kinesis.ts puts in JSON.

import { writeCbor } from "../../worker/codec/cborWriter.ts";
import { makeMessage } from "./kinesis.ts";
import type { Address } from "../tools/wire.ts";
import { makeRecord } from "../tools/workload.ts";

export const putDialects = ["Kinesis CBOR", "v3io", "Yandex JSON", "Yandex CBOR"] as const;

export type PutDialect = (typeof putDialects)[number];

const style = { indefinite: false, sorted: false, singles: false };
const cborType = "application/x-amz-cbor-1.1";
const jsonType = "application/x-amz-json-1.1";

/** A PutRecords request with records `from` to `from + count` of the workload. */
export function makeDialectPut(
  dialect: PutDialect,
  address: Address,
  stream: string,
  recordBytes: number,
  from: number,
  count: number,
): Buffer {
  const records = Array.from({ length: count }, (_, i) => makeRecord(from + i, recordBytes));
  const Records = records.map(({ key, data }) => {
    const PartitionKey = Buffer.from(key).toString();
    const isBinary = dialect.endsWith("CBOR");
    return { Data: isBinary ? data : Buffer.from(data).toString("base64"), PartitionKey };
  });
  const input = { StreamName: stream, Records };
  switch (dialect) {
    case "Kinesis CBOR":
      return makeMessage(address, "/", targetOf("Kinesis_20131202", cborType), cbor(input));
    case "Yandex JSON":
      return makeMessage(address, "/", targetOf("kinesisApi", jsonType), json(input));
    case "Yandex CBOR":
      return makeMessage(address, "/", targetOf("kinesisApi", cborType), cbor(input));
    case "v3io": {
      const headers = { "X-v3io-function": "PutRecords", "X-v3io-session-key": "bench" };
      return makeMessage(address, `/bigdata/${stream}/`, headers, json({ Records }));
    }
  }
}

function targetOf(service: string, type: string): Record<string, string> {
  return { "X-Amz-Target": `${service}.PutRecords`, "Content-Type": type };
}

function cbor(input: object): Uint8Array {
  return writeCbor(input, style);
}

function json(input: object): Uint8Array {
  return Buffer.from(JSON.stringify(input));
}
