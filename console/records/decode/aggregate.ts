// Takes a KPL aggregate apart: four magic bytes, a protobuf message AggregatedRecord, and the MD5
// of the message (amazon-kinesis-producer, aggregation-format.md).
import { md5 } from "@noble/hashes/legacy.js";

export interface AggregatedRecord {
  partitionKey: string;
  explicitHashKey?: string;
  data: Uint8Array<ArrayBuffer>;
}

const magic = [0xf3, 0x89, 0x9a, 0xc2];
const digestBytes = 16;

/** Undefined if the bytes are no aggregate. */
export async function readAggregate(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<AggregatedRecord[] | undefined> {
  if (bytes.length < magic.length + digestBytes) return undefined;
  if (!magic.every((byte, i) => bytes[i] === byte)) return undefined;
  const message = bytes.subarray(magic.length, -digestBytes);
  const digest = md5(message);
  if (!bytes.subarray(-digestBytes).every((byte, i) => byte === digest[i])) return undefined;
  return readMessage(message);
}

function readMessage(message: Uint8Array<ArrayBuffer>): AggregatedRecord[] {
  const keys: string[] = [];
  const hashKeys: string[] = [];
  const records: AggregatedRecord[] = [];
  const decoder = new TextDecoder();
  for (const { number, value } of fields(message)) {
    if (typeof value === "number") continue;
    if (number === 1) keys.push(decoder.decode(value));
    else if (number === 2) hashKeys.push(decoder.decode(value));
    else if (number === 3) records.push(readRecord(value, keys, hashKeys));
  }
  return records;
}

function readRecord(
  bytes: Uint8Array<ArrayBuffer>,
  keys: readonly string[],
  hashKeys: readonly string[],
): AggregatedRecord {
  const record: AggregatedRecord = { partitionKey: "", data: new Uint8Array() };
  for (const { number, value } of fields(bytes)) {
    if (number === 1 && typeof value === "number") record.partitionKey = keys[value] ?? "";
    if (number === 2 && typeof value === "number") record.explicitHashKey = hashKeys[value] ?? "";
    if (number === 3 && typeof value !== "number") record.data = value;
  }
  return record;
}

interface Field {
  number: number;
  value: number | Uint8Array<ArrayBuffer>;
}

/** The fields of a protobuf message: varints and length-delimited ones; others do not occur. */
function* fields(bytes: Uint8Array<ArrayBuffer>): Generator<Field> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new Error("the aggregate ends within a number");
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (wireType === 0) yield { number, value: varint() };
    else if (wireType === 2) {
      const length = varint();
      if (at + length > bytes.length) throw new Error("the aggregate ends within a field");
      yield { number, value: bytes.subarray(at, at + length) };
      at += length;
    } else throw new Error(`the aggregate has a field of wire type ${wireType}`);
  }
}
