// Prints records as the dialects' replies do, with the host's own JSON, base64 and big numbers.
// The result is what stands in `Records` without its brackets: text, or the bytes of CBOR (RFC 8949). Sequence numbers follow the version 2
// layout that kinesalite (db/index.js, stringifySequence) and the Kinesis Client Library
// (SequenceNumberValidator) agree on: 47 hex digits, printed in decimal.

import { createHash } from "node:crypto";
import { recordsBetween } from "./operations.ts";
import { parseChunk } from "./parse.ts";
import { arrivalOrdinals } from "./record.ts";

export interface ModelShard {
  createdMs: number;
  index: number;
  /** Numbers of records say the second after its creation at the earliest. */
  createdAhead?: boolean;
}

/** Records that arrived within one were encrypted. */
export interface ModelSpan {
  fromMs: number;
  toMs?: number;
}

export function renderKinesisJson(
  bytes: Uint8Array,
  from: number,
  to: number,
  shard: ModelShard,
  spans: readonly ModelSpan[] = [],
): string {
  const chunk = parseChunk(bytes);
  const records = recordsBetween(chunk, from, to).map(({ timeMs, key, data }, i) => {
    const number = sequenceNumber(chunk.firstIndex + from + i, timeMs, shard);
    return printObject([
      ["Data", JSON.stringify(base64(data))],
      ...optional("PartitionKey", JSON.stringify(text(key)), key),
      ["ApproximateArrivalTimestamp", printSeconds(timeMs)],
      ["SequenceNumber", JSON.stringify(number)],
      ...(isEncrypted(timeMs, spans) ? [["EncryptionType", '"KMS"'] as const] : []),
    ]);
  });
  return records.join(",");
}

export function renderKinesisCbor(
  bytes: Uint8Array,
  from: number,
  to: number,
  shard: ModelShard,
  spans: readonly ModelSpan[] = [],
): Uint8Array {
  const chunk = parseChunk(bytes);
  const items = recordsBetween(chunk, from, to).map(({ timeMs, key, data }, i) => {
    const number = sequenceNumber(chunk.firstIndex + from + i, timeMs, shard);
    return Buffer.concat([
      Buffer.of(0xbf),
      cborText("Data"),
      cborString(BYTES, data),
      ...(key.length > 0 ? [cborText("PartitionKey"), cborString(TEXT, key)] : []),
      cborText("ApproximateArrivalTimestamp"),
      Buffer.of(EPOCH_TIME),
      cborU64(timeMs),
      cborText("SequenceNumber"),
      cborText(number),
      ...(isEncrypted(timeMs, spans) ? [cborText("EncryptionType"), cborText("KMS")] : []),
      Buffer.of(0xff),
    ]);
  });
  return new Uint8Array(Buffer.concat(items));
}

export function renderV3ioJson(bytes: Uint8Array, from: number, to: number): string {
  const chunk = parseChunk(bytes);
  const ordinals = arrivalOrdinals(chunk);
  const records = recordsBetween(chunk, from, to).map(({ timeMs, key, info, data }, i) =>
    printObject([
      ["ArrivalTimeSec", String(Math.floor(timeMs / 1000))],
      ["ArrivalTimeNSec", String((timeMs % 1000) * 1_000_000 + ordinals[from + i]!)],
      ["SequenceNumber", String(chunk.firstIndex + from + i + 1)],
      ...optional("ClientInfo", JSON.stringify(base64(info)), info),
      ...optional("PartitionKey", JSON.stringify(text(key)), key),
      ["Data", JSON.stringify(base64(data))],
    ]),
  );
  return records.join(",");
}

export function renderYandexJson(bytes: Uint8Array, from: number, to: number): string {
  const chunk = parseChunk(bytes);
  const records = recordsBetween(chunk, from, to).map(({ timeMs, key, data }, i) =>
    JSON.stringify({
      ApproximateArrivalTimestamp: timeMs / 1000,
      Codec: 0,
      Data: base64(data),
      EncryptionType: "NONE",
      PartitionKey: text(key),
      SequenceNumber: String(chunk.firstIndex + from + i),
    }),
  );
  return records.join(",");
}

export function renderYandexCbor(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const chunk = parseChunk(bytes);
  const items = recordsBetween(chunk, from, to).map(({ timeMs, key, data }, i) =>
    Buffer.concat([
      Buffer.of(0xa6),
      cborText("ApproximateArrivalTimestamp"),
      cborNumber(timeMs / 1000),
      cborText("Codec"),
      cborNumber(0),
      cborText("Data"),
      cborString(BYTES, data),
      cborText("EncryptionType"),
      cborText("NONE"),
      cborText("PartitionKey"),
      cborString(TEXT, key),
      cborText("SequenceNumber"),
      cborText(String(chunk.firstIndex + from + i)),
    ]),
  );
  return new Uint8Array(Buffer.concat(items));
}

function isEncrypted(timeMs: number, spans: readonly ModelSpan[]): boolean {
  return spans.some(({ fromMs, toMs = Infinity }) => timeMs >= fromMs && timeMs < toMs);
}

const BYTES = 2;
const TEXT = 3;
/** The head of tag 1. */
const EPOCH_TIME = 0xc1;

/** A string behind the shortest head that says its length. */
function cborString(major: number, bytes: Uint8Array): Buffer {
  const { length } = bytes;
  if (length < 24) return Buffer.concat([Buffer.of((major << 5) + length), bytes]);
  const size = length < 2 ** 8 ? 0 : length < 2 ** 16 ? 1 : 2;
  const head = Buffer.alloc(1 + 2 ** size);
  head.writeUInt8((major << 5) + 24 + size);
  head.writeUIntBE(length, 1, 2 ** size);
  return Buffer.concat([head, bytes]);
}

function cborText(text: string): Buffer {
  return cborString(TEXT, Buffer.from(text));
}

/** A number as short as it goes without loss. */
function cborNumber(value: number): Buffer {
  if (value === Math.floor(value)) {
    if (value < 24) return Buffer.of(value);
    if (value >= 2 ** 32) return cborU64(value);
    const size = value < 2 ** 8 ? 0 : value < 2 ** 16 ? 1 : 2;
    const bytes = Buffer.alloc(1 + 2 ** size);
    bytes.writeUInt8(24 + size);
    bytes.writeUIntBE(value, 1, 2 ** size);
    return bytes;
  }
  const isSingle = Math.fround(value) === value;
  const bytes = Buffer.alloc(isSingle ? 5 : 9);
  bytes.writeUInt8(isSingle ? 0xfa : 0xfb);
  if (isSingle) bytes.writeFloatBE(value, 1);
  else bytes.writeDoubleBE(value, 1);
  return bytes;
}

/** An unsigned number in eight bytes, whatever it needs. */
function cborU64(value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeUInt8(0x1b);
  bytes.writeBigUInt64BE(BigInt(value), 1);
  return bytes;
}

/** The Kinesis sequence number of a record: fields in hex from the top, the whole in decimal. */
export function sequenceNumber(index: number, timeMs: number, shard: ModelShard): string {
  const earliest = shard.createdAhead === true ? Math.floor(shard.createdMs / 1000) + 1 : 0;
  const digits = [
    "2",
    hex(Math.floor(shard.createdMs / 1000), 9),
    hex(shard.index % 16, 1),
    hex(index, 16),
    "00",
    hex(Math.max(Math.floor(timeMs / 1000), earliest), 9),
    hex(shard.index, 8),
    "2",
  ].join("");
  return BigInt(`0x${digits}`).toString();
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

export function hashKeys(keys: readonly Uint8Array[]): Uint8Array {
  const digests = keys.map((key) => createHash("md5").update(key).digest());
  return new Uint8Array(Buffer.concat(digests));
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

function printObject(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

function optional(name: string, value: string, bytes: Uint8Array): [string, string][] {
  return bytes.length > 0 ? [[name, value]] : [];
}

function printSeconds(timeMs: number): string {
  const decimals = String(timeMs % 1000).padStart(3, "0");
  return `${Math.floor(timeMs / 1000)}.${decimals}`;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}
