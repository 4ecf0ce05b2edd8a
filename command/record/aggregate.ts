/**
 * Takes aggregates of the Kinesis Producer Library apart: several user records in the data of one
 * Kinesis record. Follows "KPL Aggregated Record Format" of awslabs/amazon-kinesis-producer:
 *
 *     f3 89 9a c2 │ protobuf AggregatedRecord │ MD5 of the protobuf (16 bytes)
 *
 *     AggregatedRecord: 1 partition_key_table (strings), 2 explicit_hash_key_table (strings),
 *                       3 records (Record)
 *     Record:           1 partition_key_index, 2 explicit_hash_key_index (varints), 3 data (bytes)
 *
 * Data that has the first bytes by chance has no such MD5 at its end, and is left alone.
 */
import { createHash } from "node:crypto";

export interface UserRecord {
  partitionKey: string;
  explicitHashKey: string | undefined;
  data: Uint8Array;
}

const magic = Buffer.from("f3899ac2", "hex");
const digestBytes = 16;

/** The user records in order; undefined if the data is no aggregate. */
export function deaggregate(data: Uint8Array): UserRecord[] | undefined {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const end = bytes.length - digestBytes;
  if (end < magic.length || !bytes.subarray(0, magic.length).equals(magic)) return undefined;
  const message = bytes.subarray(magic.length, end);
  const digest = createHash("md5").update(message).digest();
  if (!digest.equals(bytes.subarray(end))) return undefined;
  return readAggregate(message);
}

function readAggregate(message: Buffer): UserRecord[] | undefined {
  const [keys, hashKeys]: [string[], string[]] = [[], []];
  const bodies: Buffer[] = [];
  const fields = readFields(message);
  if (fields === undefined) return undefined;
  for (const { number, value } of fields) {
    if (typeof value === "number") continue;
    if (number === 1) keys.push(value.toString());
    else if (number === 2) hashKeys.push(value.toString());
    else if (number === 3) bodies.push(value);
  }
  const records: UserRecord[] = [];
  for (const body of bodies) {
    const record = readRecord(body, keys, hashKeys);
    if (record === undefined) return undefined;
    records.push(record);
  }
  return records;
}

/** Undefined if the record names a key that is not in the table. */
function readRecord(body: Buffer, keys: string[], hashKeys: string[]): UserRecord | undefined {
  let key = 0;
  let hashKey: number | undefined;
  let data: Uint8Array = Buffer.alloc(0);
  for (const { number, value } of readFields(body) ?? []) {
    if (number === 1 && typeof value === "number") key = value;
    else if (number === 2 && typeof value === "number") hashKey = value;
    else if (number === 3 && typeof value !== "number") data = value;
  }
  const partitionKey = keys[key];
  if (partitionKey === undefined) return undefined;
  const explicitHashKey = hashKey === undefined ? undefined : hashKeys[hashKey];
  return { partitionKey, explicitHashKey, data };
}

interface Field {
  number: number;
  /** Of a varint its number; of what has a length its bytes. */
  value: number | Buffer;
}

/** The fields of a protobuf message; undefined if it is cut off or has another wire type. */
function readFields(message: Buffer): Field[] | undefined {
  const fields: Field[] = [];
  let at = 0;
  /** The next varint; NaN at the end. */
  const readVarint = (): number => {
    let value = 0;
    for (let factor = 1; at < message.length && factor < 2 ** 63; factor *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    return NaN;
  };
  while (at < message.length) {
    const tag = readVarint();
    const wireType = tag % 8;
    const value = readVarint();
    if (Number.isNaN(tag) || Number.isNaN(value)) return undefined;
    const number = Math.floor(tag / 8);
    if (wireType === 0) fields.push({ number, value });
    else if (wireType === 2 && at + value <= message.length) {
      fields.push({ number, value: message.subarray(at, at + value) });
      at += value;
    } else return undefined;
  }
  return fields;
}
