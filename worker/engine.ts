// The WASM engine, typed. This file alone touches the engine's memory: it lays bytes into the
// input window, makes one call per batch, and copies the result out. Chunks that come in have
// been verified (worker/stream/chunk.ts); chunks that go out carry their checksums. A chunk larger
// than the window holds exactly one record: such a record's data goes around the engine, window by window.
import { concatBytes } from "./bytes.ts";
import type { EngineExports } from "./engineExports.ts";
import {
  CHUNK_HEADER_BYTES,
  type ChunkHeader,
  readHeader,
  sealBody,
  sealHeader,
  stampChunk,
} from "./stream/chunk.ts";

/** A record as a producer gives it; empty key or info means none. */
export interface RecordInput {
  key: Uint8Array;
  info: Uint8Array;
  data: Uint8Array;
}

/** What a Kinesis sequence number carries about its shard. */
export interface ShardNumbers {
  createdMs: number;
  index: number;
}

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
export const HASH_BYTES = 16;

const U32_MAX = 2 ** 32 - 1;
const PACK_ROW = 3;
const MERGE_ROW = 3;
const EMPTY = new Uint8Array(0);

/** Takes a part of a text; the bytes are the engine's and are gone after the call. */
export type Sink = (part: Uint8Array) => void;

type Print = (from: number, to: number, comma: number) => number;

export class Engine {
  readonly raw: EngineExports;
  /** A chunk of up to this many bytes may hold many records; a larger one holds exactly one. */
  readonly windowBytes: number;
  /** Payload bytes that several records packed together may have. */
  readonly packBytesMax: number;
  private readonly bytes: Uint8Array;
  private readonly words: Uint32Array;
  private readonly doubles: Float64Array;
  private readonly input: number;
  private readonly output: number;
  private readonly table: number;
  private readonly result: number;
  private readonly packPayload: number;
  private readonly packRecordsMax: number;
  private readonly walkRecordsMax: number;

  constructor(module: WebAssembly.Module) {
    const raw = new WebAssembly.Instance(module, {}).exports as unknown as EngineExports;
    this.raw = raw;
    this.bytes = new Uint8Array(raw.memory.buffer);
    this.words = new Uint32Array(raw.memory.buffer);
    this.doubles = new Float64Array(raw.memory.buffer);
    this.input = raw.INPUT.value;
    this.output = raw.OUTPUT.value;
    this.table = raw.TABLE.value;
    this.result = raw.RESULT.value;
    this.packPayload = raw.PACK_PAYLOAD.value;
    this.packRecordsMax = raw.PACK_RECORDS_MAX.value;
    this.walkRecordsMax = raw.WALK_RECORDS_MAX.value;
    this.windowBytes = raw.INPUT_BYTES.value;
    this.packBytesMax = this.input + this.windowBytes - this.packPayload;
  }

  /** Packs records into an unstamped chunk. More than one record must fit the window together. */
  pack(records: readonly RecordInput[]): Uint8Array {
    const count = records.length;
    if (count === 0 || count > this.packRecordsMax) {
      throw new RangeError(`pack takes 1 to ${this.packRecordsMax} records, not ${count}`);
    }
    const only = records[0] as RecordInput;
    if (count === 1 && recordBytes(only) > this.packBytesMax) return this.packLarge(only);
    const { bytes, words } = this;
    const limit = this.packPayload + this.packBytesMax;
    let at = this.packPayload;
    let row = this.table >>> 2;
    for (const record of records) {
      if (at + recordBytes(record) > limit) {
        throw new RangeError(`pack: records exceed the window of ${this.packBytesMax} bytes`);
      }
      bytes.set(record.key, at);
      at += record.key.length;
      bytes.set(record.info, at);
      at += record.info.length;
      bytes.set(record.data, at);
      at += record.data.length;
      words[row] = record.key.length;
      words[row + 1] = record.info.length;
      words[row + 2] = record.data.length;
      row += PACK_ROW;
    }
    const chunk = bytes.slice(this.raw.packRows(count), at);
    sealBody(chunk);
    return chunk;
  }

  /** Joins stamped chunks with consecutive indexes into one; together they must fit the window. */
  merge(chunks: readonly Uint8Array[]): Uint8Array {
    const { bytes, words } = this;
    const limit = this.input + this.windowBytes;
    if (chunks.length * MERGE_ROW * 4 > this.raw.TABLE_BYTES.value) {
      throw new RangeError(`merge: ${chunks.length} chunks are too many at once`);
    }
    let at = this.input;
    let row = this.table >>> 2;
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
    const row = this.table >>> 2;
    this.words[row] = this.load(chunk);
    this.words[row + 1] = from;
    this.words[row + 2] = to;
    return this.takeMerged(1);
  }

  /** Rows of WALK_FIELDS u32 for records `from` to `to`; see WALK_FIELDS. */
  walk(chunk: Uint8Array, from: number, to: number): Uint32Array {
    checkRange(chunk, from, to);
    const address = this.loadHead(chunk);
    const rows = new Uint32Array((to - from) * WALK_FIELDS);
    const table = this.table >>> 2;
    for (let done = from; done < to;) {
      const stop = Math.min(to, done + this.walkRecordsMax);
      this.raw.walkRecords(address, done, stop);
      const words = this.words.subarray(table, table + (stop - done) * WALK_FIELDS);
      rows.set(words, (done - from) * WALK_FIELDS);
      done = stop;
    }
    return rows;
  }

  /** Totals over records `from` to `to`. */
  scan(chunk: Uint8Array, from: number, to: number): ScanTotals {
    checkRange(chunk, from, to);
    this.raw.scanRecords(this.loadHead(chunk), from, to);
    const at = this.result >>> 2;
    const total = (i: number): number =>
      (this.words[at + i * 2] as number) + (this.words[at + i * 2 + 1] as number) * 2 ** 32;
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
    return this.raw.findTime(this.loadTimes(chunk), BigInt(timeMs), ordinal);
  }

  /** Record after the last of the longest run from `from` within both bounds; at least from + 1. */
  fit(chunk: Uint8Array, from: number, countMax: number, payloadBytesMax: number): number {
    checkRange(chunk, from, from + 1);
    const count = Math.min(countMax, U32_MAX);
    const bytes = Math.min(payloadBytesMax, U32_MAX);
    return this.raw.fitRecords(this.loadEnds(chunk), from, count, bytes);
  }

  /** Exact bytes of `renderKinesisJson`. */
  measureKinesisJson(chunk: Uint8Array, from: number, to: number): number {
    checkRange(chunk, from, to);
    if (chunk.length <= this.windowBytes) {
      return this.raw.measureKinesis(this.load(chunk), from, to);
    }
    const { head, data } = this.splitLarge(chunk);
    return this.measureKinesisJson(head, 0, 1) + base64Bytes(data.length);
  }

  /** Records as Kinesis GetRecords prints them in JSON, joined by commas. */
  printKinesisJson(
    chunk: Uint8Array,
    from: number,
    to: number,
    shard: ShardNumbers,
    sink: Sink,
  ): void {
    checkRange(chunk, from, to);
    const second = Math.floor(shard.createdMs / 1000);
    if (chunk.length > this.windowBytes) {
      const { head, data } = this.splitLarge(chunk);
      const text = this.renderKinesisJson(head, 0, 1, shard);
      this.printLarge(text, '{"Data":"'.length, data, sink);
      return;
    }
    const address = this.load(chunk);
    this.print(from, to, sink, (first, last, comma) =>
      this.raw.renderKinesis(address, first, last, comma, second, shard.index),
    );
  }

  renderKinesisJson(chunk: Uint8Array, from: number, to: number, shard: ShardNumbers): Uint8Array {
    return collect((sink) => this.printKinesisJson(chunk, from, to, shard, sink));
  }

  /** Exact bytes of `renderV3ioJson`. */
  measureV3ioJson(chunk: Uint8Array, from: number, to: number): number {
    checkRange(chunk, from, to);
    if (chunk.length <= this.windowBytes) return this.raw.measureV3io(this.load(chunk), from, to);
    const { head, data } = this.splitLarge(chunk);
    return this.measureV3ioJson(head, 0, 1) + base64Bytes(data.length);
  }

  /** Records as v3io GetRecords prints them, joined by commas. */
  printV3ioJson(chunk: Uint8Array, from: number, to: number, sink: Sink): void {
    checkRange(chunk, from, to);
    if (chunk.length > this.windowBytes) {
      const { head, data } = this.splitLarge(chunk);
      const text = this.renderV3ioJson(head, 0, 1);
      this.printLarge(text, text.length - '"}'.length, data, sink);
      return;
    }
    const address = this.load(chunk);
    this.print(from, to, sink, (first, last, comma) =>
      this.raw.renderV3io(address, first, last, comma),
    );
  }

  renderV3ioJson(chunk: Uint8Array, from: number, to: number): Uint8Array {
    return collect((sink) => this.printV3ioJson(chunk, from, to, sink));
  }

  /** MD5 of each key, HASH_BYTES apart. */
  hashKeys(keys: readonly Uint8Array[]): Uint8Array {
    const hashes = new Uint8Array(keys.length * HASH_BYTES);
    const limit = this.input + this.windowBytes;
    const rowsMax = this.raw.TABLE_BYTES.value >>> 2;
    for (let done = 0; done < keys.length;) {
      let at = this.input;
      let count = 0;
      for (; done + count < keys.length && count < rowsMax; count++) {
        const key = keys[done + count] as Uint8Array;
        if (at + key.length > limit) break;
        this.bytes.set(key, at);
        this.words[(this.table >>> 2) + count] = key.length;
        at += key.length;
      }
      if (count === 0) throw new RangeError("hashKeys: a key exceeds the window");
      this.raw.hashKeys(count);
      const made = this.bytes.subarray(this.output, this.output + count * HASH_BYTES);
      hashes.set(made, done * HASH_BYTES);
      done += count;
    }
    return hashes;
  }

  /** Base64 with padding, as ASCII bytes. */
  encodeBase64(data: Uint8Array): Uint8Array {
    return collect((sink) => this.printBase64(data, sink));
  }

  encodeLocation(location: Location): Uint8Array {
    this.raw.encodeLocation(location.segment, location.index);
    return this.bytes.slice(this.output, this.output + LOCATION_BYTES);
  }

  /** Undefined when the bytes are no location. */
  decodeLocation(location: Uint8Array): Location | undefined {
    if (location.length !== LOCATION_BYTES) return undefined;
    this.bytes.set(location, this.input);
    if (this.raw.decodeLocation(this.input) === 0) return undefined;
    const at = this.result >>> 3;
    return { segment: this.doubles[at] as number, index: this.doubles[at + 1] as number };
  }

  /** Payload bytes of records `from` to `to`. */
  payloadBytes(chunk: Uint8Array, from: number, to: number): number {
    const header = checkRange(chunk, from, to);
    if (from === 0 && to === header.count) return header.payloadBytes;
    const address = this.loadEnds(chunk);
    const first = this.raw.locateRecord(address, from);
    const last = this.raw.locateRecord(address, to - 1);
    return last + (this.words[this.result >>> 2] as number) - first;
  }

  /** Lays a chunk into the input window; returns its address for the raw exports. */
  load(chunk: Uint8Array): number {
    if (chunk.length > this.windowBytes) {
      throw new RangeError(`chunk of ${chunk.length} bytes exceeds the window`);
    }
    this.bytes.set(chunk, this.input);
    return this.input;
  }

  /** Lays down header and ends only. */
  private loadEnds(chunk: Uint8Array): number {
    const { count, endWidth } = readHeader(chunk);
    return this.load(chunk.subarray(0, CHUNK_HEADER_BYTES + count * endWidth));
  }

  /** Lays down header and times only, each in its place. */
  private loadTimes(chunk: Uint8Array): number {
    const { bytes, payloadBytes, count, timeWidth } = readHeader(chunk);
    const end = bytes - payloadBytes;
    const start = end - count * timeWidth;
    if (end > this.windowBytes) throw new RangeError("several records exceed the window");
    this.bytes.set(chunk.subarray(start, end), this.input + start);
    return this.load(chunk.subarray(0, CHUNK_HEADER_BYTES));
  }

  /** Lays down header and columns only. */
  private loadHead(chunk: Uint8Array): number {
    const header = readHeader(chunk);
    return this.load(chunk.subarray(0, header.bytes - header.payloadBytes));
  }

  private takeMerged(ranges: number): Uint8Array {
    const length = this.raw.mergeRanges(this.table, ranges);
    if (length > this.windowBytes) throw new RangeError("merge: the result exceeds the window");
    if (length === 0) throw new RangeError("merge: arrival times are 2^32 ms apart or more");
    const chunk = this.bytes.slice(this.output, this.output + length);
    sealBody(chunk);
    sealHeader(chunk);
    return chunk;
  }

  /** Prints window by window. */
  private print(from: number, to: number, sink: Sink, print: Print): void {
    for (let next = from; next < to;) {
      const length = print(next, to, next === from ? 0 : 1);
      const stopped = this.words[this.result >>> 2] as number;
      if (stopped === next) throw new RangeError("render: a record exceeds the output window");
      sink(this.bytes.subarray(this.output, this.output + length));
      next = stopped;
    }
  }

  private packLarge(record: RecordInput): Uint8Array {
    const head = this.pack([{ ...record, data: EMPTY }]);
    const chunk = new Uint8Array(head.length + record.data.length);
    chunk.set(head);
    chunk.set(record.data, head.length);
    const view = new DataView(chunk.buffer);
    const payloadBytes = recordBytes(record);
    view.setUint32(36, payloadBytes, true);
    view.setUint32(44, payloadBytes, true);
    sealBody(chunk);
    return chunk;
  }

  /** A chunk larger than the window as the chunk of the same record without data, and its data. */
  private splitLarge(chunk: Uint8Array): { head: Uint8Array; data: Uint8Array } {
    const header = readHeader(chunk);
    if (header.count !== 1) throw new RangeError("several records exceed the window");
    const key = CHUNK_HEADER_BYTES;
    const info = key + header.keyBytesMin;
    const data = info + header.infoBytesMin;
    const record = {
      key: chunk.subarray(key, info),
      info: chunk.subarray(info, data),
      data: EMPTY,
    };
    const head = this.pack([record]);
    stampChunk(head, header);
    return { head, data: chunk.subarray(data) };
  }

  /** Prints a record's text with its data, window by window, put in at `at`. */
  private printLarge(text: Uint8Array, at: number, data: Uint8Array, sink: Sink): void {
    sink(text.subarray(0, at));
    this.printBase64(data, sink);
    sink(text.subarray(at));
  }

  private printBase64(data: Uint8Array, sink: Sink): void {
    const step = this.windowBytes - (this.windowBytes % 3);
    for (let done = 0; done < data.length; done += step) {
      const part = data.subarray(done, done + step);
      this.bytes.set(part, this.input);
      const length = this.raw.encodeText(part.length);
      sink(this.bytes.subarray(this.output, this.output + length));
    }
  }
}

/** Characters of `bytes` bytes in base64. */
export function base64Bytes(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

function recordBytes(record: RecordInput): number {
  return record.key.length + record.info.length + record.data.length;
}

function checkRange(chunk: Uint8Array, from: number, to: number): ChunkHeader {
  const header = readHeader(chunk);
  if (!(from >= 0 && from < to && to <= header.count)) {
    throw new RangeError(`records ${from} to ${to} of a chunk of ${header.count}`);
  }
  return header;
}

/** All parts of a text in one array. */
function collect(print: (sink: Sink) => void): Uint8Array {
  const parts: Uint8Array[] = [];
  print((part) => parts.push(part.slice()));
  return parts.length === 1 ? (parts[0] as Uint8Array) : concatBytes(parts);
}
