// The Worker: its entrypoint, and the Durable Objects. serve.ts answers the requests.
import type { Env } from "./core/bindings.ts";
import { runtimeOf, serve } from "./serve.ts";

export { Items } from "./items/items.ts";
export { Catalog } from "./catalog/catalog.ts";
export { ShardQueue } from "./queue/shardQueue.ts";
export { Segments } from "./stream/segments.ts";
export { Shard } from "./shard/shard.ts";

export default {
  fetch(request, env, ctx): Promise<Response> {
    return serve(request, runtimeOf(env, ctx));
  },
} satisfies ExportedHandler<Env>;
