// The Worker: which dialect speaks, and nothing else. v3io names its operation in a header of its
// own; everything else is Kinesis, which also answers what no dialect would ask.
import { defaultAccount, defaultRegion } from "./defaults.ts";
import type { Env, Runtime } from "./env.ts";
import { serveKinesis } from "./kinesis/face.ts";
import { serveStats, statsPath } from "./stats.ts";
import type { Scope } from "./stream/types.ts";
import { serveV3io } from "./v3io/face.ts";

export { Catalog } from "./stream/catalog.ts";
export { Segments } from "./stream/segments.ts";
export { Shard } from "./stream/shard.ts";

/** The account and region of requests that name none. */
const defaultScope: Scope = { account: defaultAccount, region: defaultRegion };

export default {
  fetch(request, env, ctx): Promise<Response> {
    const runtime: Runtime = {
      env,
      segments: ctx.exports.Segments,
      waitUntil: (work) => ctx.waitUntil(work),
    };
    if (request.method === "GET" && request.url.includes(statsPath)) {
      return serveStats(new URL(request.url), runtime, defaultScope);
    }
    if (request.headers.has("x-v3io-function")) return serveV3io(request, runtime, defaultScope);
    return serveKinesis(request, runtime, defaultScope);
  },
} satisfies ExportedHandler<Env>;
