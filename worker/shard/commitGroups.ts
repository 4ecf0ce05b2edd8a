// Joins the chunks of one commit into as few bodies as the row size allows.
import { engine } from "../engine/instance.ts";
import { chunkBytesMax, tailChunksMax } from "../limits.ts";
import {
  type Chunk,
  CHUNK_HEADER_BYTES,
  type ChunkHeader,
  columnBytesMax,
  openChunk,
} from "../engine/chunk.ts";

/** Joins neighbours with the same time; the chunks are stamped, their indexes consecutive. */
export function groupChunks(chunks: readonly Chunk[]): Chunk[] {
  const grouped: Chunk[] = [];
  let group: Chunk[] = [];
  let bytes = 0;
  let groupMs = 0;
  for (const chunk of chunks) {
    const { header, kept } = chunk;
    // A body that was staged is a segment by itself.
    const most = kept === undefined ? mergedBytesMax(header) : chunkBytesMax;
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

function joinGroup(group: readonly Chunk[]): Chunk {
  const [first] = group;
  if (group.length === 1 && first !== undefined) return first;
  return openChunk(engine.merge(group.map(({ bytes }) => bytes)));
}

/** What a chunk adds to a merged one at most. */
function mergedBytesMax({ count, payloadBytes }: ChunkHeader): number {
  return CHUNK_HEADER_BYTES + count * columnBytesMax + payloadBytes;
}
