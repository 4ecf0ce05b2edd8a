// Segments that were staged, as plain memory of the isolate. Where the objects live in the isolate of the Worker, a
// reader finds here under which name the bytes of a new segment lie, and reads them without a call of the shard. A shard
// puts a segment here when its row is durable, so an entry stays true: no number is given to another segment, and no name
// to another file. Of a segment that is gone, nothing is found under its name.
import { stagedSegmentsMax } from "../limits.ts";
import { BoundedMap } from "./boundedMap.ts";
import { segmentKey } from "./bodyCache.ts";
import type { StagedSegment } from "./segmentBucket.ts";

const staged = new BoundedMap<StagedSegment>(stagedSegmentsMax);

export function noteStaged(uid: string, segment: number, found: StagedSegment): void {
  staged.set(segmentKey(uid, segment), found);
}

export function findStaged(uid: string, segment: number): StagedSegment | undefined {
  return staged.get(segmentKey(uid, segment));
}
