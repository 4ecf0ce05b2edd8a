// POST /_millrace/skip?stream=NAME&shard=UID&segment=N: readers may pass over a segment that cannot be read
// any more. The shard's uid and the segment's number are those that the error of a read and the log name.
// A segment with a sound copy is refused, so that no slip of the pen hides records.
import type { Runtime } from "../core/bindings.ts";
import { StreamError } from "../errors.ts";
import type { NamedResource } from "../stream/permission.ts";
import { refreshStream } from "../stream/directory.ts";
import { unwrap } from "../core/rpc.ts";

/** What is passed over from now on. Throws `invalidQuery`, and what the shard throws. */
export async function skipSegment(
  { env }: Runtime,
  stream: NamedResource | undefined,
  parameters: URLSearchParams,
): Promise<object> {
  const uid = parameters.get("shard");
  const segment = parameters.get("segment") ?? "";
  if (stream === undefined || uid === null || !/^\d{1,9}$/.test(segment)) {
    throw new StreamError("invalidQuery", { wanted: "stream, shard and segment" });
  }
  const { description } = await refreshStream(env, stream.scope, stream.name);
  if (!description.shards.some((shard) => shard.uid === uid)) {
    throw new StreamError("shardNotFound", { uid });
  }
  const { skipped } = unwrap(await env.SHARD.getByName(uid).skip(Number(segment)));
  return { shard: uid, ...skipped };
}
