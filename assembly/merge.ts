// Makes one chunk from ranges of chunks. Merging takes several whole chunks with consecutive
// indexes; slicing takes a part of one. The result equals the chunk that packing those records at
// once would give: every width and minimum is computed again. The payload is copied once, range by
// range.
import { assertOutput, assertRange } from "./asserts";
import { OUTPUT, TABLE, TABLE_BYTES } from "./layout";
import {
  Chunk,
  chunkAt,
  endOf,
  endsOf,
  infosOf,
  keysOf,
  maskOf,
  ordinalOf,
  payloadOf,
  storeEntry,
  timeDeltaOf,
  timesOf,
  widthOf,
  writeHeader,
} from "./record";

/** A row per range: address of the chunk, first record, record after the last. */
export const RANGE_BYTES: u32 = 12;

/**
 * Merges `rangeCount` rows at `ranges` into OUTPUT; returns the bytes of the chunk. Returns 0 if
 * the ranges span 2^32 ms or more, which the time column cannot hold. Checksums are left 0.
 */
export function mergeRanges(ranges: usize, rangeCount: u32): usize {
  const last = ranges + rangeCount * RANGE_BYTES;
  assertRanges(ranges, last);
  let count: u32 = 0;
  let payloadBytes: u32 = 0;
  let stride: u32 = u32.MAX_VALUE;
  let keyMin: u32 = u32.MAX_VALUE;
  let keyMax: u32 = 0;
  let infoMin: u32 = u32.MAX_VALUE;
  let infoMax: u32 = 0;
  for (let row = ranges; row < last; row += RANGE_BYTES) {
    const chunk = chunkAt(load<u32>(row));
    const from = load<u32>(row, 4);
    const to = load<u32>(row, 8);
    count += to - from;
    payloadBytes += endOf(chunk, to - 1) - endOf(chunk, from - 1);
    stride = min(stride, smallestRecord(chunk, from, to));
    const keys = entryBounds(keysOf(chunk), chunk.keyWidth, from, to);
    keyMin = min(keyMin, <u32>keys + chunk.keyBytesMin);
    keyMax = max(keyMax, <u32>(keys >> 32) + chunk.keyBytesMin);
    const infos = entryBounds(infosOf(chunk), chunk.infoWidth, from, to);
    infoMin = min(infoMin, <u32>infos + chunk.infoBytesMin);
    infoMax = max(infoMax, <u32>(infos >> 32) + chunk.infoBytesMin);
  }

  const firstFrom = load<u32>(ranges, 4);
  const first = chunkAt(load<u32>(ranges));
  const timeMs = first.timeMs + timeDeltaOf(first, firstFrom);
  const lastRow = last - RANGE_BYTES;
  const final = chunkAt(load<u32>(lastRow));
  const span = final.timeMs + timeDeltaOf(final, load<u32>(lastRow, 8) - 1) - timeMs;
  if (span > u32.MAX_VALUE) return 0;

  const timeWidth = widthOf(<u32>span);

  const merged = writeHeader(OUTPUT, count, payloadBytes, stride, keyMin, keyMax, infoMin, infoMax);
  merged.timeWidth = <u8>timeWidth;
  merged.firstIndex = first.firstIndex + firstFrom;
  merged.timeMs = timeMs;
  merged.timeOrdinal = ordinalOf(first, firstFrom);
  if (!ASC_NO_ASSERT) assertOutput(payloadOf(merged), payloadBytes);

  let done: u32 = 0;
  let payloadDone: u32 = 0;
  const payload = payloadOf(merged);
  const keyWidth: u32 = merged.keyWidth;
  const infoWidth: u32 = merged.infoWidth;
  for (let row = ranges; row < last; row += RANGE_BYTES) {
    const chunk = chunkAt(load<u32>(row));
    const from = load<u32>(row, 4);
    const to = load<u32>(row, 8);
    const start = endOf(chunk, from - 1);
    const bytes = endOf(chunk, to - 1) - start;
    copyEnds(chunk, from, to, merged, done, payloadDone - start);
    copyEntries(
      keysOf(chunk) + from * chunk.keyWidth,
      chunk.keyWidth,
      chunk.keyBytesMin - keyMin,
      keysOf(merged) + done * keyWidth,
      keyWidth,
      to - from,
    );
    copyEntries(
      infosOf(chunk) + from * chunk.infoWidth,
      chunk.infoWidth,
      chunk.infoBytesMin - infoMin,
      infosOf(merged) + done * infoWidth,
      infoWidth,
      to - from,
    );
    copyEntries(
      timesOf(chunk) + from * chunk.timeWidth,
      chunk.timeWidth,
      <u32>(chunk.timeMs - timeMs),
      timesOf(merged) + done * timeWidth,
      timeWidth,
      to - from,
    );
    memory.copy(payload + payloadDone, payloadOf(chunk) + start, bytes);
    done += to - from;
    payloadDone += bytes;
  }
  return payload - OUTPUT + payloadBytes;
}

/** Rows in TABLE that name records, with consecutive indexes where they are of several chunks. */
function assertRanges(ranges: usize, last: usize): void {
  if (!ASC_NO_ASSERT) {
    assert(ranges >= TABLE && ranges < last && last <= TABLE + TABLE_BYTES, "rows elsewhere");
    let next: u64 = 0;
    for (let row = ranges; row < last; row += RANGE_BYTES) {
      const chunk = chunkAt(load<u32>(row));
      const from = load<u32>(row, 4);
      const to = load<u32>(row, 8);
      assertRange(chunk, from, to);
      assert(row == ranges || chunk.firstIndex + from == next, "indexes with a gap");
      next = chunk.firstIndex + to;
    }
  }
}

/** Payload bytes of the smallest record of a range. */
function smallestRecord(chunk: Chunk, from: u32, to: u32): u32 {
  const stride = chunk.stride;
  const width: u32 = chunk.endWidth;
  if (width == 0) return stride;
  const mask = maskOf(width);
  const ends = endsOf(chunk);
  let before: u32 = from == 0 ? 0 : load<u32>(ends + (from - 1) * width) & mask;
  let smallest: u32 = u32.MAX_VALUE;
  for (let i = from; i < to; i++) {
    const entry = load<u32>(ends + i * width) & mask;
    smallest = min(smallest, entry - before);
    before = entry;
  }
  return stride + smallest;
}

/** Least (low half) and greatest (high half) entry of a part of a column. */
function entryBounds(column: usize, width: u32, from: u32, to: u32): u64 {
  if (width == 0) return 0;
  const mask = maskOf(width);
  let least: u32 = u32.MAX_VALUE;
  let greatest: u32 = 0;
  for (let i = from; i < to; i++) {
    const entry = load<u32>(column + i * width) & mask;
    least = min(least, entry);
    greatest = max(greatest, entry);
  }
  return ((<u64>greatest) << 32) | least;
}

/** Copies the ends of a range, moved by `shift` payload bytes, to records `done` onward. */
function copyEnds(chunk: Chunk, from: u32, to: u32, merged: Chunk, done: u32, shift: u32): void {
  const targetWidth: u32 = merged.endWidth;
  if (targetWidth == 0) return;
  const width: u32 = chunk.endWidth;
  const mask = maskOf(width);
  let source = endsOf(chunk) + from * width;
  let target = endsOf(merged) + done * targetWidth;
  // end − merged stride × (position + 1), kept up to date by one addition a record
  let base = chunk.stride * (from + 1) + shift - merged.stride * (done + 1);
  const step = chunk.stride - merged.stride;
  for (let i = from; i < to; i++) {
    storeEntry(target, targetWidth, base + (load<u32>(source) & mask));
    source += width;
    target += targetWidth;
    base += step;
  }
}

function copyEntries(
  from: usize,
  fromWidth: u32,
  shift: u32,
  to: usize,
  toWidth: u32,
  count: u32,
): void {
  if (toWidth == 0) return;
  if (fromWidth == toWidth && shift == 0) {
    memory.copy(to, from, count * toWidth);
    return;
  }
  const mask = maskOf(fromWidth);
  for (let i: u32 = 0; i < count; i++) {
    storeEntry(to, toWidth, shift + (load<u32>(from) & mask));
    from += fromWidth;
    to += toWidth;
  }
}
