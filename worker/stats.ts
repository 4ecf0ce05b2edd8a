// GET /_millrace/stats: what an operator may want to know. Without a query, the counters of the
// isolate that answers; with ?stream=NAME, what each shard of that stream has stored and done. Where keys
// are asked for, it takes a v3io key or password and the action `millrace:GetStats`.
import { accessOf } from "./auth/access.ts";
import { authenticate } from "./auth/authenticate.ts";
import type { DoorRefusal } from "./door.ts";
import type { Runtime } from "./env.ts";
import { StreamError } from "./errors.ts";
import { refusalOf } from "./permission.ts";
import { askSpace } from "./space.ts";
import { bodies } from "./stream/bodies.ts";
import { findStream } from "./stream/directory.ts";
import { pendingTotalBytes } from "./stream/pending.ts";
import { readCounters } from "./stream/readCounters.ts";
import { unwrap } from "./stream/rpc.ts";
import type { Scope } from "./stream/types.ts";
import { splitUrl } from "./url.ts";

export const statsPath = "/_millrace/stats";

export async function serveStats(
  request: Request,
  runtime: Runtime,
  home: Scope,
): Promise<Response> {
  const { env } = runtime;
  const { headers } = request;
  const caller = authenticate(accessOf(env), { dialect: "v3io", headers }, Date.now());
  if (caller.kind === "refusal") return json(403, { error: caller.name, message: caller.message });
  const name = new URLSearchParams(splitUrl(request.url).query).get("stream");
  const scope = { account: caller.principal.account, region: home.region };
  const stream = name === null ? undefined : { scope, name };
  const refusal = await refusalOf(env, caller, { action: "millrace:GetStats" }, stream);
  if (refusal !== undefined) return json(403, { error: refusal.name, message: refusal.message });
  try {
    const shards = name === null ? undefined : await shardStats(runtime, scope, name);
    const disk = env.SPACE === undefined ? undefined : await askSpace(env.SPACE);
    return json(200, {
      isolate: isolateStats(),
      ...(disk && { disk: { ...disk, takesWrites: disk.spareBytes > 0 } }),
      ...(shards && { shards }),
    });
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
      return Object.assign({ index }, stats);
    }),
  );
}

const refusalNames = { 400: "BadRequest", 403: "Forbidden", 503: "ServiceUnavailable" } as const;

export function refuseStats({ status, message }: DoorRefusal): Response {
  return json(status, { error: refusalNames[status], message });
}

function json(status: number, value: object): Response {
  return new Response(`${JSON.stringify(value, undefined, 2)}\n`, {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}
