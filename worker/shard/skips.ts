// Lets readers pass over a segment that cannot be read any more. Its bytes fail their check, or are
// missing, in every place, and every read there is refused until an operator names the segment. The
// shard then checks that no copy is intact, and stores that readers may pass over it. Nothing is
// deleted: if an intact copy appears later, it is read again.
import { StreamError } from "../errors.ts";
import { skippedSegmentsMax } from "../limits.ts";
import { isCorrupt } from "../core/bodyCheck.ts";
import type { LogEntry } from "./log.ts";
import type { ShardStore } from "./store.ts";
import type { SkippedSegment } from "../core/types.ts";

export type LoadSegment = (entry: LogEntry) => Promise<Uint8Array>;

/**
 * The first of the segments `first` to `end` (excluded) without an intact copy. Throws
 * `segmentNotFound` if there are no such segments, `segmentSound` if all can be read, and other
 * errors of `load`.
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

/**
 * The list with one segment more, without segments that the shard has deleted. Throws
 * `tooManySkipped`.
 */
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
