// The chunk's header in TypeScript: reading it, checking it, stamping it. docs/FORMAT.md owns the
// layout. The columns and the payload are the engine's business (worker/engine.ts); this file
// lets a shard place a chunk, and trust its bytes, without the engine.
import { crc32 } from "node:zlib";
import { StreamError } from "../errors.ts";

export const CHUNK_HEADER_BYTES = 56;
const CHUNK_VERSION = 1;
/** "MLRC", little-endian. */
const CHUNK_MAGIC = 0x43524c4d;
/** Indexes stay below 2^50, so that a row id of eight times the index is exact in a double. */
export const INDEX_MAX = 2 ** 50 - 1;

/** End, key and info column of one record at their widest; records committed together share a time. */
export const columnBytesMax = 7;
/** All four columns of one record at their widest. */
export const wideColumnBytesMax = 11;

const BODY_CRC_AT = 48;
const HEADER_CRC_AT = 52;

export interface ChunkHeader {
  count: number;
  firstIndex: number;
  /** Arrival of the first record, Unix milliseconds. */
  timeMs: number;
  /** Earlier records of the shard with that arrival time. */
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

/** What a shard writes into a chunk when it takes it. */
export interface ChunkStamp {
  firstIndex: number;
  timeMs: number;
  timeOrdinal: number;
}

/** Reads the header and checks its structure, not its checksums. Throws `corrupt`. */
export function readHeader(chunk: Uint8Array): ChunkHeader {
  if (chunk.length < CHUNK_HEADER_BYTES) throw corrupt("short");
  const view = viewOf(chunk);
  if (view.getUint32(0, true) !== CHUNK_MAGIC) throw corrupt("bad magic");
  if (chunk[4] !== CHUNK_VERSION) throw corrupt("unknown version");
  const header: ChunkHeader = {
    endWidth: view.getUint8(5),
    keyWidth: view.getUint8(6),
    infoWidth: view.getUint8(7),
    timeWidth: view.getUint8(8),
    count: view.getUint32(12, true),
    firstIndex: readU64(view, 16),
    timeMs: readU64(view, 24),
    timeOrdinal: view.getUint32(32, true),
    stride: view.getUint32(36, true),
    keyBytesMin: view.getUint16(40, true),
    infoBytesMin: view.getUint8(42),
    payloadBytes: view.getUint32(44, true),
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

/** Reads the header of a whole chunk and checks its length and both checksums. Throws `corrupt`. */
export function verifyChunk(chunk: Uint8Array): ChunkHeader {
  const header = readHeader(chunk);
  if (chunk.length !== header.bytes) throw corrupt("wrong length");
  const view = viewOf(chunk);
  if (crc32(chunk.subarray(0, HEADER_CRC_AT)) !== view.getUint32(HEADER_CRC_AT, true)) {
    throw corrupt("bad header checksum");
  }
  if (crc32(chunk.subarray(CHUNK_HEADER_BYTES)) !== view.getUint32(BODY_CRC_AT, true)) {
    throw corrupt("bad body checksum");
  }
  return header;
}

/** As verifyChunk, with the segment's place in the error. */
export function verifySegment(chunk: Uint8Array, shard: string, segment: number): ChunkHeader {
  try {
    return verifyChunk(chunk);
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    throw new StreamError("corrupt", { shard, segment, ...error.detail });
  }
}

/** Writes index and time into the header, and the header's checksum. The body stays as it is. */
export function stampChunk(chunk: Uint8Array, stamp: ChunkStamp): void {
  const view = viewOf(chunk);
  writeU64(view, 16, stamp.firstIndex);
  writeU64(view, 24, stamp.timeMs);
  view.setUint32(32, stamp.timeOrdinal, true);
  sealHeader(chunk);
}

/** Writes the body's checksum, as the packer does; the header's is the stamp's. */
export function sealBody(chunk: Uint8Array): void {
  viewOf(chunk).setUint32(BODY_CRC_AT, crc32(chunk.subarray(CHUNK_HEADER_BYTES)), true);
}

/** Writes the header's checksum. */
export function sealHeader(chunk: Uint8Array): void {
  viewOf(chunk).setUint32(HEADER_CRC_AT, crc32(chunk.subarray(0, HEADER_CRC_AT)), true);
}

/** Arrival of record `i`, Unix milliseconds. */
export function timeMsAt(chunk: Uint8Array, header: ChunkHeader, i: number): number {
  const { timeWidth, count } = header;
  const at = header.bytes - header.payloadBytes - (count - i) * timeWidth;
  let delta = 0;
  for (let byte = timeWidth - 1; byte >= 0; byte--) delta = delta * 256 + (chunk[at + byte] ?? 0);
  return header.timeMs + delta;
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
