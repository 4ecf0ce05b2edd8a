// Writes a chunk as docs/FORMAT.md describes it, one column after the other, from an array of
// records. It knows the whole run before it writes, so every width and minimum is looked up
// and none is patched. What does not fit the format is refused by name.

import { crc32 } from "node:zlib";
import { payloadBytes, type ModelChunk, type ModelRecord } from "./record.ts";

export const HEADER_BYTES = 56;
export const MAGIC = "MLRC";
export const VERSION = 1;
/** Of a body that is bound to its shard. */
export const BOUND_VERSION = 2;
export const INDEX_MAX = 2 ** 50 - 1;
const TIME_MS_MAX = Number.MAX_SAFE_INTEGER;

/** The columns of a run of records: what stands in the header's lower half and behind it. */
interface Columns {
  stride: number;
  keyBytesMin: number;
  infoBytesMin: number;
  ends: number[];
  keys: number[];
  infos: number[];
  times: number[];
}

/** A chunk as a shard stores it: stamped, both checksums set. */
export function packChunk(chunk: ModelChunk): Uint8Array {
  const bytes = writeChunk(chunk.records);
  return stampBytes(bytes, {
    firstIndex: chunk.firstIndex,
    timeMs: chunk.records[0]!.timeMs,
    timeOrdinal: chunk.timeOrdinal,
  });
}

/** A chunk as a Worker sends it: the records share an arrival that is not known yet. */
export function packRecords(records: readonly Omit<ModelRecord, "timeMs">[]): Uint8Array {
  return writeChunk(records.map((record) => ({ ...record, timeMs: 0 })));
}

/** A copy of the chunk with the shard's four header fields. */
export function stampBytes(
  bytes: Uint8Array,
  stamp: { firstIndex: number; timeMs: number; timeOrdinal: number },
): Uint8Array {
  refuseUnless(isWithin(stamp.firstIndex, INDEX_MAX), "the first index is out of range");
  refuseUnless(isWithin(stamp.timeMs, TIME_MS_MAX), "the time is out of range");
  refuseUnless(isWithin(stamp.timeOrdinal, 2 ** 32 - 1), "the time ordinal is out of range");
  const stamped = Buffer.from(bytes);
  stamped.writeBigUInt64LE(BigInt(stamp.firstIndex), 16);
  stamped.writeBigUInt64LE(BigInt(stamp.timeMs), 24);
  stamped.writeUInt32LE(stamp.timeOrdinal, 32);
  stamped.writeUInt32LE(crc32(stamped.subarray(0, 52)), 52);
  return new Uint8Array(stamped);
}

/** A copy of a stamped chunk as the shard `uid` stores it. */
export function bindBytes(bytes: Uint8Array, uid: string): Uint8Array {
  const bound = Buffer.from(bytes);
  bound.writeUInt8(BOUND_VERSION, 4);
  const covered = Buffer.concat([Buffer.from(uid, "ascii"), bound.subarray(0, 52)]);
  bound.writeUInt32LE(crc32(covered), 52);
  return new Uint8Array(bound);
}

/** The narrowest entry, in bytes, that holds the largest of the numbers. */
export function widthOf(numbers: readonly number[]): number {
  let largest = 0;
  for (const number of numbers) largest = Math.max(largest, number);
  let width = 0;
  while (largest >= 256 ** width) width += 1;
  return width;
}

export function smallest(numbers: readonly number[]): number {
  let least = Infinity;
  for (const number of numbers) least = Math.min(least, number);
  return least;
}

function writeChunk(records: readonly ModelRecord[]): Uint8Array {
  refuseUnless(records.length > 0, "a chunk holds at least one record");
  const columns = measureColumns(records);
  const payload = Buffer.concat(records.flatMap(({ key, info, data }) => [key, info, data]));
  const body = Buffer.concat([
    writeColumn(columns.ends, 4, "the payload"),
    writeColumn(columns.keys, 2, "a key"),
    writeColumn(columns.infos, 1, "a client info"),
    writeColumn(columns.times, 4, "the span of arrival times"),
    payload,
  ]);
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, 0, "latin1");
  header.writeUInt8(VERSION, 4);
  header.writeUInt8(widthOf(columns.ends), 5);
  header.writeUInt8(widthOf(columns.keys), 6);
  header.writeUInt8(widthOf(columns.infos), 7);
  header.writeUInt8(widthOf(columns.times), 8);
  header.writeUInt32LE(records.length, 12);
  header.writeUInt32LE(columns.stride, 36);
  header.writeUInt16LE(columns.keyBytesMin, 40);
  header.writeUInt8(columns.infoBytesMin, 42);
  header.writeUInt32LE(payload.length, 44);
  header.writeUInt32LE(crc32(body), 48);
  return new Uint8Array(Buffer.concat([header, body]));
}

function measureColumns(records: readonly ModelRecord[]): Columns {
  const stride = smallest(records.map(payloadBytes));
  const keyBytesMin = smallest(records.map(({ key }) => key.length));
  const infoBytesMin = smallest(records.map(({ info }) => info.length));
  const firstMs = records[0]!.timeMs;
  const ends: number[] = [];
  let end = 0;
  for (const [i, record] of records.entries()) {
    end += payloadBytes(record);
    ends.push(end - stride * (i + 1));
    const previousMs = records[i - 1]?.timeMs ?? firstMs;
    refuseUnless(record.timeMs >= previousMs, "arrival times go back");
  }
  return {
    stride,
    keyBytesMin,
    infoBytesMin,
    ends,
    keys: records.map(({ key }) => key.length - keyBytesMin),
    infos: records.map(({ info }) => info.length - infoBytesMin),
    times: records.map(({ timeMs }) => timeMs - firstMs),
  };
}

function writeColumn(entries: readonly number[], widthMax: number, what: string): Uint8Array {
  const width = widthOf(entries);
  refuseUnless(width <= widthMax, `${what} is too large for the format`);
  const column = Buffer.alloc(entries.length * width);
  if (width > 0)
    for (const [i, entry] of entries.entries()) column.writeUIntLE(entry, i * width, width);
  return column;
}

function isWithin(number: number, max: number): boolean {
  return Number.isInteger(number) && number >= 0 && number <= max;
}

function refuseUnless(condition: boolean, complaint: string): asserts condition {
  if (!condition) throw new RangeError(complaint);
}
