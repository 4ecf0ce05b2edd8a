// The call that appends chunks to a shard. Large ones are handed to an object of the same isolate, and copied to any other.
import type { Env } from "../core/bindings.ts";
import { handChunks, takeBack } from "../core/handedChunks.ts";
import { isOnlyIsolate } from "../core/publishedTips.ts";
import type { AppendReply, Reply } from "../core/rpc.ts";
import { handedBytesMin } from "../limits.ts";

/** As `append` of the shard. The caller does not use the chunks any more. */
export async function appendChunks(
  env: Env,
  uid: string,
  chunks: Uint8Array[],
): Promise<Reply<AppendReply>> {
  const shard = env.SHARD.getByName(uid);
  const isLarge = chunks.some(({ length }) => length >= handedBytesMin);
  const number = isLarge && isOnlyIsolate(env) ? handChunks(uid, chunks, Date.now()) : undefined;
  if (number === undefined) return shard.append(chunks);
  try {
    const reply = await shard.appendHanded(number);
    if (reply !== null) return reply;
  } finally {
    takeBack(number);
  }
  return shard.append(chunks);
}
