// The engine's memory: the views of its windows, and functions that write chunks into them, whole
// or only the parts that an operation reads. Nothing here is kept after a call, except the
// texts in slots for pages: the code that writes a chunk calls the engine next and takes the result at once.
// A chunk that lies behind the windows (hotChunks.ts) is not written: it is read where it is.
import type { EngineExports } from "./exports.ts";
import { CHUNK_HEADER_BYTES, type ChunkHeader, readHeader } from "./chunk.ts";
import { HotChunks } from "./hotChunks.ts";
import { PageSlots } from "./pageSlots.ts";

const wasmPageBytes = 65_536;

export class EngineMemory {
  readonly raw: EngineExports;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly doubles: Float64Array;
  readonly input: number;
  /**
   * A chunk of up to this many bytes may contain many records; a larger one contains exactly one.
   */
  readonly inputBytes: number;
  readonly output: number;
  readonly outputEnd: number;
  readonly pageSlots: PageSlots;
  /** Room behind the windows, if the engine was given any. */
  readonly hotChunks: HotChunks | undefined;
  /** Index of the first row in `words`. */
  readonly table: number;
  /** Index of the first further result in `words`; in `doubles`, half of it. */
  readonly result: number;

  private readonly hotStart: number;

  /** `hotBytes` are added to the memory for hotChunks, and some more for longer pages. */
  constructor(raw: EngineExports, hotBytes: number) {
    this.raw = raw;
    const hasHot = hotBytes > 0;
    this.hotStart = raw.HOT.value + raw.PAGES_COUNT.value * raw.HOT_PAGE_STRIDE.value;
    if (hasHot) {
      const bytes = this.hotStart + hotBytes - raw.memory.buffer.byteLength;
      raw.memory.grow(Math.ceil(bytes / wasmPageBytes));
    }
    this.bytes = new Uint8Array(raw.memory.buffer);
    this.words = new Uint32Array(raw.memory.buffer);
    this.doubles = new Float64Array(raw.memory.buffer);
    this.input = raw.INPUT.value;
    this.inputBytes = raw.INPUT_BYTES.value;
    this.output = raw.OUTPUT.value;
    this.outputEnd = this.output + raw.OUTPUT_BYTES.value;
    const count = raw.PAGES_COUNT.value;
    const { PAGES, PAGE_BYTES, PAGE_STRIDE, HOT, HOT_PAGE_BYTES, HOT_PAGE_STRIDE } = raw;
    this.pageSlots = hasHot
      ? new PageSlots(HOT.value, count, HOT_PAGE_BYTES.value, HOT_PAGE_STRIDE.value, "latest")
      : new PageSlots(PAGES.value, count, PAGE_BYTES.value, PAGE_STRIDE.value, "longest free");
    this.hotChunks = hasHot ? new HotChunks(this.bytes, this.hotStart) : undefined;
    this.table = raw.TABLE.value >>> 2;
    this.result = raw.RESULT.value >>> 2;
  }

  /** Writes bytes into the input window; returns their address for the raw exports. */
  load(chunk: Uint8Array): number {
    if (chunk.length > this.inputBytes) {
      throw new RangeError(`chunk of ${chunk.length} bytes exceeds the window`);
    }
    this.bytes.set(chunk, this.input);
    return this.input;
  }

  /** Writes bytes where the engine prints; returns the address after them. */
  lay(text: Uint8Array, at: number): number {
    this.bytes.set(text, at);
    return at + text.length;
  }

  /**
   * Writes the parts of header, columns and payload that records `from` to `to` need, each in its
   * place.
   */
  loadRecords(chunk: Uint8Array, header: ChunkHeader, from: number, to: number): number {
    if (this.isHot(chunk)) return chunk.byteOffset;
    if (from === 0 && to === header.count) return this.load(chunk);
    const start = recordStart(chunk, header, from);
    const end = recordStart(chunk, header, to);
    if (end > this.inputBytes) throw new RangeError("several records exceed the window");
    this.bytes.set(chunk.subarray(start, end), this.input + start);
    const { count, endWidth, keyWidth, infoWidth, timeWidth } = header;
    const keys = CHUNK_HEADER_BYTES + count * endWidth;
    const infos = keys + count * keyWidth;
    const times = infos + count * infoWidth;
    // A record starts at the end of the one before. Ordinals need a search through all times.
    this.loadEntries(chunk, CHUNK_HEADER_BYTES, endWidth, Math.max(from - 1, 0), to);
    this.loadEntries(chunk, keys, keyWidth, from, to);
    this.loadEntries(chunk, infos, infoWidth, from, to);
    this.loadEntries(chunk, times, timeWidth, 0, count);
    return this.load(chunk.subarray(0, CHUNK_HEADER_BYTES));
  }

  /** Writes header and columns only. */
  loadHead(chunk: Uint8Array, header: ChunkHeader): number {
    if (this.isHot(chunk)) return chunk.byteOffset;
    return this.load(chunk.subarray(0, header.bytes - header.payloadBytes));
  }

  /** Writes header and ends only. */
  loadEnds(chunk: Uint8Array, { count, endWidth }: ChunkHeader): number {
    if (this.isHot(chunk)) return chunk.byteOffset;
    return this.load(chunk.subarray(0, CHUNK_HEADER_BYTES + count * endWidth));
  }

  /** Writes header and times only, each in its place. */
  loadTimes(chunk: Uint8Array, { bytes, payloadBytes, count, timeWidth }: ChunkHeader): number {
    if (this.isHot(chunk)) return chunk.byteOffset;
    const end = bytes - payloadBytes;
    const start = end - count * timeWidth;
    if (end > this.inputBytes) throw new RangeError("several records exceed the window");
    this.bytes.set(chunk.subarray(start, end), this.input + start);
    return this.load(chunk.subarray(0, CHUNK_HEADER_BYTES));
  }

  private isHot({ buffer, byteOffset }: Uint8Array): boolean {
    return buffer === this.bytes.buffer && byteOffset >= this.hotStart;
  }

  private loadEntries(
    chunk: Uint8Array,
    column: number,
    width: number,
    from: number,
    to: number,
  ): void {
    if (width === 0) return;
    const start = column + from * width;
    this.bytes.set(chunk.subarray(start, column + to * width), this.input + start);
  }
}

/** The start of record `i` in the chunk; for the count, the end of the chunk. */
export function recordStart(chunk: Uint8Array, header: ChunkHeader, i: number): number {
  const payload = header.bytes - header.payloadBytes;
  if (i === 0) return payload;
  const { endWidth } = header;
  const entry = entryAt(chunk, CHUNK_HEADER_BYTES + (i - 1) * endWidth, endWidth);
  return payload + header.stride * i + entry;
}

/** The key of record `i`; empty if it has none. */
export function recordKey(chunk: Uint8Array, header: ChunkHeader, i: number): Uint8Array {
  const start = recordStart(chunk, header, i);
  return chunk.subarray(start, start + keyBytesOf(chunk, header, i));
}

/** Bytes of the key of record `i`, with which the record begins. */
export function keyBytesOf(
  chunk: Uint8Array,
  { count, endWidth, keyWidth, keyBytesMin }: ChunkHeader,
  i: number,
): number {
  const keys = CHUNK_HEADER_BYTES + count * endWidth;
  return keyBytesMin + entryAt(chunk, keys + i * keyWidth, keyWidth);
}

/** The data of record `i`. */
export function recordData(chunk: Uint8Array, i: number): Uint8Array {
  const header = checkRange(chunk, i, i + 1);
  const { count, endWidth, keyWidth, infoWidth, keyBytesMin, infoBytesMin } = header;
  const keys = CHUNK_HEADER_BYTES + count * endWidth;
  const infos = keys + count * keyWidth;
  const key = keyBytesMin + entryAt(chunk, keys + i * keyWidth, keyWidth);
  const info = infoBytesMin + entryAt(chunk, infos + i * infoWidth, infoWidth);
  const start = recordStart(chunk, header, i) + key + info;
  return chunk.subarray(start, recordStart(chunk, header, i + 1));
}

/** An entry of a column. */
function entryAt(chunk: Uint8Array, at: number, width: number): number {
  let entry = 0;
  for (let byte = width - 1; byte >= 0; byte--) entry = entry * 256 + (chunk[at + byte] ?? 0);
  return entry;
}

/** The header of a chunk; throws unless it has records `from` to `to`. */
export function checkRange(chunk: Uint8Array, from: number, to: number): ChunkHeader {
  const header = readHeader(chunk);
  if (!(from >= 0 && from < to && to <= header.count)) {
    throw new RangeError(`records ${from} to ${to} of a chunk of ${header.count}`);
  }
  return header;
}
