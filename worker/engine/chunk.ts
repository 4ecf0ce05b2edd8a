// The chunk's header in TypeScript: reads, checks and stamps it, and adds the shard's uid to the
// checksum of a stored body. docs/FORMAT.md defines the layout. Columns and payload are read by the
// engine (worker/engine/engine.ts). With this file a shard can place a chunk, and check its bytes,
// without the engine.
import { crc32 } from "node:zlib";
import { isCode, StreamError } from "../errors.ts";
import { storesBoundOnly } from "./shardUid.ts";

export const CHUNK_HEADER_BYTES = 56;
/** A chunk outside of storage: packed, merged or sliced. */
const CHUNK_VERSION = 1;
/** A stored body: the checksum of its header covers the shard's uid. */
const BOUND_VERSION = 2;
/** "MLRC", little-endian. */
const CHUNK_MAGIC = 0x43524c4d;
/** Indexes stay below 2^50, so that a row id of eight times the index is exact in a double. */
export const INDEX_MAX = 2 ** 50 - 1;

/**
 * Bytes of one record in the end, key and info columns at their widest; records that are committed
 * together share a time.
 */
export const columnBytesMax = 7;
/** Bytes of one record in all four columns at their widest. */
export const wideColumnBytesMax = 11;

const VERSION_AT = 4;

/** Offsets of the header's fields; the engine has the same numbers (assembly/record.ts). */
export const chunkFields = {
  count: 12,
  firstIndex: 16,
  time: 24,
  ordinal: 32,
  stride: 36,
  payloadBytes: 44,
  bodyCrc: 48,
  headerCrc: 52,
};

export interface ChunkHeader {
  /** The checksum of its header covers a shard's uid. */
  isBound: boolean;
  count: number;
  firstIndex: number;
  /** Arrival of the first record, Unix milliseconds. */
  timeMs: number;
  /** Number of earlier records of the shard with that arrival time. */
  timeOrdinal: number;
  stride: number;
  keyBytesMin: number;
  infoBytesMin: number;
  payloadBytes: number;
  endWidth: number;
  keyWidth: number;
  infoWidth: number;
  timeWidth: number;
  /** Bytes of the whole chunk. */
  bytes: number;
}

/** What a shard writes into a chunk when it accepts it. */
export interface ChunkStamp {
  firstIndex: number;
  timeMs: number;
  timeOrdinal: number;
}

/** A whole chunk, whose header was read and checked where the bytes arrived. */
export interface Chunk {
  /** Of a chunk whose body the front keeps, only the header. */
  readonly bytes: Uint8Array;
  readonly header: Readonly<ChunkHeader>;
  readonly kept?: KeptBody;
}

/** The body of a chunk that the front of the local server keeps (putManifest.ts). */
export interface KeptBody {
  id: string;
  /** The filter of the keys of its records; undefined if they are too many. */
  keys: Uint8Array | undefined;
}

/** Throws `corrupt` if the bytes are not a whole chunk. Checksums are not checked. */
export function openChunk(bytes: Uint8Array): Chunk {
  const header = readHeader(bytes);
  if (bytes.length !== header.bytes) throw corrupt("wrong length");
  return { bytes, header };
}

/** Stamps the chunk: writes its place into its bytes, and returns it with the place. */
export function withStamp(chunk: Chunk, stamp: ChunkStamp): Chunk {
  stampChunk(chunk.bytes, stamp);
  return { ...chunk, header: { ...chunk.header, ...stamp } };
}

/** Reads the header and checks its structure, not its checksums. Throws `corrupt`. */
export function readHeader(chunk: Uint8Array): ChunkHeader {
  if (chunk.length < CHUNK_HEADER_BYTES) throw corrupt("short");
  const view = viewOf(chunk);
  if (view.getUint32(0, true) !== CHUNK_MAGIC) throw corrupt("bad magic");
  const version = chunk[VERSION_AT];
  if (version !== CHUNK_VERSION && version !== BOUND_VERSION) throw corrupt("unknown version");
  const header: ChunkHeader = {
    isBound: version === BOUND_VERSION,
    endWidth: view.getUint8(5),
    keyWidth: view.getUint8(6),
    infoWidth: view.getUint8(7),
    timeWidth: view.getUint8(8),
    count: view.getUint32(chunkFields.count, true),
    firstIndex: readU64(view, chunkFields.firstIndex),
    timeMs: readU64(view, chunkFields.time),
    timeOrdinal: view.getUint32(chunkFields.ordinal, true),
    stride: view.getUint32(chunkFields.stride, true),
    keyBytesMin: view.getUint16(40, true),
    infoBytesMin: view.getUint8(42),
    payloadBytes: view.getUint32(chunkFields.payloadBytes, true),
    bytes: 0,
  };
  const { endWidth, keyWidth, infoWidth, timeWidth, count } = header;
  if (endWidth > 4 || keyWidth > 2 || infoWidth > 1 || timeWidth > 4) throw corrupt("bad width");
  if (count === 0) throw corrupt("no records");
  if (view.getUint8(9) !== 0 || view.getUint16(10) !== 0 || view.getUint8(43) !== 0) {
    throw corrupt("reserved bytes in use");
  }
  if (header.firstIndex > INDEX_MAX) throw corrupt("index too large");
  if (header.timeMs > Number.MAX_SAFE_INTEGER) throw corrupt("time too large");
  header.bytes =
    CHUNK_HEADER_BYTES +
    count * (endWidth + keyWidth + infoWidth + timeWidth) +
    header.payloadBytes;
  return header;
}

/**
 * Reads the header of a body that shard `uid` should have stored, and checks its length and both
 * checksums. Throws `corrupt`, also for a body of another shard.
 */
export function verifyBody(chunk: Uint8Array, uid: string): ChunkHeader {
  const header = verifyHeader(chunk, uid);
  if (crc32(chunk.subarray(CHUNK_HEADER_BYTES)) !== bodyChecksum(chunk)) {
    throw corrupt("bad body checksum");
  }
  return header;
}

/** As verifyBody, but for the checksum of what is behind the header: the caller must check it. */
export function verifyHeader(chunk: Uint8Array, uid: string): ChunkHeader {
  const header = readHeader(chunk);
  if (!header.isBound && storesBoundOnly(uid)) throw corrupt("not bound to its shard");
  if (chunk.length !== header.bytes) throw corrupt("wrong length");
  const headerCrc = headerChecksum(chunk, header.isBound ? uid : "");
  if (headerCrc !== viewOf(chunk).getUint32(chunkFields.headerCrc, true)) {
    throw corrupt(
      header.isBound ? "bad header checksum, or another shard's" : "bad header checksum",
    );
  }
  return header;
}

/** As verifyBody, with the segment's place in the error. */
export function verifySegment(chunk: Uint8Array, shard: string, segment: number): ChunkHeader {
  try {
    return verifyBody(chunk, shard);
  } catch (error) {
    if (!isCode(error, "corrupt")) throw error;
    throw new StreamError("corrupt", { shard, segment, ...error.detail });
  }
}

/** Writes index and time into the header, and the header's checksum. The body stays as it is. */
export function stampChunk(chunk: Uint8Array, stamp: ChunkStamp): void {
  const view = viewOf(chunk);
  writeU64(view, chunkFields.firstIndex, stamp.firstIndex);
  writeU64(view, chunkFields.time, stamp.timeMs);
  view.setUint32(chunkFields.ordinal, stamp.timeOrdinal, true);
  writeHeaderChecksum(chunk);
}

/**
 * Changes the payload length of a chunk with one record and without checksums; it is also the
 * stride.
 */
export function resizeRecord(chunk: Uint8Array, payloadBytes: number): void {
  const view = viewOf(chunk);
  view.setUint32(chunkFields.stride, payloadBytes, true);
  view.setUint32(chunkFields.payloadBytes, payloadBytes, true);
}

/** Writes the body's checksum, after packing; the header's checksum is written with the stamp. */
export function writeBodyChecksum(chunk: Uint8Array): void {
  viewOf(chunk).setUint32(chunkFields.bodyCrc, crc32(chunk.subarray(CHUNK_HEADER_BYTES)), true);
}

/** The checksum of everything behind the header, as the header has it. */
export function bodyChecksum(chunk: Uint8Array): number {
  return viewOf(chunk).getUint32(chunkFields.bodyCrc, true);
}

/** Writes the header's checksum. */
export function writeHeaderChecksum(chunk: Uint8Array): void {
  viewOf(chunk).setUint32(chunkFields.headerCrc, headerChecksum(chunk, ""), true);
}

/**
 * Turns a stamped chunk into a stored body of shard `uid`; a stored body of the shard stays the
 * same.
 */
export function bindChunk(chunk: Uint8Array, uid: string): void {
  chunk[VERSION_AT] = BOUND_VERSION;
  viewOf(chunk).setUint32(chunkFields.headerCrc, headerChecksum(chunk, uid), true);
}

/** Arrival of record `i`, Unix milliseconds. */
export function timeMsAt(chunk: Uint8Array, header: ChunkHeader, i: number): number {
  const { timeWidth, count } = header;
  const at = header.bytes - header.payloadBytes - (count - i) * timeWidth;
  let delta = 0;
  for (let byte = timeWidth - 1; byte >= 0; byte--) delta = delta * 256 + (chunk[at + byte] ?? 0);
  return header.timeMs + delta;
}

/** Payload bytes of records `from` to `to`; of a part of a chunk, its share. */
export function payloadShareOf(run: { chunk: Uint8Array; from: number; to: number }): number {
  const { count, payloadBytes } = readHeader(run.chunk);
  return Math.ceil((payloadBytes * (run.to - run.from)) / count);
}

/** The checksum of the shard's uid followed by the header. */
function headerChecksum(chunk: Uint8Array, uid: string): number {
  return crc32(chunk.subarray(0, chunkFields.headerCrc), crc32(uid));
}

function corrupt(what: string): StreamError {
  return new StreamError("corrupt", { what });
}

function viewOf(chunk: Uint8Array): DataView {
  return new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function readU64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}
