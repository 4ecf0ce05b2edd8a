// What the Worker is bound to, as wrangler.toml and the local server set it up.
import type { CatalogApi, ShardApi } from "./stream/rpc.ts";

export interface Env {
  SHARD: DurableObjectNamespace<ShardApi & Rpc.DurableObjectBranded>;
  CATALOG: DurableObjectNamespace<CatalogApi & Rpc.DurableObjectBranded>;
}
