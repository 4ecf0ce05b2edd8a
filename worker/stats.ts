// GET /_millrace/stats: what an operator may want to know. Without a query, the counters of the isolate that
// answers; with ?stream=NAME (and &account= &region=), what each shard of that stream has stored and done.
import type { Runtime } from "./env.ts";
import { StreamError } from "./errors.ts";
import { bodies } from "./stream/bodies.ts";
import { findStream } from "./stream/directory.ts";
import { pendingTotalBytes } from "./stream/pending.ts";
import { readCounters } from "./stream/reader.ts";
import { unwrap } from "./stream/rpc.ts";
import type { Scope } from "./stream/types.ts";

export const statsPath = "/_millrace/stats";

/** `scope` is the caller's; the query may name another one that the caller may see. */
export async function serveStats(url: URL, runtime: Runtime, scope: Scope): Promise<Response> {
  const name = url.searchParams.get("stream");
  try {
    const shards = name === null ? undefined : await shardStats(runtime, scope, name);
    return json(200, { isolate: isolateStats(), ...(shards && { shards }) });
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    return json(404, { error: error.code, ...error.detail });
  }
}

function isolateStats() {
  const { bytes, hits, misses } = bodies;
  return {
    reads: readCounters,
    cache: { bytes, hits, misses },
    pendingBytes: pendingTotalBytes(),
  };
}

async function shardStats(runtime: Runtime, scope: Scope, name: string) {
  const { description } = await findStream(runtime.env, scope, name);
  return Promise.all(
    description.shards.map(async ({ uid, index }) => {
      const stats = unwrap(await runtime.env.SHARD.getByName(uid).stats());
      return { index, ...stats };
    }),
  );
}

function json(status: number, value: object): Response {
  return new Response(`${JSON.stringify(value, undefined, 2)}\n`, {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}
