// Reads a page from the newest generation, cut to the caller's limits. Records of older generations
// are read from their segments, not here.
import { horizonOf } from "../core/horizon.ts";
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
  let index = Math.max(request.index, view.firstIndex);
  const chunks: Uint8Array[] = [];
  let records = request.recordsMax;
  let bytes = request.bytesMax;
  const horizonMs = horizonOf(view, nowMs);
  const inLog = index >= (log.entries[0]?.firstIndex ?? view.nextIndex);
  for (let at = inLog ? log.find(index) : Infinity; records > 0; at++) {
    const entry = log.entries[at];
    if (entry === undefined || entry.firstIndex >= view.nextIndex) break;
    const isOnlyCopy = chunks.length === 0 && entry.segment === undefined;
    const chunk = isOnlyCopy ? log.load(entry) : log.loadIfSound(entry);
    if (chunk === undefined) break;
    const kept = entry.firstMs < horizonMs ? engine.findTime(chunk, horizonMs, 0) : 0;
    const from = Math.max(index - entry.firstIndex, kept);
    if (from >= entry.count) {
      index = entry.firstIndex + entry.count;
      continue;
    }
    const to = engine.fit(chunk, from, records, Math.max(bytes, 0));
    const size = engine.payloadBytes(chunk, from, to);
    if (size > bytes && chunks.length > 0) break;
    chunks.push(engine.slice(chunk, from, to));
    index = entry.firstIndex + to;
    records -= to - from;
    bytes -= size;
    if (to < entry.count) break;
  }
  return { chunks, index };
}
