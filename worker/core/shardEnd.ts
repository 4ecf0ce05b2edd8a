// The end of a shard that was closed by a split or a merge.
import type { Location, ShardView } from "./types.ts";

/** True if a page ends at the end of a closed shard: `next` is where it ends. */
export function isAtEnd({ next, view }: { next: Location; view: ShardView }): boolean {
  return view.closedMs !== undefined && next.index >= view.nextIndex;
}
