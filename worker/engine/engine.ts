// The WASM engine with types. Only this file and its parts (memory.ts, printer.ts, packer.ts) use
// the engine's memory. They write bytes into the input window, make one call per batch, and take
// the result. Chunks passed to the engine have been verified (worker/engine/chunk.ts); chunks that
// it returns have their checksums. A chunk larger than the window contains exactly one record.
import { noBytes } from "../codec/bytes.ts";
import type { EngineExports } from "./exports.ts";
import {
  type FormatOrder,
  formatOf,
  kinesisCbor,
  kinesisJson,
  type ShardNumbers,
  v3ioJson,
  yandexCbor,
  yandexJson,
} from "./formats.ts";
import type { HotChunks } from "./hotChunks.ts";
import type { TimeSpan } from "./stretches.ts";
import { checkRange, EngineMemory, recordStart } from "./memory.ts";
import {
  type Lend,
  type PackedBody,
  type PlaceRecord,
  type PutBodyKind,
  type PutText,
  RecordPacker,
  type RoutedChunks,
} from "./packer.ts";
import { RecordPrinter } from "./printer.ts";
import type { RecordBatch } from "./recordBatch.ts";
import { readHeader, writeBodyChecksum, writeHeaderChecksum } from "./chunk.ts";

export type { ShardNumbers } from "./formats.ts";
export type { TimeSpan } from "./stretches.ts";
export type { RecordPrinter } from "./printer.ts";

/** Where a read goes on: see docs/FORMAT.md, Location. */
export interface Location {
  segment: number;
  index: number;
}

export const LOCATION_BYTES = 16;

const U32_MAX = 2 ** 32 - 1;
/**
 * u32 fields of a range to merge: the chunk's address, its first record, the record after its last
 * one.
 */
export const MERGE_ROW = 3;
export const SEQUENCE_DIGITS = 56;
const decoder = new TextDecoder();

export class Engine {
  readonly raw: EngineExports;
  /**
   * A chunk of up to this many bytes may contain many records; a larger one contains exactly one.
   */
  readonly windowBytes: number;
  /** Payload bytes that several records packed together may have. */
  readonly packBytesMax: number;
  private readonly memory: EngineMemory;
  private readonly packer: RecordPacker;

  /**
   * The release build imports nothing; the debug build imports the function that a failed assert
   * calls. With `hotBytes` the engine has room for chunks that it reads where they are.
   */
  constructor(module: WebAssembly.Module, imports: WebAssembly.Imports = {}, hotBytes = 0) {
    const raw = new WebAssembly.Instance(module, imports).exports as unknown as EngineExports;
    this.raw = raw;
    this.memory = new EngineMemory(raw, hotBytes);
    this.packer = new RecordPacker(this.memory);
    this.windowBytes = this.memory.inputBytes;
    this.packBytesMax = this.packer.bytesMax;
  }

  /** Room for chunks in the engine's memory, if it was asked for. */
  get hotChunks(): HotChunks | undefined {
    return this.memory.hotChunks;
  }

  /** Undefined if the body is longer than the window, or needs the general reader. */
  readPutBody(body: Uint8Array, kind: PutBodyKind): PutText | undefined {
    return this.packer.readBody(body, kind);
  }

  /** Reads a body that came in parts and packs its records into one unstamped chunk: see RecordPacker. */
  packBody(
    parts: readonly Uint8Array[],
    kind: PutBodyKind,
    lend: Lend = (bytes) => new Uint8Array(bytes),
  ): PackedBody | undefined {
    return this.packer.packBody(parts, kind, lend);
  }

  /** Packs records into an unstamped chunk. More than one record must fit the window together. */
  pack(records: RecordBatch): Uint8Array {
    return this.packer.pack(records);
  }

  /** Packs records into a chunk for each route that gets records: see RecordPacker. */
  packRouted(records: RecordBatch, starts: Uint32Array, place: PlaceRecord): RoutedChunks {
    return this.packer.packRouted(records, starts, place);
  }

  /** Joins stamped chunks with consecutive indexes into one; together they must fit the window. */
  merge(chunks: readonly Uint8Array[]): Uint8Array {
    const { bytes, words, input, table } = this.memory;
    const limit = input + this.windowBytes;
    if (chunks.length * MERGE_ROW * 4 > this.raw.TABLE_BYTES.value) {
      throw new RangeError(`merge: ${chunks.length} chunks are too many at once`);
    }
    let at = input;
    let row = table;
    for (const chunk of chunks) {
      if (at + chunk.length > limit) throw new RangeError("merge: chunks exceed the window");
      bytes.set(chunk, at);
      words[row] = at;
      words[row + 1] = 0;
      words[row + 2] = readHeader(chunk).count;
      row += MERGE_ROW;
      at += chunk.length;
    }
    return this.takeMerged(chunks.length);
  }

  /**
   * A chunk of only the records `from` to `to` (excluded); the same bytes if these are all records.
   */
  slice(chunk: Uint8Array, from: number, to: number): Uint8Array {
    const header = checkRange(chunk, from, to);
    if (from === 0 && to === header.count) return chunk;
    const { words, table } = this.memory;
    words[table] = this.memory.loadRecords(chunk, header, from, to);
    words[table + 1] = from;
    words[table + 2] = to;
    return this.takeMerged(1);
  }

  /** First record at or after (`timeMs`, `ordinal`), or the count. */
  findTime(chunk: Uint8Array, timeMs: number, ordinal: number): number {
    if (timeMs < 0) return 0;
    const address = this.memory.loadTimes(chunk, readHeader(chunk));
    return this.raw.findTime(address, BigInt(timeMs), ordinal);
  }

  /** Record after the last of the longest run from `from` within both bounds; at least from + 1. */
  fit(chunk: Uint8Array, from: number, countMax: number, payloadBytesMax: number): number {
    const address = this.memory.loadEnds(chunk, checkRange(chunk, from, from + 1));
    const count = Math.min(countMax, U32_MAX);
    const bytes = Math.min(payloadBytesMax, U32_MAX);
    return this.raw.fitRecords(address, from, count, bytes);
  }

  /**
   * Records as GetRecords of Kinesis prints them in JSON; those that arrived in `encrypted` are
   * printed with their encryption type.
   */
  kinesisJson(shard: ShardNumbers, encrypted: readonly TimeSpan[] = []): RecordPrinter {
    return new RecordPrinter(this.memory, kinesisJson(shard, encrypted));
  }

  /** The same in CBOR. */
  kinesisCbor(shard: ShardNumbers, encrypted: readonly TimeSpan[] = []): RecordPrinter {
    return new RecordPrinter(this.memory, kinesisCbor(shard, encrypted));
  }

  /** Records as GetRecords of v3io prints them. */
  v3ioJson(): RecordPrinter {
    return new RecordPrinter(this.memory, v3ioJson);
  }

  /** Records as GetRecords of Yandex prints them in JSON. */
  yandexJson(): RecordPrinter {
    return new RecordPrinter(this.memory, yandexJson);
  }

  /** Records as GetRecords of Yandex prints them in CBOR. */
  yandexCbor(): RecordPrinter {
    return new RecordPrinter(this.memory, yandexCbor);
  }

  /** The printer of a format that another process has chosen. */
  printer(order: FormatOrder): RecordPrinter {
    return new RecordPrinter(this.memory, formatOf(order));
  }

  /** Kinesis sequence numbers of records that arrived together, from `index` on. */
  sequenceNumbers(shard: ShardNumbers, index: number, count: number, arrivalMs: number): string[] {
    const text = this.printNumbers(shard, index, count, arrivalMs, noBytes, noBytes);
    const digits = decoder.decode(text);
    return Array.from({ length: count }, (_, i) =>
      digits.slice(i * SEQUENCE_DIGITS, (i + 1) * SEQUENCE_DIGITS),
    );
  }

  /**
   * The same numbers one after the other, each between two texts; the returned bytes are in the
   * engine's memory.
   */
  printNumbers(
    shard: ShardNumbers,
    index: number,
    count: number,
    arrivalMs: number,
    before: Uint8Array,
    after: Uint8Array,
  ): Uint8Array {
    const { raw, bytes, output, outputEnd } = this.memory;
    const offset = before.length;
    const length = offset + SEQUENCE_DIGITS + after.length;
    if (count < 1 || count * length > outputEnd - output) {
      throw new RangeError(`printNumbers: ${count} texts of ${length} bytes`);
    }
    bytes.set(before, output);
    bytes.set(after, output + offset + SEQUENCE_DIGITS);
    const createdSecond = Math.floor(shard.createdMs / 1000);
    const arrivalSecond = Math.floor(arrivalMs / 1000);
    const earliest = shard.createdAhead === true ? createdSecond + 1 : 0;
    const second = Math.max(arrivalSecond, earliest);
    raw.printSequences(count, length, offset, createdSecond, shard.index, index, second);
    return bytes.subarray(output, output + count * length);
  }

  encodeLocation(location: Location): Uint8Array {
    const { bytes, output } = this.memory;
    this.raw.encodeLocation(location.segment, location.index);
    return bytes.slice(output, output + LOCATION_BYTES);
  }

  /** Undefined if the bytes are not a location. */
  decodeLocation(location: Uint8Array): Location | undefined {
    if (location.length !== LOCATION_BYTES) return undefined;
    const { doubles, result } = this.memory;
    if (this.raw.decodeLocation(this.memory.load(location)) === 0) return undefined;
    const at = result >>> 1;
    return { segment: doubles[at] as number, index: doubles[at + 1] as number };
  }

  /** Payload bytes of records `from` to `to`. */
  payloadBytes(chunk: Uint8Array, from: number, to: number): number {
    const header = checkRange(chunk, from, to);
    return recordStart(chunk, header, to) - recordStart(chunk, header, from);
  }

  private takeMerged(ranges: number): Uint8Array {
    const { bytes, output } = this.memory;
    const length = this.raw.mergeRanges(this.raw.TABLE.value, ranges);
    if (length > this.windowBytes) throw new RangeError("merge: the result exceeds the window");
    if (length === 0) throw new RangeError("merge: arrival times are 2^32 ms apart or more");
    const chunk = bytes.slice(output, output + length);
    writeBodyChecksum(chunk);
    writeHeaderChecksum(chunk);
    return chunk;
  }
}
