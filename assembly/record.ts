// The layout of a chunk: the header's fields and the four metadata columns in front of the payload.
// docs/FORMAT.md draws the layout and decides. An entry of w bytes is read with one 32-bit load and
// a mask, so that every width costs the same. The load may reach 4 bytes past a column; there is
// payload or slack.

export const MAGIC: u32 = 0x43524c4d;
/** A chunk on its way, and one that is bound to the shard that stores it: see docs/FORMAT.md. */
export const VERSION: u8 = 1;
export const VERSION_BOUND: u8 = 2;
export const HEADER_BYTES: usize = 56;

/** The header, as a view over memory: `changetype<Chunk>(address)`. */
@unmanaged
export class Chunk {
  magic: u32;
  version: u8;
  endWidth: u8;
  keyWidth: u8;
  infoWidth: u8;
  timeWidth: u8;
  zero0: u8;
  zero1: u16;
  count: u32;
  firstIndex: u64;
  timeMs: u64;
  timeOrdinal: u32;
  stride: u32;
  keyBytesMin: u16;
  infoBytesMin: u8;
  zero2: u8;
  payloadBytes: u32;
  bodyCrc: u32;
  headerCrc: u32;
}

// Where the header has what JavaScript reads and writes by itself (worker/engine/chunk.ts).
export const COUNT_AT: usize = offsetof<Chunk>("count");
export const FIRST_INDEX_AT: usize = offsetof<Chunk>("firstIndex");
export const TIME_AT: usize = offsetof<Chunk>("timeMs");
export const ORDINAL_AT: usize = offsetof<Chunk>("timeOrdinal");
export const STRIDE_AT: usize = offsetof<Chunk>("stride");
export const PAYLOAD_BYTES_AT: usize = offsetof<Chunk>("payloadBytes");
export const BODY_CRC_AT: usize = offsetof<Chunk>("bodyCrc");
export const HEADER_CRC_AT: usize = offsetof<Chunk>("headerCrc");

export function chunkAt(address: usize): Chunk {
  return changetype<Chunk>(address);
}

/** A mask of the low `width` bytes; 0 for width 0. */
export function maskOf(width: u32): u32 {
  assert(width <= 4, "an entry too wide");
  return width == 4 ? 0xffffffff : (1 << (width << 3)) - 1;
}

/** The smallest number of bytes that holds `value`. */
export function widthOf(value: u32): u32 {
  return value == 0 ? 0 : (39 - clz(value)) >> 3;
}

export function endsOf(chunk: Chunk): usize {
  return changetype<usize>(chunk) + HEADER_BYTES;
}

export function keysOf(chunk: Chunk): usize {
  return endsOf(chunk) + chunk.count * chunk.endWidth;
}

export function infosOf(chunk: Chunk): usize {
  return keysOf(chunk) + chunk.count * chunk.keyWidth;
}

export function timesOf(chunk: Chunk): usize {
  return infosOf(chunk) + chunk.count * chunk.infoWidth;
}

export function payloadOf(chunk: Chunk): usize {
  return timesOf(chunk) + chunk.count * chunk.timeWidth;
}

/** Bytes of the whole chunk. */
export function bytesOf(chunk: Chunk): usize {
  return payloadOf(chunk) - changetype<usize>(chunk) + chunk.payloadBytes;
}

/**
 * Writes the header of records but for their index and their times: these and the checksums are 0.
 * The greatest lengths decide the widths of the columns, which begin directly after the header.
 */
export function writeHeader(
  address: usize,
  count: u32,
  payloadBytes: u32,
  stride: u32,
  keyMin: u32,
  keyMax: u32,
  infoMin: u32,
  infoMax: u32,
): Chunk {
  assert(count > 0, "a chunk without records");
  assert(keyMin <= keyMax && keyMax <= <u32>u16.MAX_VALUE, "a key too long");
  assert(infoMin <= infoMax && infoMax <= <u32>u8.MAX_VALUE, "client info too long");
  assert(<u64>stride * count <= payloadBytes, "a stride too long");
  memory.fill(address, 0, HEADER_BYTES);
  const chunk = chunkAt(address);
  chunk.magic = MAGIC;
  chunk.version = VERSION;
  chunk.endWidth = <u8>widthOf(payloadBytes - stride * count);
  chunk.keyWidth = <u8>widthOf(keyMax - keyMin);
  chunk.infoWidth = <u8>widthOf(infoMax - infoMin);
  chunk.count = count;
  chunk.stride = stride;
  chunk.keyBytesMin = <u16>keyMin;
  chunk.infoBytesMin = <u8>infoMin;
  chunk.payloadBytes = payloadBytes;
  return chunk;
}

/** Where record `i` ends in the payload; `endOf(chunk, -1)` is 0. */
export function endOf(chunk: Chunk, i: i32): u32 {
  if (i < 0) return 0;
  if (!ASC_NO_ASSERT) assert(<u32>i < chunk.count, "a record outside of the chunk");
  const width: u32 = chunk.endWidth;
  const entry = load<u32>(endsOf(chunk) + i * width) & maskOf(width);
  return chunk.stride * (i + 1) + entry;
}

/** Milliseconds between record `i` and the chunk's first record. */
export function timeDeltaOf(chunk: Chunk, i: u32): u32 {
  if (!ASC_NO_ASSERT) assert(i < chunk.count, "a record outside of the chunk");
  const width: u32 = chunk.timeWidth;
  return load<u32>(timesOf(chunk) + i * width) & maskOf(width);
}

/** First record of the chunk that arrived `delta` ms or more after its first record, or count. */
export function firstAtDelta(chunk: Chunk, delta: u64): u32 {
  let low: u32 = 0;
  let high: u32 = chunk.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (<u64>timeDeltaOf(chunk, middle) < delta) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Position of record `i` among the shard's records of the same millisecond. */
export function ordinalOf(chunk: Chunk, i: u32): u32 {
  const delta = timeDeltaOf(chunk, i);
  if (delta == 0) return chunk.timeOrdinal + i;
  return i - firstAtDelta(chunk, delta);
}

/**
 * Writes an entry of `width` bytes. It may overwrite bytes after the entry, so entries are written
 * in order and the payload last.
 */
export function storeEntry(address: usize, width: u32, value: u32): void {
  assert(widthOf(value) <= width, "an entry too large for its column");
  if (width == 0) return;
  if (width == 1) store<u8>(address, <u8>value);
  else if (width == 2) store<u16>(address, <u16>value);
  else if (width == 3) {
    store<u16>(address, <u16>value);
    store<u8>(address, <u8>(value >> 16), 2);
  } else store<u32>(address, value);
}
