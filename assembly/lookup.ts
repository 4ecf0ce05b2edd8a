// Finding records in a chunk and measuring runs of them, from the metadata columns alone: by
// arrival time and by payload size with a binary search, by index with one load. Walk and scan
// touch every record's metadata once and its payload never.
import { RESULT, TABLE, TABLE_BYTES } from "./layout";
import {
  chunkAt,
  endOf,
  endsOf,
  firstAtDelta,
  infosOf,
  keysOf,
  maskOf,
  payloadOf,
  timesOf,
} from "./record";

/** u32 fields of a walked record: start in the chunk, key, info and data bytes, time delta. */
export const WALK_FIELDS: u32 = 5;
const WALK_ROW_BYTES: usize = 20;
export const WALK_RECORDS_MAX: u32 = <u32>(TABLE_BYTES / WALK_ROW_BYTES);

/** RESULT: start of record `i` in the chunk's bytes, and its payload bytes. */
export function locateRecord(address: usize, i: u32): u32 {
  const chunk = chunkAt(address);
  const start = endOf(chunk, i - 1);
  store<u32>(RESULT, endOf(chunk, i) - start);
  return <u32>(payloadOf(chunk) - address) + start;
}

/** First record at or after (`timeMs`, `ordinal`), or count. */
export function findTime(address: usize, timeMs: u64, ordinal: u32): u32 {
  const chunk = chunkAt(address);
  if (timeMs < chunk.timeMs) return 0;
  const delta = timeMs - chunk.timeMs;
  const low = firstAtDelta(chunk, delta);
  const before = delta == 0 ? chunk.timeOrdinal : 0;
  if (ordinal <= before) return low;
  const high = firstAtDelta(chunk, delta + 1);
  return min(high, low + min(ordinal - before, high - low));
}

/** Record after the last of the longest run from `from` within both bounds; at least from + 1. */
export function fitRecords(address: usize, from: u32, countMax: u32, payloadBytesMax: u32): u32 {
  const chunk = chunkAt(address);
  const start = endOf(chunk, from - 1);
  let low = from + 1;
  let high = min(chunk.count, from + min(countMax, chunk.count - from));
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (endOf(chunk, middle - 1) - start <= payloadBytesMax) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Rows of records `from` to `to` in TABLE; at most WALK_RECORDS_MAX of them. */
export function walkRecords(address: usize, from: u32, to: u32): void {
  const chunk = chunkAt(address);
  const endWidth: u32 = chunk.endWidth;
  const keyWidth: u32 = chunk.keyWidth;
  const infoWidth: u32 = chunk.infoWidth;
  const timeWidth: u32 = chunk.timeWidth;
  const endMask = maskOf(endWidth);
  const keyMask = maskOf(keyWidth);
  const infoMask = maskOf(infoWidth);
  const timeMask = maskOf(timeWidth);
  let end = endsOf(chunk) + from * endWidth;
  let key = keysOf(chunk) + from * keyWidth;
  let info = infosOf(chunk) + from * infoWidth;
  let time = timesOf(chunk) + from * timeWidth;
  const keyMin: u32 = chunk.keyBytesMin;
  const infoMin: u32 = chunk.infoBytesMin;
  const stride = chunk.stride;
  const payload = <u32>(payloadOf(chunk) - address);
  let start = endOf(chunk, from - 1);
  let strides = stride * (from + 1);
  let row = TABLE;
  for (let i = from; i < to; i++) {
    const stop = strides + (load<u32>(end) & endMask);
    const keyBytes = keyMin + (load<u32>(key) & keyMask);
    const infoBytes = infoMin + (load<u32>(info) & infoMask);
    store<u32>(row, payload + start);
    store<u32>(row, keyBytes, 4);
    store<u32>(row, infoBytes, 8);
    store<u32>(row, stop - start - keyBytes - infoBytes, 12);
    store<u32>(row, load<u32>(time) & timeMask, 16);
    row += WALK_ROW_BYTES;
    start = stop;
    strides += stride;
    end += endWidth;
    key += keyWidth;
    info += infoWidth;
    time += timeWidth;
  }
}

/** RESULT: key bytes, info bytes, data bytes and data bytes in base64 of a run, u64 each. */
export function scanRecords(address: usize, from: u32, to: u32): void {
  const chunk = chunkAt(address);
  const endWidth: u32 = chunk.endWidth;
  const keyWidth: u32 = chunk.keyWidth;
  const infoWidth: u32 = chunk.infoWidth;
  const endMask = maskOf(endWidth);
  const keyMask = maskOf(keyWidth);
  const infoMask = maskOf(infoWidth);
  let end = endsOf(chunk) + from * endWidth;
  let key = keysOf(chunk) + from * keyWidth;
  let info = infosOf(chunk) + from * infoWidth;
  const keyMin: u32 = chunk.keyBytesMin;
  const infoMin: u32 = chunk.infoBytesMin;
  const stride = chunk.stride;
  const first = endOf(chunk, from - 1);
  let start = first;
  let strides = stride * (from + 1);
  let keyTotal: u64 = 0;
  let infoTotal: u64 = 0;
  let groups: u64 = 0;
  for (let i = from; i < to; i++) {
    const stop = strides + (load<u32>(end) & endMask);
    const keyBytes = keyMin + (load<u32>(key) & keyMask);
    const infoBytes = infoMin + (load<u32>(info) & infoMask);
    keyTotal += keyBytes;
    infoTotal += infoBytes;
    groups += (stop - start - keyBytes - infoBytes + 2) / 3;
    start = stop;
    strides += stride;
    end += endWidth;
    key += keyWidth;
    info += infoWidth;
  }
  store<u64>(RESULT, keyTotal);
  store<u64>(RESULT, infoTotal, 8);
  store<u64>(RESULT, start - first - keyTotal - infoTotal, 16);
  store<u64>(RESULT, groups * 4, 24);
}
