// The engine's operations on chunks, done the slow way: read all records, do the plain array
// thing, write all records. Each function has the meaning that docs/FORMAT.md or the method of
// the same name in worker/engine/engine.ts gives it; errors are RangeError for a bad range and for
// chunks that do not follow one another, ChunkRefused for bytes that are not a chunk.

import { packChunk } from "./pack.ts";
import { parseChunk } from "./parse.ts";
import {
  arrivalOrdinals,
  firstRecord,
  payloadBytes,
  type ModelChunk,
  type ModelRecord,
} from "./record.ts";

/** One chunk of all the records, given chunks whose records follow one another in a shard. */
export function mergeChunks(chunks: readonly Uint8Array[]): Uint8Array {
  const parts = chunks.map((chunk) => parseChunk(chunk));
  const first = parts[0];
  if (first === undefined) throw new RangeError("nothing to merge");
  const merged: ModelChunk = { ...first, records: parts.flatMap(({ records }) => records) };
  checkSuccession(parts, arrivalOrdinals(merged));
  return packChunk(merged);
}

/** The chunk of records `from` to `to`, exclusive; at least one. */
export function sliceChunk(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const chunk = parseChunk(bytes);
  return packChunk({
    firstIndex: chunk.firstIndex + from,
    timeOrdinal: arrivalOrdinals(chunk)[from]!,
    records: recordsBetween(chunk, from, to),
  });
}

/** Rows of [start in the chunk's bytes, key bytes, info bytes, data bytes, ms after the first]. */
export function walkChunk(bytes: Uint8Array, from: number, to: number): number[] {
  const chunk = parseChunk(bytes);
  const walked = recordsBetween(chunk, from, to);
  const ahead = recordsBetween(chunk, from, chunk.records.length);
  let start = bytes.length - sumPayload(ahead);
  return walked.flatMap((record) => {
    const { key, info, data, timeMs } = record;
    const row = [start, key.length, info.length, data.length, timeMs - chunk.records[0]!.timeMs];
    start += payloadBytes(record);
    return row;
  });
}

export interface ScanSums {
  keyBytes: number;
  infoBytes: number;
  dataBytes: number;
  base64Bytes: number;
}

export function scanChunk(bytes: Uint8Array, from: number, to: number): ScanSums {
  const sums = { keyBytes: 0, infoBytes: 0, dataBytes: 0, base64Bytes: 0 };
  for (const { key, info, data } of recordsBetween(parseChunk(bytes), from, to)) {
    sums.keyBytes += key.length;
    sums.infoBytes += info.length;
    sums.dataBytes += data.length;
    sums.base64Bytes += Buffer.from(data).toString("base64").length;
  }
  return sums;
}

/** The first record that arrived at or after (ms, ordinal), or the count. */
export function findTime(bytes: Uint8Array, timeMs: number, ordinal: number): number {
  const chunk = parseChunk(bytes);
  const ordinals = arrivalOrdinals(chunk);
  return firstRecord(
    chunk,
    (record, i) => record.timeMs > timeMs || (record.timeMs === timeMs && ordinals[i]! >= ordinal),
  );
}

/** The largest `to` that keeps the count and the payload in bounds, but at least one record. */
export function fitRecords(
  bytes: Uint8Array,
  from: number,
  countMax: number,
  payloadBytesMax: number,
): number {
  const { records } = parseChunk(bytes);
  let to = from + 1;
  let payload = payloadBytes(records[from]!);
  while (to < records.length && to - from < countMax) {
    payload += payloadBytes(records[to]!);
    if (payload > payloadBytesMax) break;
    to += 1;
  }
  return to;
}

/** Records `from` to `to`, exclusive; at least one. */
export function recordsBetween(
  chunk: ModelChunk,
  from: number,
  to: number,
): readonly ModelRecord[] {
  const known = Number.isInteger(from) && Number.isInteger(to);
  if (!known || from < 0 || to <= from || to > chunk.records.length)
    throw new RangeError(`no records ${from} to ${to} in a chunk of ${chunk.records.length}`);
  return chunk.records.slice(from, to);
}

function sumPayload(records: readonly ModelRecord[]): number {
  return records.reduce((sum, record) => sum + payloadBytes(record), 0);
}

function checkSuccession(parts: readonly ModelChunk[], ordinals: readonly number[]): void {
  let count = 0;
  for (const part of parts) {
    if (part.firstIndex !== parts[0]!.firstIndex + count)
      throw new RangeError("indexes do not follow one another");
    if (part.timeOrdinal !== ordinals[count])
      throw new RangeError("arrival ordinals do not follow one another");
    count += part.records.length;
  }
}
