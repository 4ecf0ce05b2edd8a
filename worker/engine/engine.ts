// The WASM engine, typed. This file and its parts (memory.ts, printer.ts, packer.ts) alone touch the
// engine's memory: they lay bytes into the input window, make one call per batch, and take the result
// out. Chunks that come in have been verified (worker/engine/chunk.ts); chunks that go out carry
// their checksums. A chunk larger than the window holds exactly one record.
import { noBytes } from "../codec/bytes.ts";
import type { EngineExports } from "./exports.ts";
import {
  kinesisCbor,
  kinesisJson,
  type ShardNumbers,
  v3ioJson,
  yandexCbor,
  yandexJson,
} from "./formats.ts";
import type { TimeSpan } from "./stretches.ts";
import { checkRange, EngineMemory, recordStart } from "./memory.ts";
import {
  type PlaceRecord,
  type PutBodyKind,
  type PutText,
  RecordPacker,
  type RoutedChunks,
} from "./packer.ts";
import { collect, printBase64, RecordPrinter } from "./printer.ts";
import { HASH_BYTES, type RecordBatch } from "./recordBatch.ts";
import { readHeader, sealBody, sealHeader } from "./chunk.ts";

export type { ShardNumbers } from "./formats.ts";
export type { TimeSpan } from "./stretches.ts";
export type { RecordPrinter } from "./printer.ts";

export interface Location {
  segment: number;
  index: number;
}

/** Totals over a run of records. */
export interface ScanTotals {
  keyBytes: number;
  infoBytes: number;
  dataBytes: number;
  /** Data bytes once encoded, record by record. */
  base64Bytes: number;
}

/** u32 fields of a walked record: start in the chunk, key, info and data bytes, ms after the first. */
export const WALK_FIELDS = 5;
export const LOCATION_BYTES = 16;

const U32_MAX = 2 ** 32 - 1;
/** u32 fields of a range to be merged: the chunk's address, its first record, the one after its last. */
export const MERGE_ROW = 3;
export const SEQUENCE_DIGITS = 56;
const decoder = new TextDecoder();
/** Sequence numbers are equally long in all shards. */
const ANY_SHARD: ShardNumbers = { createdMs: 0, index: 0 };

export class Engine {
  readonly raw: EngineExports;
  /** A chunk of up to this many bytes may hold many records; a larger one holds exactly one. */
  readonly windowBytes: number;
  /** Payload bytes that several records packed together may have. */
  readonly packBytesMax: number;
  private readonly memory: EngineMemory;
  private readonly packer: RecordPacker;
  private readonly walkRecordsMax: number;

  /** The release build imports nothing; the debug build wants to be told whom to tell of a failed assert. */
  constructor(module: WebAssembly.Module, imports: WebAssembly.Imports = {}) {
    const raw = new WebAssembly.Instance(module, imports).exports as unknown as EngineExports;
    this.raw = raw;
    this.memory = new EngineMemory(raw);
    this.packer = new RecordPacker(this.memory);
    this.walkRecordsMax = raw.WALK_RECORDS_MAX.value;
    this.windowBytes = this.memory.inputBytes;
    this.packBytesMax = this.packer.bytesMax;
  }

  /** Undefined when the body is longer than the window, or of a kind that needs a general reader. */
  readPutBody(body: Uint8Array, kind: PutBodyKind): PutText | undefined {
    return this.packer.readBody(body, kind);
  }

  /** Packs records into an unstamped chunk. More than one record must fit the window together. */
  pack(records: RecordBatch): Uint8Array {
    return this.packer.pack(records);
  }

  /** Packs records into a chunk for each of the routes that get some: see RecordPacker. */
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

  /** The chunk of records `from` to `to` (excluded) alone; the same bytes when that is all. */
  slice(chunk: Uint8Array, from: number, to: number): Uint8Array {
    const header = checkRange(chunk, from, to);
    if (from === 0 && to === header.count) return chunk;
    const { words, table } = this.memory;
    words[table] = this.memory.loadRecords(chunk, header, from, to);
    words[table + 1] = from;
    words[table + 2] = to;
    return this.takeMerged(1);
  }

  /** Rows of WALK_FIELDS u32 for records `from` to `to`; see WALK_FIELDS. */
  walk(chunk: Uint8Array, from: number, to: number): Uint32Array {
    const { words, table } = this.memory;
    const address = this.memory.loadHead(chunk, checkRange(chunk, from, to));
    const rows = new Uint32Array((to - from) * WALK_FIELDS);
    for (let done = from; done < to;) {
      const stop = Math.min(to, done + this.walkRecordsMax);
      this.raw.walkRecords(address, done, stop);
      const walked = words.subarray(table, table + (stop - done) * WALK_FIELDS);
      rows.set(walked, (done - from) * WALK_FIELDS);
      done = stop;
    }
    return rows;
  }

  /** Totals over records `from` to `to`. */
  scan(chunk: Uint8Array, from: number, to: number): ScanTotals {
    const { words, result } = this.memory;
    this.raw.scanRecords(this.memory.loadHead(chunk, checkRange(chunk, from, to)), from, to);
    const total = (i: number): number =>
      (words[result + i * 2] as number) + (words[result + i * 2 + 1] as number) * 2 ** 32;
    return {
      keyBytes: total(0),
      infoBytes: total(1),
      dataBytes: total(2),
      base64Bytes: total(3),
    };
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

  /** Records as GetRecords of Kinesis prints them in JSON; those that arrived in `encrypted` say so. */
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

  /** Exact bytes of `renderKinesisJson`. */
  measureKinesisJson(chunk: Uint8Array, from: number, to: number): number {
    return this.kinesisJson(ANY_SHARD).measureRecords(chunk, from, to);
  }

  renderKinesisJson(chunk: Uint8Array, from: number, to: number, shard: ShardNumbers): Uint8Array {
    return this.kinesisJson(shard).render(chunk, from, to);
  }

  /** Exact bytes of `renderKinesisCbor`. */
  measureKinesisCbor(chunk: Uint8Array, from: number, to: number): number {
    return this.kinesisCbor(ANY_SHARD).measureRecords(chunk, from, to);
  }

  renderKinesisCbor(chunk: Uint8Array, from: number, to: number, shard: ShardNumbers): Uint8Array {
    return this.kinesisCbor(shard).render(chunk, from, to);
  }

  /** Exact bytes of `renderV3ioJson`. */
  measureV3ioJson(chunk: Uint8Array, from: number, to: number): number {
    return this.v3ioJson().measureRecords(chunk, from, to);
  }

  renderV3ioJson(chunk: Uint8Array, from: number, to: number): Uint8Array {
    return this.v3ioJson().render(chunk, from, to);
  }

  /** MD5 of each key, HASH_BYTES apart. */
  hashKeys(keys: readonly Uint8Array[]): Uint8Array {
    const { bytes, words, input, output, table } = this.memory;
    const hashes = new Uint8Array(keys.length * HASH_BYTES);
    const limit = input + this.windowBytes;
    const rowsMax = this.raw.TABLE_BYTES.value >>> 2;
    for (let done = 0; done < keys.length;) {
      let at = input;
      let count = 0;
      for (; done + count < keys.length && count < rowsMax; count++) {
        const key = keys[done + count] as Uint8Array;
        if (at + key.length > limit) break;
        bytes.set(key, at);
        words[table + count] = key.length;
        at += key.length;
      }
      if (count === 0) throw new RangeError("hashKeys: a key exceeds the window");
      this.raw.hashKeys(count);
      const made = bytes.subarray(output, output + count * HASH_BYTES);
      hashes.set(made, done * HASH_BYTES);
      done += count;
    }
    return hashes;
  }

  /** Kinesis sequence numbers of records that arrived together, from `index` on. */
  sequenceNumbers(shard: ShardNumbers, index: number, count: number, arrivalMs: number): string[] {
    const text = this.printNumbers(shard, index, count, arrivalMs, noBytes, noBytes);
    const digits = decoder.decode(text);
    return Array.from({ length: count }, (_, i) =>
      digits.slice(i * SEQUENCE_DIGITS, (i + 1) * SEQUENCE_DIGITS),
    );
  }

  /** The same numbers one after the other, each between two texts; the bytes are the engine's. */
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

  /** Base64 with padding, as ASCII bytes. */
  encodeBase64(data: Uint8Array): Uint8Array {
    return collect(printBase64(this.memory, data));
  }

  encodeLocation(location: Location): Uint8Array {
    const { bytes, output } = this.memory;
    this.raw.encodeLocation(location.segment, location.index);
    return bytes.slice(output, output + LOCATION_BYTES);
  }

  /** Undefined when the bytes are no location. */
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

  /** Lays a chunk into the input window; returns its address for the raw exports. */
  load(chunk: Uint8Array): number {
    return this.memory.load(chunk);
  }

  private takeMerged(ranges: number): Uint8Array {
    const { bytes, output } = this.memory;
    const length = this.raw.mergeRanges(this.raw.TABLE.value, ranges);
    if (length > this.windowBytes) throw new RangeError("merge: the result exceeds the window");
    if (length === 0) throw new RangeError("merge: arrival times are 2^32 ms apart or more");
    const chunk = bytes.slice(output, output + length);
    sealBody(chunk);
    sealHeader(chunk);
    return chunk;
  }
}
