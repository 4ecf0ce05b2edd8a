// What the shard of a stream of Durable Streams begins with: records, and the end if there is nothing
// after them. It is written in the transaction that creates the shard, so nobody finds half of it.
import type { FirstContents } from "../core/rpc.ts";
import type { Chunk } from "../engine/chunk.ts";
import { groupChunks } from "./commitGroups.ts";
import { endStream } from "./guardedAppends.ts";
import type { ShardStore } from "./store.ts";

/** To be called in the transaction that has created the store. */
export function fillNew(
  store: ShardStore,
  chunks: readonly Chunk[],
  { isClosed, arrivalMs = Date.now() }: FirstContents,
): void {
  store.append(groupChunks(store.stamp(chunks, arrivalMs)));
  if (store.isFull) store.seal(arrivalMs);
  if (isClosed) endStream(store, { closer: undefined });
}
