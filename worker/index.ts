// The Worker: which dialect speaks, and nothing else. v3io names its operation in a header of its own,
// or asks for a path by a plain verb. Yandex Data Streams has the headers of Kinesis with a database
// for a path, another service for a target, or a region of that cloud in the credential. Everything
// else is Kinesis, which also answers what no dialect would ask.
import { defaultAccount, defaultRegion } from "./defaults.ts";
import type { Env, Runtime } from "./env.ts";
import { serveKinesis } from "./kinesis/face.ts";
import { serveStats, statsPath } from "./stats.ts";
import type { Scope } from "./stream/types.ts";
import { splitUrl } from "./url.ts";
import { serveV3io } from "./v3io/face.ts";
import { pingPath, serveYandex } from "./yandex/face.ts";
import { isYandexCredential } from "./yandex/names.ts";

export { Items } from "./items/items.ts";
export { Catalog } from "./stream/catalog.ts";
export { Segments } from "./stream/segments.ts";
export { Shard } from "./stream/shard.ts";

/** The account and region of requests that name none. */
const defaultScope: Scope = { account: defaultAccount, region: defaultRegion };

const kinesisTarget = /^Kinesis_20131202\./;

/** What the clients of one queue service say, which nobody here speaks. */
const queueTarget = /^AmazonSQS\./;

const verbs: ReadonlySet<string> = new Set(["GET", "HEAD", "PUT", "POST", "DELETE"]);

export default {
  fetch(request, env, ctx): Promise<Response> {
    const runtime: Runtime = {
      env,
      segments: ctx.exports.Segments,
      waitUntil: (work) => ctx.waitUntil(work),
    };
    const { path } = splitUrl(request.url);
    if (request.method === "GET" && path === statsPath) {
      return serveStats(request, runtime, defaultScope);
    }
    switch (dialectOf(request, path)) {
      case "v3io":
        return serveV3io(request, runtime, defaultScope);
      case "yandex":
        return serveYandex(request, runtime, defaultScope);
      case "kinesis":
        return serveKinesis(request, runtime, defaultScope);
    }
  },
} satisfies ExportedHandler<Env>;

function dialectOf({ method, headers }: Request, path: string): "v3io" | "yandex" | "kinesis" {
  if (headers.has("x-v3io-function")) return "v3io";
  const isRoot = /^\/*$/.test(path);
  const target = headers.get("x-amz-target");
  if (target === null) {
    if (path === pingPath && method === "GET") return "yandex";
    return !isRoot && verbs.has(method) ? "v3io" : "kinesis";
  }
  if (method !== "POST" || queueTarget.test(target)) return "kinesis";
  if (!isRoot || target.startsWith("kinesisApi.")) return "yandex";
  const [, credential = ""] = /Credential=([^,\s]*)/.exec(headers.get("authorization") ?? "") ?? [];
  return kinesisTarget.test(target) && isYandexCredential(credential) ? "yandex" : "kinesis";
}
