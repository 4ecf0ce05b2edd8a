// The data of records without their keys and client info, as views of the chunk: nothing is copied.
import { CHUNK_HEADER_BYTES, type ChunkHeader, readHeader } from "./chunk.ts";
import { recordStart } from "./memory.ts";

/** The data of records `from` to `to`, in order, as one view where they follow one another. */
export function* dataRuns(chunk: Uint8Array, from: number, to: number): Generator<Uint8Array> {
  const header = readHeader(chunk);
  if (isPlain(header)) {
    yield chunk.subarray(recordStart(chunk, header, from), recordStart(chunk, header, to));
  } else yield* recordData(chunk, from, to);
}

/** The data of each of the records `from` to `to`. */
export function* recordData(chunk: Uint8Array, from: number, to: number): Generator<Uint8Array> {
  const header = readHeader(chunk);
  const { count, endWidth, keyWidth, infoWidth, keyBytesMin, infoBytesMin } = header;
  const keys = CHUNK_HEADER_BYTES + count * endWidth;
  const infos = keys + count * keyWidth;
  let start = recordStart(chunk, header, from);
  for (let i = from; i < to; i++) {
    const end = recordStart(chunk, header, i + 1);
    const keyBytes = keyBytesMin + entryAt(chunk, keys, keyWidth, i);
    const infoBytes = infoBytesMin + entryAt(chunk, infos, infoWidth, i);
    yield chunk.subarray(start + keyBytes + infoBytes, end);
    start = end;
  }
}

/** True if no record has a key or client info. */
function isPlain({ keyWidth, infoWidth, keyBytesMin, infoBytesMin }: ChunkHeader): boolean {
  return keyWidth === 0 && infoWidth === 0 && keyBytesMin === 0 && infoBytesMin === 0;
}

function entryAt(chunk: Uint8Array, column: number, width: number, i: number): number {
  let entry = 0;
  for (let byte = width - 1; byte >= 0; byte--) {
    entry = entry * 256 + (chunk[column + i * width + byte] ?? 0);
  }
  return entry;
}
