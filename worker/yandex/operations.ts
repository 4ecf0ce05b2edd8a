// The methods that are served, by name, and those that the service has and this server does not.
import {
  deregisterStreamConsumer,
  listStreamConsumers,
  registerStreamConsumer,
} from "./actions/consumers.ts";
import { putRecord, putRecords } from "./actions/put.ts";
import { getRecords, getShardIterator } from "./actions/read.ts";
import { listShards } from "./actions/shards.ts";
import {
  createStream,
  decreaseRetention,
  deleteStream,
  describeStream,
  describeStreamSummary,
  increaseRetention,
  listStreams,
  updateShardCount,
  updateStream,
  updateStreamMode,
} from "./actions/streams.ts";
import type { Operation } from "./operation.ts";

const declared = [
  createStream,
  decreaseRetention,
  deleteStream,
  deregisterStreamConsumer,
  describeStream,
  describeStreamSummary,
  getRecords,
  getShardIterator,
  increaseRetention,
  listShards,
  listStreamConsumers,
  listStreams,
  putRecord,
  putRecords,
  registerStreamConsumer,
  updateShardCount,
  updateStream,
  updateStreamMode,
] as const;

export type OperationName = (typeof declared)[number]["name"];

export const operations: ReadonlyMap<string, Operation<OperationName>> = new Map(
  declared.map((each) => [each.name, each]),
);

/** Known to the service, and answered by it with a refusal (YDB datastreams_proxy.cpp). */
export const unimplemented: ReadonlySet<string> = new Set([
  "AddTagsToStream",
  "DescribeLimits",
  "DescribeStreamConsumer",
  "DisableEnhancedMonitoring",
  "EnableEnhancedMonitoring",
  "ListTagsForStream",
  "MergeShards",
  "RemoveTagsFromStream",
  "SplitShard",
  "StartStreamEncryption",
  "StopStreamEncryption",
]);
