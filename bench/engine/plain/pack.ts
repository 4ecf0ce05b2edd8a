// Packing and merging chunks in plain TypeScript; checksums by the host, set apart from the rest so
// that either can be measured alone.

import { crc32 } from "node:zlib";
import { endOf, firstAtDelta, HEADER_BYTES, type PlainChunk, timeDeltaOf } from "./chunk.ts";
import { walk } from "./lookup.ts";

export interface PlainRecord {
  key: Uint8Array;
  info: Uint8Array;
  data: Uint8Array;
}

/** Header and columns of a run of lengths, rows of key, info and data bytes; no checksums. */
export function packColumns(rows: Uint32Array, count: number): Buffer {
  let [stride, keyMin, infoMin] = [Infinity, Infinity, Infinity];
  let [payload, keyMax, infoMax] = [0, 0, 0];
  for (let row = 0; row < count * 3; row += 3) {
    const key = rows[row]!;
    const info = rows[row + 1]!;
    const record = key + info + rows[row + 2]!;
    payload += record;
    if (record < stride) stride = record;
    if (key < keyMin) keyMin = key;
    if (key > keyMax) keyMax = key;
    if (info < infoMin) infoMin = info;
    if (info > infoMax) infoMax = info;
  }
  const endWidth = widthOf(payload - stride * count);
  const keyWidth = widthOf(keyMax - keyMin);
  const infoWidth = widthOf(infoMax - infoMin);
  const keysAt = HEADER_BYTES + count * endWidth;
  const infosAt = keysAt + count * keyWidth;
  const head = Buffer.alloc(infosAt + count * infoWidth);
  head.write("MLRC", "latin1");
  head.set([1, endWidth, keyWidth, infoWidth], 4);
  head.writeUInt32LE(count, 12);
  head.writeUInt32LE(stride, 36);
  head.writeUInt16LE(keyMin, 40);
  head[42] = infoMin;
  head.writeUInt32LE(payload, 44);
  let excess = 0;
  for (let i = 0; i < count; i++) {
    const key = rows[i * 3]!;
    const info = rows[i * 3 + 1]!;
    excess += key + info + rows[i * 3 + 2]! - stride;
    writeEntry(head, HEADER_BYTES + i * endWidth, endWidth, excess);
    writeEntry(head, keysAt + i * keyWidth, keyWidth, key - keyMin);
    writeEntry(head, infosAt + i * infoWidth, infoWidth, info - infoMin);
  }
  return head;
}

export function pack(records: readonly PlainRecord[]): Uint8Array {
  const rows = new Uint32Array(records.length * 3);
  for (const [i, { key, info, data }] of records.entries()) {
    rows[i * 3] = key.length;
    rows[i * 3 + 1] = info.length;
    rows[i * 3 + 2] = data.length;
  }
  const head = packColumns(rows, records.length);
  const chunk = Buffer.allocUnsafeSlow(head.length + head.readUInt32LE(44));
  chunk.set(head);
  let at = head.length;
  for (const { key, info, data } of records) {
    chunk.set(key, at);
    at += key.length;
    chunk.set(info, at);
    at += info.length;
    chunk.set(data, at);
    at += data.length;
  }
  chunk.writeUInt32LE(crc32(chunk.subarray(HEADER_BYTES)), 48);
  return chunk;
}

/** Joins ranges of chunks whose records follow one another; no checksums. */
export function merge(ranges: readonly { chunk: PlainChunk; from: number; to: number }[]): Buffer {
  const { chunk: first, from: firstRecord } = ranges[0]!;
  const firstMs = first.timeMs + timeDeltaOf(first, firstRecord);
  const count = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  const walked = new Uint32Array(count * 5);
  const rows = new Uint32Array(count * 3);
  let done = 0;
  let lastDelta = 0;
  for (const { chunk, from, to } of ranges) {
    const range = walked.subarray(done * 5, (done + to - from) * 5);
    walk(chunk, from, to, range);
    const shift = chunk.timeMs - firstMs;
    for (let row = 0; row < range.length; row += 5) {
      rows[done * 3] = range[row + 1]!;
      rows[done * 3 + 1] = range[row + 2]!;
      rows[done * 3 + 2] = range[row + 3]!;
      lastDelta = range[row + 4]! + shift;
      range[row + 4] = lastDelta;
      done += 1;
    }
  }
  const head = packColumns(rows, count);
  const timeWidth = widthOf(lastDelta);
  const timesAt = head.length;
  const merged = Buffer.allocUnsafeSlow(timesAt + count * timeWidth + head.readUInt32LE(44));
  merged.set(head);
  merged[8] = timeWidth;
  writeStamp(merged, first, firstRecord, firstMs);
  for (let i = 0; i < count; i++)
    writeEntry(merged, timesAt + i * timeWidth, timeWidth, walked[i * 5 + 4]!);
  let at = timesAt + count * timeWidth;
  for (const { chunk, from, to } of ranges) {
    const start = chunk.payloadAt + endOf(chunk, from - 1);
    const end = chunk.payloadAt + endOf(chunk, to - 1);
    at += chunk.bytes.copy(merged, at, start, end);
  }
  return merged;
}

export function seal(chunk: Buffer): Uint8Array {
  chunk.writeUInt32LE(crc32(chunk.subarray(HEADER_BYTES)), 48);
  chunk.writeUInt32LE(crc32(chunk.subarray(0, 52)), 52);
  return chunk;
}

function writeStamp(merged: Buffer, first: PlainChunk, from: number, firstMs: number): void {
  const index = first.firstIndex + from;
  const delta = firstMs - first.timeMs;
  const ordinal = delta === 0 ? first.timeOrdinal + from : from - firstAtDelta(first, delta);
  merged.writeUInt32LE(index >>> 0, 16);
  merged.writeUInt32LE(Math.floor(index / 2 ** 32), 20);
  merged.writeUInt32LE(firstMs % 2 ** 32, 24);
  merged.writeUInt32LE(Math.floor(firstMs / 2 ** 32), 28);
  merged.writeUInt32LE(ordinal, 32);
}

function writeEntry(bytes: Buffer, at: number, width: number, value: number): void {
  for (let byte = 0; byte < width; byte++) bytes[at + byte] = value >>> (byte * 8);
}

function widthOf(value: number): number {
  return value === 0 ? 0 : (39 - Math.clz32(value)) >> 3;
}
