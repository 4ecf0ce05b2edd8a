// Prints records in one format: only their length, as parts of a text, or as one array. A part is
// what fits the engine's output window; parts follow until all records are printed, so a longer
// text only has more parts. A chunk larger than the input window contains one record, whose data is
// printed separately.
import { concatBytes, noBytes } from "../codec/bytes.ts";
import type { FormatOrder, RecordFormat } from "./formats.ts";
import { checkRange, type EngineMemory } from "./memory.ts";
import type { PageSlot } from "./pageSlots.ts";
import { CHUNK_HEADER_BYTES, type ChunkHeader, resizeRecord } from "./chunk.ts";

/**
 * Parts of a text in order. Each is in the engine's memory, and invalid after the engine's next
 * call.
 */
export type TextParts = Generator<Uint8Array, void, undefined>;

/** Records `from` to `to` (excluded) of a chunk. */
export interface RecordRun {
  chunk: Uint8Array;
  from: number;
  to: number;
  /** The shard and the number of the segment, unless the chunk comes from the shard's tail. */
  uid?: string;
  segment?: number;
}

/** A text in a slot of the engine's memory, where it stays until the slot is released. */
export interface PageText {
  text: Uint8Array;
  slot: PageSlot;
}

/** Where a text is printed. */
interface Window {
  start: number;
  end: number;
}

export class RecordPrinter {
  readonly separator: Uint8Array;
  private readonly memory: EngineMemory;
  private readonly format: RecordFormat;

  constructor(memory: EngineMemory, format: RecordFormat) {
    this.memory = memory;
    this.format = format;
    this.separator = format.separator;
  }

  /** What its format is made from. */
  get order(): FormatOrder {
    return this.format.order;
  }

  /** Exact bytes of what `print` returns. */
  measure(head: Uint8Array, runs: readonly RecordRun[], foot: Uint8Array): number {
    let bytes = head.length + foot.length + this.separator.length * Math.max(runs.length - 1, 0);
    for (const { chunk, from, to } of runs) bytes += this.measureRecords(chunk, from, to);
    return bytes;
  }

  /** Exact bytes of records `from` to `to` of a chunk. */
  measureRecords(chunk: Uint8Array, from: number, to: number): number {
    const header = checkRange(chunk, from, to);
    const { memory, format } = this;
    if (chunk.length > memory.inputBytes) return this.measureLarge(chunk, header);
    const address = format.measuresKeys
      ? memory.loadRecords(chunk, header, from, to)
      : memory.loadHead(chunk, header);
    return format.measure(memory.raw, address, from, to);
  }

  /** The same as `print`, in a slot; undefined if no slot is free, or if it is longer than one. */
  printPage(head: Uint8Array, runs: readonly RecordRun[], foot: Uint8Array): PageText | undefined {
    const slot = this.memory.pageSlots.take();
    if (slot === undefined) return undefined;
    let page: PageText | undefined;
    try {
      const parts = this.printIn(slot, head, runs, foot);
      const { value: text } = parts.next();
      if (text !== undefined && parts.next().done === true) page = { text, slot };
    } finally {
      if (page === undefined) slot.release();
    }
    return page;
  }

  /** Whether a text of this length might fit a slot. */
  fitsPage(textBytes: number): boolean {
    return textBytes <= this.memory.pageSlots.bytes;
  }

  /** Head, the records of all runs with separators between them, and foot. */
  print(head: Uint8Array, runs: readonly RecordRun[], foot: Uint8Array): TextParts {
    const { output, outputEnd } = this.memory;
    return this.printIn({ start: output, end: outputEnd }, head, runs, foot);
  }

  private *printIn(
    { start: output, end: outputEnd }: Window,
    head: Uint8Array,
    runs: readonly RecordRun[],
    foot: Uint8Array,
  ): TextParts {
    const { memory, format } = this;
    const { bytes, words, result } = memory;
    let at = output;
    if (head.length > outputEnd - output) yield head;
    else at = memory.lay(head, at);
    let comma = 0;
    let address = memory.input;
    /** The chunk whose records up to the last range of it lie in the input window. */
    let loaded: Uint8Array | undefined;
    for (const [i, { chunk, from, to }] of runs.entries()) {
      const header = checkRange(chunk, from, to);
      if (chunk.length > memory.inputBytes) {
        if (at > output) yield bytes.subarray(output, at);
        at = output;
        loaded = undefined;
        if (comma === 1) yield this.separator;
        yield* this.printLarge(chunk, header);
        comma = 1;
        continue;
      }
      for (let next = from; next < to;) {
        // Written for each part, because other requests may have used the engine since the last
        // one.
        if (loaded !== chunk) address = memory.loadRecords(chunk, header, next, lastOf(runs, i));
        loaded = chunk;
        const end = format.render(memory.raw, address, next, to, comma, at);
        const stopped = words[result] as number;
        if (stopped > next) {
          [at, next, comma] = [end, stopped, 1];
          continue;
        }
        if (at === output) throw new RangeError("print: a record exceeds the window");
        yield bytes.subarray(output, at);
        at = output;
        loaded = undefined;
      }
    }
    if (foot.length > outputEnd - at) {
      if (at > output) yield bytes.subarray(output, at);
      yield foot;
      return;
    }
    yield bytes.subarray(output, memory.lay(foot, at));
  }

  /** The text of some records in its own array. */
  render(chunk: Uint8Array, from: number, to: number): Uint8Array {
    return collect(this.print(noBytes, [{ chunk, from, to }], noBytes));
  }

  private measureLarge(chunk: Uint8Array, header: ChunkHeader): number {
    const { rest, data } = splitLarge(chunk, header);
    const frame = this.format.frame(this.render(rest, 0, 1), data.length);
    const dataBytes = this.format.isBase64 ? base64Bytes(data.length) : data.length;
    return frame[0].length + dataBytes + frame[1].length;
  }

  private *printLarge(chunk: Uint8Array, header: ChunkHeader): TextParts {
    const { rest, data } = splitLarge(chunk, header);
    const [before, after] = this.format.frame(this.render(rest, 0, 1), data.length);
    yield before;
    if (this.format.isBase64) yield* printBase64(this.memory, data);
    else yield data;
    yield after;
  }
}

/** The end of the last range that follows range `i` in the same chunk. */
function lastOf(runs: readonly RecordRun[], i: number): number {
  const { chunk } = runs[i] as RecordRun;
  let last = i;
  while (runs[last + 1]?.chunk === chunk) last++;
  return (runs[last] as RecordRun).to;
}

/** Base64 with padding. */
export function* printBase64(memory: EngineMemory, data: Uint8Array): TextParts {
  const { raw, bytes, output } = memory;
  const step = memory.inputBytes - (memory.inputBytes % 3);
  for (let done = 0; done < data.length; done += step) {
    const part = data.subarray(done, done + step);
    memory.load(part);
    yield bytes.subarray(output, output + raw.encodeText(part.length));
  }
}

/** All parts of a text in one array. */
export function collect(text: TextParts): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (const part of text) parts.push(new Uint8Array(part));
  return parts.length === 1 ? (parts[0] as Uint8Array<ArrayBuffer>) : concatBytes(parts);
}

/** Characters of `bytes` bytes in base64. */
export function base64Bytes(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/**
 * Splits a chunk of one record into the chunk of the same record without data, unsealed, and its
 * data.
 */
function splitLarge(
  chunk: Uint8Array,
  { count, keyBytesMin, infoBytesMin }: ChunkHeader,
): { rest: Uint8Array; data: Uint8Array } {
  if (count !== 1) throw new RangeError("several records exceed the window");
  const payloadBytes = keyBytesMin + infoBytesMin;
  const rest = chunk.slice(0, CHUNK_HEADER_BYTES + payloadBytes);
  resizeRecord(rest, payloadBytes);
  return { rest, data: chunk.subarray(rest.length) };
}
