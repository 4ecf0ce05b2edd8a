// POST /_millrace/skip?stream=NAME&shard=UID&segment=N: lets readers pass over a segment that
// cannot be read any more. The error of a read, and the log, name the shard's uid and the segment's
// number. A segment with an intact copy is refused, so that a mistake hides no records.
import type { Backend } from "../stream/backend.ts";
import { StreamError } from "../errors.ts";
import type { NamedResource } from "../stream/permission.ts";

/**
 * Returns what readers pass over from now on. Throws `invalidQuery`, and the errors of the shard.
 */
export async function skipSegment(
  backend: Backend,
  stream: NamedResource | undefined,
  parameters: URLSearchParams,
): Promise<object> {
  const uid = parameters.get("shard");
  const segment = parameters.get("segment") ?? "";
  if (stream === undefined || uid === null || !/^\d{1,9}$/.test(segment)) {
    throw new StreamError("invalidQuery", { wanted: "stream, shard and segment" });
  }
  const { description } = await backend.streams.refresh(stream.scope, stream.name);
  if (!description.shards.some((shard) => shard.uid === uid)) {
    throw new StreamError("shardNotFound", { uid });
  }
  const skipped = await backend.shards.skip(uid, Number(segment));
  return { shard: uid, ...skipped };
}
