// The arrival time before which a shard's records have expired.
import type { ShardView } from "./types.ts";

/** Records that arrived before it are not returned. */
export function horizonOf({ retentionMs, floorMs }: ShardView, nowMs: number): number {
  return Math.max(nowMs - retentionMs, floorMs);
}
