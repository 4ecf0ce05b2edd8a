// Prints records in one format: measured, in parts, as one array, or as a page between its head and its
// foot. A text leaves the engine window by window; a page that fits the output window is put together
// there and handed out as it lies. A chunk larger than the input window holds one record, whose data
// goes around the engine's record printing.
import { concatBytes } from "./bytes.ts";
import type { RecordFormat } from "./engineFormats.ts";
import { checkRange, type EngineMemory } from "./engineMemory.ts";
import { CHUNK_HEADER_BYTES, type ChunkHeader } from "./stream/chunk.ts";

/** Takes a part of a text; the bytes are the engine's and are gone after the call. */
export type Sink = (part: Uint8Array) => void;

/** Records `from` to `to` (excluded) of a chunk. */
export interface RecordRange {
  chunk: Uint8Array;
  from: number;
  to: number;
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

  /** Exact bytes of what `print` gives. */
  measure(chunk: Uint8Array, from: number, to: number): number {
    const header = checkRange(chunk, from, to);
    const { memory, format } = this;
    if (chunk.length > memory.inputBytes) return this.measureLarge(chunk, header);
    const address = format.measuresKeys
      ? memory.loadRecords(chunk, header, from, to)
      : memory.loadHead(chunk, header);
    return format.measure(memory.raw, address, from, to);
  }

  /** Prints records with separators between them, a window at a time. */
  print(chunk: Uint8Array, from: number, to: number, sink: Sink): void {
    const header = checkRange(chunk, from, to);
    const { memory, format } = this;
    const { bytes, output, words, result } = memory;
    if (chunk.length > memory.inputBytes) {
      this.printLarge(chunk, header, sink);
      return;
    }
    const address = memory.loadRecords(chunk, header, from, to);
    for (let next = from; next < to;) {
      const end = format.render(memory.raw, address, next, to, next === from ? 0 : 1, output);
      const stopped = words[result] as number;
      if (stopped === next) throw new RangeError("render: a record exceeds the output window");
      sink(bytes.subarray(output, end));
      next = stopped;
    }
  }

  /** The text in one array of its own. */
  render(chunk: Uint8Array, from: number, to: number): Uint8Array {
    return collect((sink) => this.print(chunk, from, to, sink));
  }

  /**
   * Head, the records of all ranges with separators between them, and foot, as they lie in the
   * engine's memory: the bytes are good until the engine's next call. Undefined when they do not fit
   * its output window together.
   */
  printPage(
    head: Uint8Array,
    ranges: readonly RecordRange[],
    foot: Uint8Array,
  ): Uint8Array | undefined {
    const { memory, format } = this;
    const { bytes, output, outputEnd, words, result } = memory;
    if (head.length + foot.length > outputEnd - output) return undefined;
    let at = output + head.length;
    let comma = 0;
    for (const { chunk, from, to } of ranges) {
      const header = checkRange(chunk, from, to);
      if (chunk.length > memory.inputBytes) return undefined;
      const address = memory.loadRecords(chunk, header, from, to);
      at = format.render(memory.raw, address, from, to, comma, at);
      if (words[result] !== to) return undefined;
      comma = 1;
    }
    const end = at + foot.length;
    if (end > outputEnd) return undefined;
    bytes.set(head, output);
    bytes.set(foot, at);
    return bytes.subarray(output, end);
  }

  private measureLarge(chunk: Uint8Array, header: ChunkHeader): number {
    const { rest, data } = splitLarge(chunk, header);
    const frame = this.format.frame(this.render(rest, 0, 1), data.length);
    const dataBytes = this.format.isBase64 ? base64Bytes(data.length) : data.length;
    return frame[0].length + dataBytes + frame[1].length;
  }

  private printLarge(chunk: Uint8Array, header: ChunkHeader, sink: Sink): void {
    const { rest, data } = splitLarge(chunk, header);
    const [before, after] = this.format.frame(this.render(rest, 0, 1), data.length);
    sink(before);
    if (this.format.isBase64) printBase64(this.memory, data, sink);
    else sink(data);
    sink(after);
  }
}

/** Base64 with padding, a window at a time. */
export function printBase64(memory: EngineMemory, data: Uint8Array, sink: Sink): void {
  const { raw, bytes, output } = memory;
  const step = memory.inputBytes - (memory.inputBytes % 3);
  for (let done = 0; done < data.length; done += step) {
    const part = data.subarray(done, done + step);
    memory.load(part);
    sink(bytes.subarray(output, output + raw.encodeText(part.length)));
  }
}

/** All parts of a text in one array. */
export function collect(print: (sink: Sink) => void): Uint8Array {
  const parts: Uint8Array[] = [];
  print((part) => parts.push(part.slice()));
  return parts.length === 1 ? (parts[0] as Uint8Array) : concatBytes(parts);
}

/** Characters of `bytes` bytes in base64. */
export function base64Bytes(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** A chunk of one record as the chunk of the same record without data, unsealed, and its data. */
function splitLarge(
  chunk: Uint8Array,
  { count, keyBytesMin, infoBytesMin }: ChunkHeader,
): { rest: Uint8Array; data: Uint8Array } {
  if (count !== 1) throw new RangeError("several records exceed the window");
  const payloadBytes = keyBytesMin + infoBytesMin;
  const rest = chunk.slice(0, CHUNK_HEADER_BYTES + payloadBytes);
  const view = new DataView(rest.buffer);
  view.setUint32(36, payloadBytes, true);
  view.setUint32(44, payloadBytes, true);
  return { rest, data: chunk.subarray(rest.length) };
}
