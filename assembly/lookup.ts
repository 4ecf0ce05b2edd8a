// Finds records in a chunk and measures runs of them, from the metadata columns only. By arrival
// time and by payload size it is a binary search, by index one load. Walk and scan read the
// metadata of every record once and never the payload.
// No request calls locateRecord, walkRecords and scanRecords. They are for reads that look at records one by one; tests
// keep them ready (test/support/engineProbe.ts).
import { assertChunk, assertRange } from "./asserts";
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
const WALK_ROW_BYTES: usize = <usize>WALK_FIELDS * sizeof<u32>();
export const WALK_RECORDS_MAX: u32 = <u32>(TABLE_BYTES / WALK_ROW_BYTES);

/** RESULT: start of record `i` in the chunk's bytes, and its payload bytes. */
export function locateRecord(address: usize, i: u32): u32 {
  const chunk = chunkAt(address);
  assertRange(chunk, i, i + 1);
  const start = endOf(chunk, i - 1);
  store<u32>(RESULT, endOf(chunk, i) - start);
  return <u32>(payloadOf(chunk) - address) + start;
}

/** First record at or after (`timeMs`, `ordinal`), or count. */
export function findTime(address: usize, timeMs: u64, ordinal: u32): u32 {
  const chunk = chunkAt(address);
  assertChunk(chunk);
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
  assertRange(chunk, from, from + 1);
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
  assertRange(chunk, from, to);
  assert(to - from <= WALK_RECORDS_MAX, "more rows than the table has");
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

/**
 * Spreads the first four entries of a column over four lanes, for each width. An index of 128 gives
 * 0, in the relaxed form too.
 */
const SPREADS = memory.data<u32>(
  [
    0x80808080, 0x80808080, 0x80808080, 0x80808080, 0x80808000, 0x80808001, 0x80808002, 0x80808003,
    0x80800100, 0x80800302, 0x80800504, 0x80800706, 0x80020100, 0x80050403, 0x80080706, 0x800b0a09,
    0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c,
  ],
  16,
);

/**
 * RESULT: key bytes, info bytes, data bytes and data bytes in base64 of a run, u64 each. Four
 * records are summed per step, and the last ones (up to three) one by one. No sum of a chunk
 * reaches 2^32. In a chunk of several records a record is shorter than the window, and below 2^22 a
 * third is exact in an f32.
 */
export function scanRecords(address: usize, from: u32, to: u32): void {
  const chunk = chunkAt(address);
  assertRange(chunk, from, to);
  const endWidth: u32 = chunk.endWidth;
  const keyWidth: u32 = chunk.keyWidth;
  const infoWidth: u32 = chunk.infoWidth;
  const endSpread = v128.load(SPREADS + (endWidth << 4));
  const keySpread = v128.load(SPREADS + (keyWidth << 4));
  const infoSpread = v128.load(SPREADS + (infoWidth << 4));
  let end = endsOf(chunk) + from * endWidth;
  let key = keysOf(chunk) + from * keyWidth;
  let info = infosOf(chunk) + from * infoWidth;
  const least: u32 = <u32>chunk.keyBytesMin + chunk.infoBytesMin;
  const stride = chunk.stride;
  const first = endOf(chunk, from - 1);
  const steps = i32x4.splat(stride << 2);
  const third = f32x4.splat(1.0 / 3.0);
  // Adding two rounds the third up.
  const surplus = i32x4.splat(least - 2);
  let strides = i32x4.splat(stride * (from + 1));
  strides = i32x4.add(strides, i32x4.mul(i32x4.splat(stride), i32x4(0, 1, 2, 3)));
  let stops = i32x4.splat(first);
  let keys = i32x4.splat(0);
  let infos = i32x4.splat(0);
  let groups = i32x4.splat(0);
  const fours = from + ((to - from) & ~3);
  for (let i = from; i < fours; i += 4) {
    const before = stops;
    stops = i32x4.add(strides, i8x16.relaxed_swizzle(v128.load(end), endSpread));
    const someKeys = i8x16.relaxed_swizzle(v128.load(key), keySpread);
    const someInfos = i8x16.relaxed_swizzle(v128.load(info), infoSpread);
    const starts = v128.shuffle<u32>(before, stops, 3, 4, 5, 6);
    const others = i32x4.add(i32x4.add(someKeys, someInfos), surplus);
    const rounded = i32x4.sub(i32x4.sub(stops, starts), others);
    const thirds = f32x4.mul(f32x4.convert_i32x4_s(rounded), third);
    groups = i32x4.add(groups, i32x4.relaxed_trunc_f32x4_s(thirds));
    keys = i32x4.add(keys, someKeys);
    infos = i32x4.add(infos, someInfos);
    strides = i32x4.add(strides, steps);
    end += endWidth << 2;
    key += keyWidth << 2;
    info += infoWidth << 2;
  }
  let keyTotal = sumOf(keys);
  let infoTotal = sumOf(infos);
  let groupTotal = sumOf(groups);
  let start = <u32>i32x4.extract_lane(stops, 3);
  for (let i = fours; i < to; i++) {
    const stop = endOf(chunk, i);
    const keyExcess = load<u32>(key) & maskOf(keyWidth);
    const infoExcess = load<u32>(info) & maskOf(infoWidth);
    keyTotal += keyExcess;
    infoTotal += infoExcess;
    groupTotal += (stop - start - keyExcess - infoExcess - least + 2) / 3;
    start = stop;
    key += keyWidth;
    info += infoWidth;
  }
  keyTotal += (to - from) * chunk.keyBytesMin;
  infoTotal += (to - from) * chunk.infoBytesMin;
  store<u64>(RESULT, keyTotal);
  store<u64>(RESULT, infoTotal, 8);
  store<u64>(RESULT, start - first - keyTotal - infoTotal, 16);
  store<u64>(RESULT, (<u64>groupTotal) << 2, 24);
}

function sumOf(lanes: v128): u32 {
  const halves = i32x4.add(lanes, v128.shuffle<u32>(lanes, lanes, 2, 3, 0, 1));
  return i32x4.extract_lane(halves, 0) + i32x4.extract_lane(halves, 1);
}
