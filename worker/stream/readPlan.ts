// Where a page's records are: a pure decision from a location, the caller's limits and a shard's
// view. Sealed segments are read by their numbers, several at once; the tail is the shard's to read.
import { pageSegmentsMax, segmentBytes, segmentFetchesMax } from "../limits.ts";
import type { Location, ShardView } from "../core/types.ts";

/** How far into its first segment a page begins, for the planner. */
const startShare = 0.75;

export interface PageLimits {
  recordsMax: number;
  /** Payload bytes; one record is returned even if it alone has more. */
  bytesMax: number;
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
  const count = Math.min(segmentsExpected(limits, view), view.segment - first);
  return {
    from: "segments",
    index,
    endIndex: Math.min(index + limits.recordsMax, view.tailIndex),
    segments: Array.from({ length: count }, (_, i) => first + i),
  };
}

/** A page of history so far. */
export interface Progress {
  /** The segment to go on with. */
  segment: number;
  segmentsRead: number;
  recordsRead: number;
  bytesRead: number;
  /** What the page still has room for. */
  left: PageLimits;
}

/** Segments to go on with, as many as the page is likely to need, of those that are fetched at once. */
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
 * How many segments the page is likely to touch, by the shard's average. Where in the first one it
 * begins is not known, so most pages get one more than they would fill: a page that ends at a
 * segment's edge for want of the next is short, and costs another request.
 */
function segmentsExpected(limits: PageLimits, view: ShardView): number {
  const records = (view.tailIndex - view.firstIndex) / (view.segment - view.firstSegment);
  const byRecords = limits.recordsMax / Math.max(records, 1);
  const byBytes = limits.bytesMax / segmentBytes;
  const expected = Math.ceil(Math.min(byRecords, byBytes) + startShare);
  return Math.max(1, Math.min(expected, limits.recordsMax, segmentFetchesMax));
}
