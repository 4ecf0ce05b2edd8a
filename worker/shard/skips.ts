// A way past a segment that cannot be read any more. Its bytes fail their check, or are missing, in every
// place; whoever reads there is refused, for ever, until an operator names the segment. The shard then
// makes sure that it is so, and writes down that readers may pass over it. Nothing is removed: where a sound
// copy appears again, it is read again.
import { StreamError } from "../errors.ts";
import { skippedSegmentsMax } from "../limits.ts";
import { isCorrupt } from "../core/bodyCheck.ts";
import type { LogEntry } from "./log.ts";
import type { ShardStore } from "./store.ts";
import type { SkippedSegment } from "../core/types.ts";

export type LoadSegment = (entry: LogEntry) => Promise<Uint8Array>;

/**
 * The first of the segments `first` to `end` (excluded) that no copy is sound of. Throws `segmentNotFound`
 * when there are no such segments, `segmentSound` when all can be read, and what else `load` throws.
 */
export async function findUnreadable(
  store: ShardStore,
  first: number,
  end: number,
  load: LoadSegment,
): Promise<SkippedSegment> {
  let isThere = false;
  for (let segment = first; segment < end; segment++) {
    const entry = store.segmentEntry(segment);
    if (entry === undefined) continue;
    isThere = true;
    try {
      await load(entry);
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      return { segment, index: entry.firstIndex, count: entry.count };
    }
  }
  const { uid } = store.description;
  throw new StreamError(isThere ? "segmentSound" : "segmentNotFound", {
    shard: uid,
    segment: first,
  });
}

/** The list with one more; segments that the shard has forgotten are left out. Throws `tooManySkipped`. */
export function addSkipped(
  list: readonly SkippedSegment[],
  added: SkippedSegment,
  firstIndex: number,
): SkippedSegment[] {
  const others = list.filter(
    ({ segment, index, count }) => segment !== added.segment && index + count > firstIndex,
  );
  if (others.length >= skippedSegmentsMax) {
    throw new StreamError("tooManySkipped", { limit: skippedSegmentsMax });
  }
  return [...others, added];
}
