/**
 * Checks a stored body (docs/FORMAT.md): structure, checksums, the shard, its place among the
 * records, and every entry of its columns. The engine checks only what it reads; this reads all.
 */
import {
  CHUNK_HEADER_BYTES,
  type ChunkHeader,
  readHeader,
  timeMsAt,
  verifyBody,
} from "../../worker/engine/chunk.ts";
import { mayHold } from "../../worker/core/keyFilter.ts";
import { hashOfKey } from "../../worker/core/keyHash.ts";
import { recordKey } from "../../worker/engine/memory.ts";

/** Which records a body must have, and when they arrived. Undefined members are not known. */
export interface Expected {
  firstIndex: number;
  count: number;
  firstMs?: number;
  lastMs?: number;
  lastOrdinal?: number;
  bytes?: number;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What is wrong, or undefined. Throws `corrupt` for what the product's own check refuses. */
export function checkBody(body: Uint8Array, uid: string, expected: Expected): string | undefined {
  const header = verifyBody(body, uid);
  return checkPlace(body, header, expected) ?? checkColumns(body, header);
}

function checkPlace(
  body: Uint8Array,
  header: ChunkHeader,
  { firstIndex, count, firstMs, lastMs, lastOrdinal, bytes }: Expected,
): string | undefined {
  const last = lastArrival(body, header);
  const pairs: [what: string, found: number, wanted: number | undefined][] = [
    ["first index", header.firstIndex, firstIndex],
    ["records", header.count, count],
    ["first arrival", header.timeMs, firstMs],
    ["last arrival", last.timeMs, lastMs],
    ["last ordinal", last.ordinal, lastOrdinal],
    ["bytes", body.length, bytes],
  ];
  const wrong = pairs.find(([, found, wanted]) => wanted !== undefined && found !== wanted);
  if (wrong === undefined) return undefined;
  const [what, found, wanted] = wrong;
  return `its ${what}: ${found}, and its row says ${wanted}`;
}

/** Arrival of the last record, and its position among those of that millisecond. */
export function lastArrival(
  body: Uint8Array,
  header: ChunkHeader,
): { timeMs: number; ordinal: number } {
  const timeMs = timeMsAt(body, header, header.count - 1);
  let first = header.count - 1;
  while (first > 0 && timeMsAt(body, header, first - 1) === timeMs) first--;
  const before = first === 0 ? header.timeOrdinal : 0;
  return { timeMs, ordinal: before + header.count - 1 - first };
}

/** True if a filter of keys has every key of a sound body. */
export function hasAllKeys(filter: Uint8Array, body: Uint8Array): boolean {
  const header = readHeader(body);
  for (let i = 0; i < header.count; i++) {
    const key = recordKey(body, header, i);
    if (key.length > 0 && !mayHold(filter, hashOfKey(key))) return false;
  }
  return true;
}

/** Every record within the payload, times that do not decrease, keys that are UTF-8. */
function checkColumns(body: Uint8Array, header: ChunkHeader): string | undefined {
  const { count, endWidth, keyWidth, infoWidth, stride, payloadBytes } = header;
  const ends = CHUNK_HEADER_BYTES;
  const keys = ends + count * endWidth;
  const infos = keys + count * keyWidth;
  const payload = header.bytes - payloadBytes;
  let start = 0;
  let timeMs = header.timeMs;
  for (let i = 0; i < count; i++) {
    const end = stride * (i + 1) + entryAt(body, ends, endWidth, i);
    const keyBytes = header.keyBytesMin + entryAt(body, keys, keyWidth, i);
    const infoBytes = header.infoBytesMin + entryAt(body, infos, infoWidth, i);
    if (end < start + keyBytes + infoBytes) return `record ${i} is shorter than its key`;
    if (end > payloadBytes) return `record ${i} ends behind the payload`;
    if (!isText(body.subarray(payload + start, payload + start + keyBytes))) {
      return `record ${i} has a key that is not UTF-8`;
    }
    const arrivedMs = timeMsAt(body, header, i);
    if (arrivedMs < timeMs) return `record ${i} arrived before the one before it`;
    [start, timeMs] = [end, arrivedMs];
  }
  return start === payloadBytes ? undefined : "the payload goes on behind the last record";
}

function entryAt(body: Uint8Array, column: number, width: number, i: number): number {
  let value = 0;
  for (let byte = width - 1; byte >= 0; byte--) {
    value = value * 256 + (body[column + i * width + byte] ?? 0);
  }
  return value;
}

function isText(bytes: Uint8Array): boolean {
  // Most keys are ASCII, which needs no decoder.
  if (bytes.every((byte) => byte < 128)) return true;
  try {
    utf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
