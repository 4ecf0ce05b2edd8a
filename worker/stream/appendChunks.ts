// The calls that append chunks to a shard. Large ones, and many together, are handed to an object of the same isolate,
// and copied to any other.
import type { Env } from "../core/bindings.ts";
import { handChunks, takeBack } from "../core/handedChunks.ts";
import { isOnlyIsolate } from "../core/publishedTips.ts";
import type { AppendOutcome, AppendReply, Offer, Reply } from "../core/rpc.ts";
import { handedBytesMin } from "../limits.ts";

/** As `append` of the shard. The caller does not use the chunks any more. */
export async function appendChunks(
  env: Env,
  uid: string,
  chunks: Uint8Array[],
): Promise<Reply<AppendReply>> {
  const shard = env.SHARD.getByName(uid);
  const number = handOver(env, uid, chunks);
  if (number === undefined) return shard.append(chunks);
  try {
    const reply = await shard.appendHanded(number);
    if (reply !== null) return reply;
  } finally {
    takeBack(number);
  }
  return shard.append(chunks);
}

/** As `appendEach` of the shard. The caller does not use the chunks any more. */
export async function appendOffers(
  env: Env,
  uid: string,
  offers: Offer[],
): Promise<AppendOutcome[]> {
  const shard = env.SHARD.getByName(uid);
  const chunks = offers.flatMap((offer) => offer.chunks);
  const number = handOver(env, uid, chunks);
  if (number === undefined) return shard.appendEach(offers);
  const handed = offers.map((offer) => ({ count: offer.chunks.length, guard: offer.guard }));
  try {
    const outcomes = await shard.appendEachHanded(number, handed);
    if (outcomes !== null) return outcomes;
  } finally {
    takeBack(number);
  }
  return shard.appendEach(offers);
}

/** The number by which the shard finds the chunks; undefined if they are to be sent. */
function handOver(env: Env, uid: string, chunks: readonly Uint8Array[]): number | undefined {
  if (!isOnlyIsolate(env)) return undefined;
  const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
  return bytes < handedBytesMin ? undefined : handChunks(uid, chunks, Date.now());
}
