// Chunks that are committed together, joined into as few bodies as the row size allows.
import { engine } from "../engine/instance.ts";
import { chunkBytesMax, tailChunksMax } from "../limits.ts";
import {
  CHUNK_HEADER_BYTES,
  type ChunkHeader,
  columnBytesMax,
  readHeader,
} from "../engine/chunk.ts";

/** Joins neighbours of one time; the chunks are stamped, their indexes consecutive. */
export function groupChunks(chunks: readonly Uint8Array[]): Uint8Array[] {
  const grouped: Uint8Array[] = [];
  let group: Uint8Array[] = [];
  let bytes = 0;
  let groupMs = 0;
  for (const chunk of chunks) {
    const header = readHeader(chunk);
    const most = mergedBytesMax(header);
    const full = bytes + most > chunkBytesMax || group.length === tailChunksMax;
    if (group.length > 0 && (full || header.timeMs !== groupMs)) {
      grouped.push(joinGroup(group));
      group = [];
      bytes = 0;
    }
    group.push(chunk);
    bytes += most;
    groupMs = header.timeMs;
  }
  if (group.length > 0) grouped.push(joinGroup(group));
  return grouped;
}

function joinGroup(group: readonly Uint8Array[]): Uint8Array {
  return group.length === 1 ? (group[0] as Uint8Array) : engine.merge(group);
}

/** What a chunk adds to a merged one at most. */
function mergedBytesMax({ count, payloadBytes }: ChunkHeader): number {
  return CHUNK_HEADER_BYTES + count * columnBytesMax + payloadBytes;
}
