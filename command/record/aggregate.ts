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
 * Data that has the first bytes by chance has no such MD5 at its end, and is left alone. The console
 * reads aggregates with this file too, so nothing of Node is used.
 */

export interface UserRecord {
  partitionKey: string;
  explicitHashKey: string | undefined;
  data: Uint8Array;
}

/** The MD5 of bytes, 16 bytes. */
export type Md5 = (bytes: Uint8Array) => Uint8Array;

const magic = Uint8Array.of(0xf3, 0x89, 0x9a, 0xc2);
const digestBytes = 16;

const utf8 = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** The user records in order; undefined if the data is no aggregate. */
export function deaggregate(data: Uint8Array, md5: Md5): UserRecord[] | undefined {
  const end = data.length - digestBytes;
  if (end < magic.length || !areEqual(data.subarray(0, magic.length), magic)) return undefined;
  const message = data.subarray(magic.length, end);
  return areEqual(md5(message), data.subarray(end)) ? readAggregate(message) : undefined;
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function readAggregate(message: Uint8Array): UserRecord[] | undefined {
  const [keys, hashKeys]: [string[], string[]] = [[], []];
  const bodies: Uint8Array[] = [];
  const fields = readFields(message);
  if (fields === undefined) return undefined;
  for (const { number, value } of fields) {
    if (typeof value === "number") continue;
    if (number === 1) keys.push(utf8.decode(value));
    else if (number === 2) hashKeys.push(utf8.decode(value));
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
function readRecord(body: Uint8Array, keys: string[], hashKeys: string[]): UserRecord | undefined {
  let key = 0;
  let hashKey: number | undefined;
  let data: Uint8Array = new Uint8Array(0);
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
  value: number | Uint8Array;
}

/** The fields of a protobuf message; undefined if it is cut off or has another wire type. */
function readFields(message: Uint8Array): Field[] | undefined {
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
