// The 45 operations of Kinesis Data Streams 2013-12-02, by name.
import {
  describeAccountSettings,
  describeLimits,
  updateAccountSettings,
} from "./actions/account.ts";
import {
  createChannel,
  deleteChannel,
  describeChannel,
  listChannels,
  updateChannel,
} from "./actions/channels.ts";
import {
  deregisterStreamConsumer,
  describeStreamConsumer,
  listStreamConsumers,
  registerStreamConsumer,
} from "./actions/consumers.ts";
import { startStreamEncryption, stopStreamEncryption } from "./actions/encryption.ts";
import { disableEnhancedMonitoring, enableEnhancedMonitoring } from "./actions/monitoring.ts";
import { deleteResourcePolicy, getResourcePolicy, putResourcePolicy } from "./actions/policies.ts";
import { putRecord, putRecords } from "./actions/put.ts";
import { getRecords, getShardIterator } from "./actions/read.ts";
import {
  decreaseStreamRetentionPeriod,
  increaseStreamRetentionPeriod,
  updateMaxRecordSize,
  updateStreamMode,
  updateStreamRecordDistributionStrategy,
  updateStreamWarmThroughput,
} from "./actions/settings.ts";
import { listShards, mergeShards, splitShard, updateShardCount } from "./actions/shards.ts";
import {
  createStream,
  deleteStream,
  describeStream,
  describeStreamSummary,
  listStreams,
} from "./actions/streams.ts";
import { subscribeToShard } from "./actions/subscribe.ts";
import {
  addTagsToStream,
  listTagsForResource,
  listTagsForStream,
  removeTagsFromStream,
  tagResource,
  untagResource,
} from "./actions/tags.ts";
import type { Operation } from "./operation.ts";

/** All there are. */
export const declared = [
  addTagsToStream,
  createChannel,
  createStream,
  decreaseStreamRetentionPeriod,
  deleteChannel,
  deleteResourcePolicy,
  deleteStream,
  deregisterStreamConsumer,
  describeAccountSettings,
  describeChannel,
  describeLimits,
  describeStream,
  describeStreamConsumer,
  describeStreamSummary,
  disableEnhancedMonitoring,
  enableEnhancedMonitoring,
  getRecords,
  getResourcePolicy,
  getShardIterator,
  increaseStreamRetentionPeriod,
  listChannels,
  listShards,
  listStreamConsumers,
  listStreams,
  listTagsForResource,
  listTagsForStream,
  mergeShards,
  putRecord,
  putRecords,
  putResourcePolicy,
  registerStreamConsumer,
  removeTagsFromStream,
  splitShard,
  startStreamEncryption,
  stopStreamEncryption,
  subscribeToShard,
  tagResource,
  untagResource,
  updateAccountSettings,
  updateChannel,
  updateMaxRecordSize,
  updateShardCount,
  updateStreamMode,
  updateStreamRecordDistributionStrategy,
  updateStreamWarmThroughput,
] as const;

export type OperationName = (typeof declared)[number]["name"];

export const operations: ReadonlyMap<string, Operation<OperationName>> = new Map(
  declared.map((each) => [each.name, each]),
);
