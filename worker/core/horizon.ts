// The oldest arrival that a shard's retention still keeps.
import type { ShardView } from "./types.ts";

/** Records that arrived before it are not returned. */
export function horizonOf({ retentionMs, floorMs }: ShardView, nowMs: number): number {
  return Math.max(nowMs - retentionMs, floorMs);
}
