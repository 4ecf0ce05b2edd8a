// Decides where a page's records are, from a location, the caller's limits and a shard's view. A
// pure function. Sealed segments are read by number, several at once; the tail is read from the
// shard.
import { pageSegmentsMax, segmentBytes, segmentFetchesMax } from "../limits.ts";
import type { Location, ShardView } from "../core/types.ts";

/** The planner's assumption of where in its first segment a page begins. */
const startShare = 0.75;

export interface PageLimits {
  recordsMax: number;
  /** Payload bytes; one record is returned even if it alone has more. */
  bytesMax: number;
  /** Segments that are read, if no others are wanted. */
  segmentsMax?: number;
}

export type ReadPlan =
  /** The record is in the tail, or not written yet. */
  | { from: "tail"; index: number }
  /** Records from `index` on, before `endIndex`, are in these segments, or in later ones. */
  | { from: "segments"; index: number; endIndex: number; segments: number[] };

/** A location before the view's first record is moved up to it. */
export function planRead(location: Location, limits: PageLimits, view: ShardView): ReadPlan {
  const trimmed = location.index < view.firstIndex;
  const index = trimmed ? view.firstIndex : location.index;
  if (index >= view.tailIndex) return { from: "tail", index };
  const hint = trimmed ? view.firstSegment : location.segment;
  const first = Math.min(Math.max(hint, view.firstSegment), view.segment - 1);
  const { segmentsMax = Infinity } = limits;
  const count = Math.min(segmentsExpected(limits, view), view.segment - first, segmentsMax);
  return {
    from: "segments",
    index,
    endIndex: Math.min(index + limits.recordsMax, view.tailIndex),
    segments: Array.from({ length: count }, (_, i) => first + i),
  };
}

/** The state of a page of history while it is gathered. */
export interface Progress {
  /** The next segment. */
  segment: number;
  segmentsRead: number;
  recordsRead: number;
  bytesRead: number;
  /** Remaining room of the page. */
  left: PageLimits;
}

/**
 * The next segments: as many as the page probably needs, at most as many as are fetched at once.
 */
export function planMore(progress: Progress, view: ShardView): number[] {
  const { segment, segmentsRead, recordsRead, bytesRead, left } = progress;
  if (left.recordsMax <= 0 || left.bytesMax <= 0) return [];
  const mean = (total: number): number => Math.max(total / Math.max(segmentsRead, 1), 1);
  const byRecords = left.recordsMax / mean(recordsRead);
  const byBytes = left.bytesMax / mean(bytesRead);
  const expected = Math.max(Math.ceil(Math.min(byRecords, byBytes)), 1);
  const allowed = Math.min(view.segment - segment, pageSegmentsMax - segmentsRead);
  const count = Math.max(Math.min(expected, segmentFetchesMax, allowed), 0);
  return Array.from({ length: count }, (_, i) => segment + i);
}

/**
 * How many segments the page probably needs, by the shard's average. The start within the first
 * segment is not known, so most pages get one segment more. Without it, pages would end early at
 * segment boundaries, and the rest would cost another request.
 */
function segmentsExpected(limits: PageLimits, view: ShardView): number {
  const records = (view.tailIndex - view.firstIndex) / (view.segment - view.firstSegment);
  const byRecords = limits.recordsMax / Math.max(records, 1);
  const byBytes = limits.bytesMax / segmentBytes;
  const expected = Math.ceil(Math.min(byRecords, byBytes) + startShare);
  return Math.max(1, Math.min(expected, limits.recordsMax, segmentFetchesMax));
}
