// A call of a shard by memory (core/nearShards.ts), as requests make it.
import type { WriteRuntime } from "../core/bindings.ts";
import type { NearApi, NearShard } from "../core/nearShards.ts";
import { StreamError } from "../errors.ts";
import { jointAnswerMs } from "../limits.ts";

/** Resolves and throws as the work does; throws `unreachable` if there is no answer for too long. */
export async function callNear<T>(
  { isLasting = false }: WriteRuntime,
  near: NearShard,
  work: (shard: NearApi) => Promise<T>,
): Promise<T> {
  const call = near.call(work);
  // The attendant looks after calls of requests that last (stream/attendant.ts).
  if (isLasting) return call;
  // workerd ends a request that waits for nothing of its own as hung.
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new StreamError("unreachable")), jointAnswerMs);
  try {
    return await Promise.race([call, promise]);
  } finally {
    clearTimeout(timer);
  }
}
