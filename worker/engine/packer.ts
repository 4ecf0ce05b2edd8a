// Reads PutRecords bodies into records, and packs records into chunks: one for all, or one for each
// shard that gets records. A record that is larger than the window is packed without the engine.
import { bodyPool } from "../codec/bufferPool.ts";
import type { EngineExports } from "./exports.ts";
import type { EngineMemory } from "./memory.ts";
import { HASH_BYTES, PACK_ROW, type RecordBatch } from "./recordBatch.ts";
import { resizeRecord, writeBodyChecksum } from "./chunk.ts";
import { chunkBytesMax } from "../limits.ts";

/** The content of a PutRecords body. */
export interface PutText extends RecordBatch {
  streamName: string | undefined;
  streamArn: string | undefined;
}

/** A PutRecords body whose records were packed at once. */
export interface PackedBody {
  count: number;
  streamName: string | undefined;
  streamArn: string | undefined;
  /** Key, info and data of the largest record. */
  largestBytes: number;
  /** All records; not stamped. */
  chunk: Uint8Array<ArrayBuffer>;
}

/** Gives memory for so many bytes. */
export type Lend = (bytes: number) => Uint8Array<ArrayBuffer>;

/**
 * Members that a dialect's PutRecords bodies may have beside Records, Data and PartitionKey; see
 * assembly/putRecord.ts.
 */
export interface PutBodyKind {
  format: "json" | "cbor";
  recordsMax: number;
  streamName?: boolean;
  streamArn?: boolean;
  clientInfo?: boolean;
  shardId?: boolean;
  /** Records may have no key, or an empty one. */
  keyless?: boolean;
}

/** A chunk for one shard, and the number of its records. */
export interface RoutedChunk {
  route: number;
  chunk: Uint8Array;
  count: number;
}

/** Chunks for shards in the order of the routes, and the route of each record. */
export interface RoutedChunks {
  chunks: RoutedChunk[];
  routes: Uint32Array;
}

/**
 * The route of a record that names its shard; `hash` is the hash of its key, or the one given for
 * it.
 */
export type PlaceRecord = (shard: number, hash: Uint8Array) => number;

/** u32 fields of a run of records, and of a route's first hash. */
export const RUN_FIELDS = 4;
export const ROUTE_FIELDS = 4;
const decoder = new TextDecoder();

export class RecordPacker {
  /** Payload bytes that several records packed together may have. */
  readonly bytesMax: number;
  readonly recordsMax: number;
  private readonly memory: EngineMemory;
  private readonly payloadAt: number;

  constructor(memory: EngineMemory) {
    const { raw } = memory;
    this.memory = memory;
    this.payloadAt = raw.PACK_PAYLOAD.value;
    this.recordsMax = raw.PACK_RECORDS_MAX.value;
    this.bytesMax = memory.input + memory.inputBytes - this.payloadAt;
  }

  /**
   * Undefined if the body is longer than the window, or needs the general reader. The records of a body that is lent are
   * there as long as the body.
   */
  readBody(body: Uint8Array, kind: PutBodyKind): PutText | undefined {
    const count = this.readRecords([body], kind);
    if (count === 0) return undefined;
    const { bytes, words, table, result } = this.memory;
    const records = bytes.subarray(this.payloadAt, words[result + 4]);
    const payload = bodyPool.lendWith(body, records.length);
    payload.set(records);
    return {
      count,
      streamName: this.textAt(result),
      streamArn: this.textAt(result + 2),
      rows: words.slice(table, table + count * PACK_ROW),
      payload,
    };
  }

  /**
   * Reads a body that came in parts, and packs its records into one chunk where they are. Undefined if the body is longer
   * than the window, needs the general reader, or has more than a chunk takes.
   */
  packBody(parts: readonly Uint8Array[], kind: PutBodyKind, lend: Lend): PackedBody | undefined {
    const count = this.readRecords(parts, kind);
    if (count === 0) return undefined;
    const { raw, bytes, words, result } = this.memory;
    const [streamName, streamArn] = [this.textAt(result), this.textAt(result + 2)];
    const largestBytes = this.largestBytes(count);
    const end = words[result + 4]!;
    const packed = bytes.subarray(raw.packRows(count), end);
    if (packed.length > chunkBytesMax) return undefined;
    const chunk = lend(packed.length);
    chunk.set(packed);
    writeBodyChecksum(chunk);
    return { count, streamName, streamArn, largestBytes, chunk };
  }

  /**
   * Packs all records into one unstamped chunk. More than one record must fit the window together.
   */
  pack(records: RecordBatch): Uint8Array {
    if (this.isLarge(records)) return extendRecord(this.pack(headOf(records)), records);
    this.layDown(records);
    const { raw, bytes } = this.memory;
    const chunk = bytes.slice(raw.packRows(records.count), this.payloadAt + records.payload.length);
    writeBodyChecksum(chunk);
    return chunk;
  }

  /**
   * Packs the records of each route into their own chunk. `starts` has the first hash of each
   * route, ascending, as four words, the highest first. More than one record must fit the window
   * together.
   */
  packRouted(records: RecordBatch, starts: Uint32Array, place: PlaceRecord): RoutedChunks {
    if (this.isLarge(records)) {
      const routed = this.packRouted(headOf(records), starts, place);
      for (const each of routed.chunks) each.chunk = extendRecord(each.chunk, records);
      return routed;
    }
    const { raw, bytes, words, output, table } = this.memory;
    const { count } = records;
    const routeCount = starts.length / ROUTE_FIELDS;
    if (routeCount === 0 || routeCount > raw.ROUTES_MAX.value) {
      throw new RangeError(`pack: ${routeCount} routes`);
    }
    this.layDown(records);
    raw.hashRecords(count);
    for (const [i, hash] of records.hashes?.entries() ?? []) {
      if (hash !== undefined) bytes.set(hash, output + i * HASH_BYTES);
    }
    words.set(starts, raw.ROUTES.value >>> 2);
    raw.routeRecords(count, routeCount);
    const routes = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      const shard = records.rows[i * PACK_ROW + 3]!;
      const at = table + i * PACK_ROW + 3;
      if (shard > 0) {
        const hash = bytes.subarray(output + i * HASH_BYTES, output + (i + 1) * HASH_BYTES);
        words[at] = place(shard - 1, hash);
      }
      routes[i] = words[at]!;
    }
    return { routes, chunks: this.takeChunks(raw.packRoutes(count, routeCount)) };
  }

  /** Leaves rows in the table and the payload before `words[result + 4]`; returns how many records, 0 if it gives up. */
  private readRecords(parts: readonly Uint8Array[], kind: PutBodyKind): number {
    const { raw, bytes, output, outputEnd } = this.memory;
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (length >= outputEnd - output) return 0;
    let at = output;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const members = membersOf(raw, kind);
    return kind.format === "json"
      ? raw.readPutJson(length, members, kind.recordsMax)
      : raw.readPutCbor(length, members, kind.recordsMax);
  }

  private largestBytes(count: number): number {
    const { words, table } = this.memory;
    let most = 0;
    for (let row = table; row < table + count * PACK_ROW; row += PACK_ROW) {
      most = Math.max(most, words[row]! + words[row + 1]! + words[row + 2]!);
    }
    return most;
  }

  private isLarge({ count, payload }: RecordBatch): boolean {
    return count === 1 && payload.length > this.bytesMax;
  }

  private layDown({ count, rows, payload }: RecordBatch): void {
    if (count === 0 || count > this.recordsMax || payload.length > this.bytesMax) {
      throw new RangeError(`pack: ${count} records of ${payload.length} bytes`);
    }
    this.memory.bytes.set(payload, this.payloadAt);
    this.memory.words.set(rows, this.memory.table);
  }

  private takeChunks(runs: number): RoutedChunk[] {
    const { raw, bytes, words } = this.memory;
    const first = raw.RUNS.value >>> 2;
    return Array.from({ length: runs }, (_, i) => {
      const [route, at, length, count] = words.subarray(
        first + i * RUN_FIELDS,
        first + (i + 1) * RUN_FIELDS,
      );
      const chunk = bytes.slice(at, at! + length!);
      writeBodyChecksum(chunk);
      return { route: route!, chunk, count: count! };
    });
  }

  /** The ASCII text whose address and length are two results; undefined if there is none. */
  private textAt(result: number): string | undefined {
    const { bytes, words } = this.memory;
    const at = words[result]!;
    return at === 0 ? undefined : decoder.decode(bytes.subarray(at, at + words[result + 1]!));
  }
}

function membersOf(raw: EngineExports, kind: PutBodyKind): number {
  return (
    (kind.streamName === true ? raw.STREAM_NAME.value : 0) |
    (kind.streamArn === true ? raw.STREAM_ARN.value : 0) |
    (kind.clientInfo === true ? raw.CLIENT_INFO.value : 0) |
    (kind.shardId === true ? raw.SHARD_ID.value : 0) |
    (kind.keyless === true ? raw.KEYLESS.value : 0)
  );
}

/** A single record without its data. */
function headOf({ rows, payload, hashes }: RecordBatch): RecordBatch {
  const [key = 0, info = 0, , place = 0] = rows;
  const head = payload.subarray(0, key + info);
  return { count: 1, rows: Uint32Array.of(key, info, 0, place), payload: head, hashes };
}

/** The chunk of a single record, built from its head and its data: its only end is the stride. */
function extendRecord(head: Uint8Array, { rows, payload }: RecordBatch): Uint8Array {
  const data = payload.subarray(rows[0]! + rows[1]!);
  const chunk = new Uint8Array(head.length + data.length);
  chunk.set(head);
  chunk.set(data, head.length);
  resizeRecord(chunk, payload.length);
  writeBodyChecksum(chunk);
  return chunk;
}
