// The inputs of every method, member by member. Source: ydb/public/api/protos/draft/datastreams.proto.
import {
  boolean,
  bytes,
  type Fields,
  integer,
  listOf,
  type MessageOf,
  messageOf,
  nameOf,
  text,
  time,
} from "./shapeTypes.ts";

const streamMode = messageOf({ StreamMode: nameOf("PROVISIONED", "ON_DEMAND") });

const partitioning = messageOf({
  MinActivePartitions: integer,
  MaxActivePartitions: integer,
  AutoPartitioningSettings: messageOf({
    Strategy: nameOf(
      "AUTO_PARTITIONING_STRATEGY_DISABLED",
      "AUTO_PARTITIONING_STRATEGY_SCALE_UP",
      "AUTO_PARTITIONING_STRATEGY_SCALE_UP_AND_DOWN",
      "AUTO_PARTITIONING_STRATEGY_PAUSED",
    ),
    PartitionWriteSpeed: messageOf({
      StabilizationWindow: messageOf({ Seconds: integer, Nanos: integer }),
      UpUtilizationPercent: integer,
      DownUtilizationPercent: integer,
    }),
  }),
});

const retention = { RetentionPeriodHours: integer, RetentionStorageMegabytes: integer };

const record = { Data: bytes, ExplicitHashKey: text, PartitionKey: text };

const consumer = { ConsumerName: text, StreamArn: text };

export const messages = {
  CreateStream: {
    StreamName: text,
    ShardCount: integer,
    WriteQuotaKbPerSec: integer,
    ...retention,
    StreamModeDetails: streamMode,
    PartitioningSettings: partitioning,
  },
  DeleteStream: { StreamName: text, EnforceConsumerDeletion: boolean },
  DescribeStream: { StreamName: text, ExclusiveStartShardId: text, Limit: integer },
  DescribeStreamSummary: { StreamName: text },
  ListStreams: { ExclusiveStartStreamName: text, Limit: integer, Recurse: boolean },
  ListShards: {
    StreamName: text,
    ExclusiveStartShardId: text,
    MaxResults: integer,
    NextToken: text,
    ShardFilter: messageOf({
      ShardId: text,
      Timestamp: time,
      Type: nameOf(
        "AFTER_SHARD_ID",
        "AT_TRIM_HORIZON",
        "FROM_TRIM_HORIZON",
        "AT_LATEST",
        "AT_TIMESTAMP",
        "FROM_TIMESTAMP",
      ),
    }),
    StreamCreationTimestamp: time,
  },
  UpdateStream: {
    StreamName: text,
    WriteQuotaKbPerSec: integer,
    TargetShardCount: integer,
    ...retention,
    StreamModeDetails: streamMode,
    PartitioningSettings: partitioning,
  },
  UpdateShardCount: {
    ScalingType: nameOf("UNIFORM_SCALING"),
    StreamName: text,
    TargetShardCount: integer,
  },
  UpdateStreamMode: { StreamArn: text, StreamModeDetails: streamMode },
  IncreaseStreamRetentionPeriod: { RetentionPeriodHours: integer, StreamName: text },
  DecreaseStreamRetentionPeriod: { RetentionPeriodHours: integer, StreamName: text },
  PutRecord: { ...record, SequenceNumberForOrdering: text, StreamName: text },
  PutRecords: { Records: listOf(record), StreamName: text },
  GetShardIterator: {
    ShardId: text,
    ShardIteratorType: nameOf(
      "AT_SEQUENCE_NUMBER",
      "AFTER_SEQUENCE_NUMBER",
      "AT_TIMESTAMP",
      "TRIM_HORIZON",
      "LATEST",
    ),
    StartingSequenceNumber: text,
    StreamName: text,
    Timestamp: time,
  },
  GetRecords: { Limit: integer, ShardIterator: text },
  RegisterStreamConsumer: consumer,
  DeregisterStreamConsumer: { ...consumer, ConsumerArn: text },
  ListStreamConsumers: {
    MaxResults: integer,
    NextToken: text,
    StreamArn: text,
    StreamCreationTimestamp: time,
  },
} as const satisfies Record<string, Fields>;

export type MethodName = keyof typeof messages;
export type InputOf<Name extends MethodName> = MessageOf<(typeof messages)[Name]>;

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

export function isMethod(name: string): name is MethodName {
  return Object.hasOwn(messages, name);
}
