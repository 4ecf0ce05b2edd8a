// Reads one record of a chunk in TypeScript, for replies of a few records. Pages are printed by the
// engine. docs/FORMAT.md defines the layout.
import { CHUNK_HEADER_BYTES, type ChunkHeader, timeMsAt } from "./chunk.ts";
import { recordStart } from "./memory.ts";

export interface PlainRecord {
  /** UTF-8; empty if it has none. */
  key: Uint8Array;
  data: Uint8Array;
  /** Arrival, Unix milliseconds. */
  timeMs: number;
}

/** Record `i`; its bytes are those of the chunk. */
export function recordAt(chunk: Uint8Array, header: ChunkHeader, i: number): PlainRecord {
  const { count, endWidth, keyWidth, infoWidth, keyBytesMin, infoBytesMin } = header;
  const keys = CHUNK_HEADER_BYTES + count * endWidth;
  const infos = keys + count * keyWidth;
  const keyBytes = keyBytesMin + entryAt(chunk, keys, keyWidth, i);
  const infoBytes = infoBytesMin + entryAt(chunk, infos, infoWidth, i);
  const start = recordStart(chunk, header, i);
  return {
    key: chunk.subarray(start, start + keyBytes),
    data: chunk.subarray(start + keyBytes + infoBytes, recordStart(chunk, header, i + 1)),
    timeMs: timeMsAt(chunk, header, i),
  };
}

function entryAt(chunk: Uint8Array, column: number, width: number, i: number): number {
  const at = column + i * width;
  let entry = 0;
  for (let byte = width - 1; byte >= 0; byte--) entry = entry * 256 + (chunk[at + byte] ?? 0);
  return entry;
}
