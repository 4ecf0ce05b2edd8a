// The Worker's bindings, as wrangler.toml and the local server set them up, and what the core gets
// from each request.
import type { ItemsApi } from "./itemTypes.ts";
import type { ShardQueueApi } from "./queueTypes.ts";
import type { CatalogApi, ShardApi } from "./rpc.ts";
import type { SegmentBucket } from "./segmentBucket.ts";

/** More documents of access keys: a secret of Cloudflare has at most 5 KB. */
export const furtherAuthNames = [
  "MILLRACE_AUTH_2",
  "MILLRACE_AUTH_3",
  "MILLRACE_AUTH_4",
  "MILLRACE_AUTH_5",
  "MILLRACE_AUTH_6",
  "MILLRACE_AUTH_7",
  "MILLRACE_AUTH_8",
  "MILLRACE_AUTH_9",
] as const;

export interface Env extends Partial<Record<(typeof furtherAuthNames)[number], string>> {
  SHARD: DurableObjectNamespace<ShardApi & Rpc.DurableObjectBranded>;
  CATALOG: DurableObjectNamespace<CatalogApi & Rpc.DurableObjectBranded>;
  /** The queues over single shards. */
  QUEUE: DurableObjectNamespace<ShardQueueApi & Rpc.DurableObjectBranded>;
  /** The objects of a container, one for each account, region and container. */
  ITEMS: DurableObjectNamespace<ItemsApi & Rpc.DurableObjectBranded>;
  /** Sealed segments move here: to R2 when deployed. Without a bucket they stay in the shard. */
  SEGMENTS?: SegmentBucket;
  /** Files of the local server's objects: see stream/written.ts. */
  OBJECT_FILES?: Pick<Fetcher, "fetch">;
  /** Set if nobody outside this isolate can write to a shard: see core/publishedTips.ts. */
  ONE_ISOLATE?: string;
  /** A cluster's marks of objects that were written to: see stream/written.ts. */
  OBJECT_MARKS?: Pick<SegmentBucket, "get" | "put">;
  /** Keeps copies of segments and prints pages of them: see stream/frontPrinter.ts. */
  FRONT?: Pick<Fetcher, "fetch">;
  /** Set for requests that the front has passed on; it reads orders of pages. */
  BY_FRONT?: true;
  /** Tells what an instance of a cluster knows of itself: see cluster.ts. */
  CLUSTER?: Pick<Fetcher, "fetch">;
  /** Tells the free space of the local server's disk: see space.ts. */
  SPACE?: Pick<Fetcher, "fetch">;
  /** Empties the local server's store: see operator/reset.ts. */
  RESET?: Pick<Fetcher, "fetch">;
  /** The access keys: see auth/config.ts and auth/access.ts. */
  MILLRACE_AUTH?: string;
  MILLRACE_ACCESS?: string;
  /** Path of the Yandex database that is the default one: see yandex/names.ts. */
  MILLRACE_YANDEX_DATABASE?: string;
  /** Gets a data point for each request, if it is bound: see http/requestMetrics.ts. */
  ANALYTICS?: Pick<AnalyticsEngineDataset, "writeDataPoint">;
  /** See settings.ts. */
  MILLRACE_TRANSITION_MS?: string;
  MILLRACE_LIMITS?: string;
  MILLRACE_LONG_POLL_MS?: string;
  MILLRACE_V3IO_CONTAINERS?: string;
  /** See controls.ts. */
  MILLRACE_ITERATOR_TTL_MS?: string;
  MILLRACE_LATENCY_MS?: string;
  MILLRACE_ERROR_RATES?: string;
  MILLRACE_LOG?: string;
  MILLRACE_LOG_FORM?: string;
  /** Hosts and origins that a server without keys accepts besides its own: see http/door.ts. */
  MILLRACE_ALLOW_HOST?: string;
  MILLRACE_ALLOW_ORIGIN?: string;
}

/** What a request uses outside its own data. */
export interface Runtime {
  env: Env;
  /** The entrypoint that serves sealed segments, behind its cache. */
  segments: Pick<Fetcher, "fetch">;
  waitUntil(work: Promise<unknown>): void;
  /** True in a request that lasts: workerd does not end it as hung when it waits for nothing of its own. */
  isLasting?: boolean;
}

/** What a write uses. */
export type WriteRuntime = Pick<Runtime, "env" | "waitUntil" | "isLasting">;
