// The 57 operations of Kinesis Data Streams 2013-12-02, by name.
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
import {
  acknowledgeDeadLetterQueueRecords,
  acknowledgeQueueRecords,
  receiveDeadLetterQueueRecords,
  receiveQueueRecords,
  restoreDeadLetterQueueRecords,
  updateDeadLetterQueueRecordsVisibility,
  updateQueueRecordsVisibility,
} from "./actions/queueRecords.ts";
import {
  createQueue,
  deleteQueue,
  describeQueue,
  listQueues,
  updateQueue,
} from "./actions/queues.ts";
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
  acknowledgeDeadLetterQueueRecords,
  acknowledgeQueueRecords,
  addTagsToStream,
  createChannel,
  createQueue,
  createStream,
  decreaseStreamRetentionPeriod,
  deleteChannel,
  deleteQueue,
  deleteResourcePolicy,
  deleteStream,
  deregisterStreamConsumer,
  describeAccountSettings,
  describeChannel,
  describeLimits,
  describeQueue,
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
  listQueues,
  listShards,
  listStreamConsumers,
  listStreams,
  listTagsForResource,
  listTagsForStream,
  mergeShards,
  putRecord,
  putRecords,
  putResourcePolicy,
  receiveDeadLetterQueueRecords,
  receiveQueueRecords,
  registerStreamConsumer,
  removeTagsFromStream,
  restoreDeadLetterQueueRecords,
  splitShard,
  startStreamEncryption,
  stopStreamEncryption,
  subscribeToShard,
  tagResource,
  untagResource,
  updateAccountSettings,
  updateChannel,
  updateDeadLetterQueueRecordsVisibility,
  updateMaxRecordSize,
  updateQueue,
  updateQueueRecordsVisibility,
  updateShardCount,
  updateStreamMode,
  updateStreamRecordDistributionStrategy,
  updateStreamWarmThroughput,
] as const;

export type OperationName = (typeof declared)[number]["name"];

export const operations: ReadonlyMap<string, Operation<OperationName>> = new Map(
  declared.map((each) => [each.name, each]),
);
