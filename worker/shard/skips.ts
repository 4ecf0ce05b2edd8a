// Lets readers pass over a segment that cannot be read any more. Its bytes fail their check, or are
// missing, in every place, and every read there is refused until an operator names the segment. The
// shard then checks that no copy is intact, and stores that readers may pass over it. Nothing is
// deleted: if an intact copy appears later, it is read again.
import { StreamError } from "../errors.ts";
import { skippedSegmentsMax } from "../limits.ts";
import { readHeader } from "../engine/chunk.ts";
import { isCorrupt } from "../core/bodyCheck.ts";
import type { ShardStore } from "./store.ts";
import type { SkippedSegment } from "../core/types.ts";

/** The verified bytes of a sealed segment. Throws `corrupt` if no copy is intact. */
export type LoadSegment = (segment: number) => Promise<Uint8Array>;

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
    const gap = entry === undefined ? store.segmentGap(segment) : undefined;
    if (entry === undefined && gap === undefined) continue;
    isThere = true;
    if ((await loadIfSound(segment, load)) !== undefined) continue;
    if (gap !== undefined) return await cutGap(gap, segment, load);
    if (entry !== undefined) return { segment, index: entry.firstIndex, count: entry.count };
  }
  const { uid } = store.description;
  throw new StreamError(isThere ? "segmentSound" : "segmentNotFound", {
    shard: uid,
    segment: first,
  });
}

/**
 * The part of a gap around an unreadable segment, between the segments of which the bucket has an
 * intact copy: these can be read, although no row lists them.
 */
async function cutGap(
  gap: Required<SkippedSegment>,
  segment: number,
  load: LoadSegment,
): Promise<SkippedSegment> {
  let [first, firstIndex] = [gap.segment, gap.index];
  for (let each = segment - 1; each >= gap.segment; each--) {
    const body = await loadIfSound(each, load);
    if (body === undefined) continue;
    const { firstIndex: index, count } = readHeader(body);
    [first, firstIndex] = [each + 1, index + count];
    break;
  }
  let [end, endIndex] = [gap.segment + gap.segments, gap.index + gap.count];
  for (let each = segment + 1; each < end; each++) {
    const body = await loadIfSound(each, load);
    if (body !== undefined) [end, endIndex] = [each, readHeader(body).firstIndex];
  }
  return { segment: first, index: firstIndex, count: endIndex - firstIndex, segments: end - first };
}

async function loadIfSound(segment: number, load: LoadSegment): Promise<Uint8Array | undefined> {
  try {
    return await load(segment);
  } catch (error) {
    if (isCorrupt(error)) return undefined;
    throw error;
  }
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
