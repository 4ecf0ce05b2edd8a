// Reads a page from the newest generation, cut to the caller's limits. Records of older generations
// are read from their segments, not here.
import { cutRuns } from "../core/cutRuns.ts";
import { engine } from "../engine/instance.ts";
import type { Log } from "./log.ts";
import type { ReadRequest, ShardView } from "../core/types.ts";

/**
 * Chunks with exactly the page's records, and the index after them. A page ends before a damaged
 * body. If a page would begin with a damaged chunk of the tail, this throws `corrupt`. If it would
 * begin with a damaged segment, the page is empty, because another place may have an intact copy.
 */
export function readTail(
  log: Log,
  view: ShardView,
  request: ReadRequest,
  nowMs: number,
): { chunks: Uint8Array[]; index: number } {
  const first = Math.max(request.index, view.firstIndex);
  const inLog = first >= (log.entries[0]?.firstIndex ?? view.nextIndex);
  const at = inLog ? log.find(first) : Infinity;
  const { runs, index } = cutRuns(log.entries, at, request, view, nowMs, (entry, isFirst) => {
    const isOnlyCopy = isFirst && entry.segment === undefined;
    return isOnlyCopy ? log.load(entry) : log.loadIfSound(entry);
  });
  return { chunks: runs.map(({ chunk, from, to }) => engine.slice(chunk, from, to)), index };
}
