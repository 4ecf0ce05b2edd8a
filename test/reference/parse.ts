// Reads a chunk back into records and refuses, by name, every byte that docs/FORMAT.md does not
// allow: wrong checksums, unknown versions, columns that contradict each other, and encodings
// that are wider than they have to be. What it accepts, pack.ts writes back byte for byte.

import { crc32 } from "node:zlib";
import {
  BOUND_VERSION,
  HEADER_BYTES,
  INDEX_MAX,
  MAGIC,
  smallest,
  VERSION,
  widthOf,
} from "./pack.ts";
import { payloadBytes, type ModelChunk, type ModelRecord } from "./record.ts";

/** The bytes are not a chunk; the message says which rule of the format they break. */
export class ChunkRefused extends Error {
  override name = "ChunkRefused";
}

interface Header {
  version: number;
  endWidth: number;
  keyWidth: number;
  infoWidth: number;
  timeWidth: number;
  count: number;
  firstIndex: bigint;
  timeMs: bigint;
  timeOrdinal: number;
  stride: number;
  keyBytesMin: number;
  infoBytesMin: number;
  payloadBytes: number;
  bodyCrc: number;
  headerCrc: number;
}

/** A chunk with its stamp: one that is bound to shard `uid`, or, without a uid, to none. */
export function parseChunk(bytes: Uint8Array, uid?: string): ModelChunk {
  const header = readHeader(bytes);
  refuseIf(header.version !== (uid === undefined ? VERSION : BOUND_VERSION), "unknown version");
  const covered = Buffer.concat([Buffer.from(uid ?? "", "ascii"), bytes.subarray(0, 52)]);
  refuseIf(crc32(covered) !== header.headerCrc, "bad header checksum");
  checkHeader(header);
  refuseIf(header.firstIndex > BigInt(INDEX_MAX), "first index out of range");
  refuseIf(header.timeMs > BigInt(Number.MAX_SAFE_INTEGER), "time out of range");
  return {
    firstIndex: Number(header.firstIndex),
    timeOrdinal: header.timeOrdinal,
    records: readRecords(bytes, header),
  };
}

/** A chunk as a reader gets it from shard `uid`: a whole body of it, or a part. */
export function parseGiven(bytes: Uint8Array, uid: string): ModelChunk {
  return bytes[4] === BOUND_VERSION ? parseChunk(bytes, uid) : parseChunk(bytes);
}

/** The records of a chunk that a Worker packed and no shard has stamped: their times are 0. */
export function parseUnstamped(bytes: Uint8Array): readonly ModelRecord[] {
  const header = readHeader(bytes);
  refuseIf(header.version !== VERSION, "unknown version");
  const { firstIndex, timeMs, timeOrdinal, headerCrc } = header;
  const stamped = firstIndex !== 0n || timeMs !== 0n || timeOrdinal !== 0 || headerCrc !== 0;
  refuseIf(stamped, "already stamped");
  checkHeader(header);
  refuseIf(header.timeWidth !== 0, "arrival times before the stamp");
  return readRecords(bytes, header);
}

function readHeader(bytes: Uint8Array): Header {
  refuseIf(bytes.length < HEADER_BYTES, "short header");
  const view = Buffer.from(bytes);
  refuseIf(view.toString("latin1", 0, 4) !== MAGIC, "bad magic");
  const version = view.readUInt8(4);
  refuseIf(version !== VERSION && version !== BOUND_VERSION, "unknown version");
  refuseIf(view.readUIntLE(9, 3) !== 0 || view.readUInt8(43) !== 0, "reserved bytes in use");
  return {
    version,
    endWidth: view.readUInt8(5),
    keyWidth: view.readUInt8(6),
    infoWidth: view.readUInt8(7),
    timeWidth: view.readUInt8(8),
    count: view.readUInt32LE(12),
    firstIndex: view.readBigUInt64LE(16),
    timeMs: view.readBigUInt64LE(24),
    timeOrdinal: view.readUInt32LE(32),
    stride: view.readUInt32LE(36),
    keyBytesMin: view.readUInt16LE(40),
    infoBytesMin: view.readUInt8(42),
    payloadBytes: view.readUInt32LE(44),
    bodyCrc: view.readUInt32LE(48),
    headerCrc: view.readUInt32LE(52),
  };
}

function checkHeader(header: Header): void {
  refuseIf(header.endWidth > 4, "bad end width");
  refuseIf(header.keyWidth > 2, "bad key width");
  refuseIf(header.infoWidth > 1, "bad info width");
  refuseIf(header.timeWidth > 4, "bad time width");
  refuseIf(header.count === 0, "no records");
}

function readRecords(bytes: Uint8Array, header: Header): ModelRecord[] {
  const { count, endWidth, keyWidth, infoWidth, timeWidth } = header;
  const columnsBytes = count * (endWidth + keyWidth + infoWidth + timeWidth);
  const chunkBytes = HEADER_BYTES + columnsBytes + header.payloadBytes;
  refuseIf(bytes.length < chunkBytes, "short body");
  refuseIf(bytes.length > chunkBytes, "bytes after the chunk");
  refuseIf(crc32(bytes.subarray(HEADER_BYTES)) !== header.bodyCrc, "bad body checksum");

  const endsAt = HEADER_BYTES;
  const keysAt = endsAt + count * endWidth;
  const infosAt = keysAt + count * keyWidth;
  const timesAt = infosAt + count * infoWidth;
  const payload = bytes.subarray(timesAt + count * timeWidth);
  const ends = readColumn(bytes, endsAt, count, endWidth);
  const keys = readColumn(bytes, keysAt, count, keyWidth);
  const infos = readColumn(bytes, infosAt, count, infoWidth);
  const times = readColumn(bytes, timesAt, count, timeWidth);

  const records: ModelRecord[] = [];
  let start = 0;
  for (let i = 0; i < count; i++) {
    const end = header.stride * (i + 1) + ends[i]!;
    const infoAt = start + header.keyBytesMin + keys[i]!;
    const dataAt = infoAt + header.infoBytesMin + infos[i]!;
    refuseIf(end > payload.length, "a record ends after the payload");
    refuseIf(dataAt > end, "a record is shorter than its key and client info");
    records.push({
      timeMs: Number(header.timeMs) + times[i]!,
      key: payload.slice(start, infoAt),
      info: payload.slice(infoAt, dataAt),
      data: payload.slice(dataAt, end),
    });
    start = end;
  }
  refuseIf(start !== payload.length, "the records do not fill the payload");
  refuseIf(times[0] !== 0, "the first arrival is not the chunk's time");
  refuseIf(
    times.some((time, i) => i > 0 && time < times[i - 1]!),
    "arrival times go back",
  );
  refuseIf(
    records.some(({ key }) => !isUtf8(key)),
    "a key is not UTF-8",
  );
  checkCanonical(header, records, { ends, keys, infos, times });
  return records;
}

/** A sequence of records has exactly one encoding: nothing is wider than it has to be. */
function checkCanonical(
  header: Header,
  records: readonly ModelRecord[],
  columns: { ends: number[]; keys: number[]; infos: number[]; times: number[] },
): void {
  const shortest = (bytes: (record: ModelRecord) => number): number =>
    smallest(records.map((record) => bytes(record)));
  refuseIf(header.stride !== shortest(payloadBytes), "the stride is not the smallest record");
  refuseIf(header.keyBytesMin !== shortest(({ key }) => key.length), "key minimum too low");
  refuseIf(header.infoBytesMin !== shortest(({ info }) => info.length), "info minimum too low");
  refuseIf(header.endWidth !== widthOf(columns.ends), "end width too wide");
  refuseIf(header.keyWidth !== widthOf(columns.keys), "key width too wide");
  refuseIf(header.infoWidth !== widthOf(columns.infos), "info width too wide");
  refuseIf(header.timeWidth !== widthOf(columns.times), "time width too wide");
}

function readColumn(bytes: Uint8Array, at: number, count: number, width: number): number[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, i) =>
    width === 0 ? 0 : view.readUIntLE(at + i * width, width),
  );
}

function isUtf8(bytes: Uint8Array): boolean {
  return Buffer.from(Buffer.from(bytes).toString("utf8")).equals(bytes);
}

function refuseIf(condition: boolean, complaint: string): void {
  if (condition) throw new ChunkRefused(complaint);
}
