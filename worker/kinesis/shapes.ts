// The inputs of the 45 operations of Kinesis Data Streams 2013-12-02, one entry each: adding an
// operation is adding its entry. Constraints are those of the public service model (as shipped in
// botocore and the AWS SDKs, late 2026). The order of members is the order of the errors: that of
// kinesalite validations/*.js where it has the operation, of the model elsewhere. Kept although
// the newest model does not state them: shard counts up to 100,000, retention of at least an hour,
// a stream name unless an ARN is given (all seen on the wire), and the only way UpdateMaxRecordSize
// has to name its stream. What depends on a stream or on the moment is left to the action.
import {
  blob,
  boolean,
  type InputOf,
  integer,
  list,
  map,
  oneOf,
  pattern,
  required,
  requiredByKey,
  requiredUnless,
  structure,
  text,
  timestamp,
} from "./shapeTypes.ts";

const name = text({ pattern: pattern("[a-zA-Z0-9_.-]+"), min: 1, max: 128 });

// The newest model anchors these two patterns; the service has printed them without.
const hashKey = text({ pattern: pattern("0|([1-9]\\d{0,38})") });

const sequenceNumber = text({ pattern: pattern("0|([1-9]\\d{0,128})") });

// In the equivalents each `(?=(…))\1` takes the first occurrence and never gives it back, which is
// as good as any other: whatever follows a later one follows the first one too.
const streamArn = text({
  pattern: pattern(
    "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+",
    /^arn:aws(?=(.*?:kinesis:))\1.*:\d{12}:stream\/\S+$/,
  ),
  min: 1,
  max: 2048,
});

const consumerArn = text({
  pattern: pattern(
    "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+",
    /^arn:aws(?=(.*?:kinesis:))\1(?=(.*?:\d{12}:))\2.*stream\/[\w.-]+\/consumer\/[\w.-]+:\d+$/,
  ),
  min: 1,
  max: 2048,
});

const resourceArn = text({
  pattern: pattern(
    "arn:aws.*:kinesis:.*:\\d{12}:.*(stream|channel)/\\S+",
    /^arn:aws(?=(.*?:kinesis:))\1(?=(.*?:\d{12}:))\2.*(?:stream|channel)\/\S+$/,
  ),
  min: 1,
  max: 2048,
});

const channelArn = text({
  pattern: pattern(
    "arn:aws.*:kinesis:.*:\\d{12}:channel/\\S+",
    /^arn:aws(?=(.*?:kinesis:))\1.*:\d{12}:channel\/\S+$/,
  ),
  min: 1,
  max: 2048,
});

const streamId = text({ pattern: pattern("[a-z0-9]{20}-[a-z0-9]{3}"), min: 1, max: 24 });

const partitionKey = text({ min: 1, max: 256 });

/** The largest record any stream may allow; the maximum of a given stream is the action's. */
const data = blob(10_485_760);

const nextToken = text({ min: 1, max: 1_048_576 });

const pageLimit = integer(1, 10_000);

const tagKey = text({ min: 1, max: 128 });

const tags = map(tagKey, text({ min: 0, max: 256 }), 1, 200);

const tagKeys = list(tagKey, 1, 50);

const shardCount = integer(1, 100_000);

const retentionHours = integer(1);

const maxRecordSize = integer(1024, 10_240);

const warmThroughput = integer(0);

const distribution = oneOf("AUTO", "USER_PARTITION_KEY");

const streamMode = structure({ StreamMode: required(oneOf("PROVISIONED", "ON_DEMAND")) });

const encryption = oneOf("NONE", "KMS");

const keyId = text({ min: 1, max: 2048 });

/** In the order in which they are listed (AWS API reference, EnhancedMetrics). */
export const metricNames = [
  "IncomingBytes",
  "IncomingRecords",
  "OutgoingBytes",
  "OutgoingRecords",
  "WriteProvisionedThroughputExceeded",
  "ReadProvisionedThroughputExceeded",
  "IteratorAgeMilliseconds",
] as const;

const metrics = list(oneOf(...metricNames, "ALL"), 1, metricNames.length);

// The order in which the service prints the set (kinesalite validations/getShardIterator.js).
const iteratorType = oneOf(
  "AFTER_SEQUENCE_NUMBER",
  "LATEST",
  "AT_TIMESTAMP",
  "AT_SEQUENCE_NUMBER",
  "TRIM_HORIZON",
);

const shardFilter = structure({
  Type: required(
    oneOf(
      "AFTER_SHARD_ID",
      "AT_TRIM_HORIZON",
      "FROM_TRIM_HORIZON",
      "AT_LATEST",
      "AT_TIMESTAMP",
      "FROM_TIMESTAMP",
    ),
  ),
  ShardId: name,
  Timestamp: timestamp,
});

const startingPosition = structure({
  Type: required(iteratorType),
  SequenceNumber: sequenceNumber,
  Timestamp: timestamp,
});

const recordEntry = structure(
  {
    PartitionKey: requiredByKey(partitionKey),
    ExplicitHashKey: hashKey,
    Data: required(data),
  },
  "com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@c965e310",
);

const streamName = requiredUnless("StreamARN", name);

const byArn = { StreamARN: streamArn, StreamId: streamId };

const byRequiredArn = { StreamARN: required(streamArn), StreamId: streamId };

const byResource = { ResourceARN: required(resourceArn), StreamId: streamId };

const consumer = structure({
  StreamARN: streamArn,
  ConsumerName: name,
  ConsumerARN: consumerArn,
  StreamId: streamId,
});

const roleArn = text({
  pattern: pattern("arn:aws[-a-z0-9]*:iam::\\d{12}:role/[a-zA-Z_0-9+=,.@\\-_/]+"),
  min: 1,
  max: 512,
});

const bucketArn = text({
  pattern: pattern("arn:aws[-a-z0-9]*:s3:::[a-z0-9._-]{3,63}"),
  min: 1,
  max: 2048,
});

const bucketOwner = text({ pattern: pattern("\\d{12}"), min: 12, max: 12 });

const deadLetters = structure({
  BucketARN: required(bucketArn),
  ExpectedBucketOwner: required(bucketOwner),
  ErrorOutputPrefix: text({
    pattern: pattern("[0-9A-Za-z!\\-_'.*()\\/]+"),
    min: 1,
    max: 512,
  }),
});

const s3Storage = structure({
  BucketARN: required(bucketArn),
  ExpectedBucketOwner: required(bucketOwner),
  OutputKeyTemplate: text({
    pattern: pattern("[0-9A-Za-z!\\-_'.*()\\/=:{}]+"),
    min: 1,
    max: 1024,
  }),
  StorageClass: oneOf("STANDARD", "INTELLIGENT_TIERING", "GLACIER_IR"),
  CompressionType: required(oneOf("NONE", "GZIP", "ZSTD")),
});

const partitionField = structure(
  {
    Transform: required(oneOf("TIME_HOUR")),
    SourceName: required(text({ pattern: pattern("[a-zA-Z0-9\\.\\_]+"), min: 1, max: 255 })),
  },
  "com.amazonaws.kinesis.v20131202.PartitionField",
);

const tableName = text({ pattern: pattern("[0-9a-z_]+"), min: 1, max: 255 });

const s3Table = structure(
  {
    TableBucketARN: required(
      text({
        pattern: pattern("arn:aws[-a-z0-9]*:s3tables:[-a-z0-9]+:\\d{12}:bucket/[a-z0-9_-]{3,63}"),
        min: 1,
        max: 2048,
      }),
    ),
    Namespace: required(tableName),
    TableName: required(tableName),
    CompressionType: required(oneOf("NONE", "ZSTD", "SNAPPY")),
    PartitionSpec: structure({ PartitionFields: required(list(partitionField, 1, 10)) }),
  },
  "com.amazonaws.kinesis.v20131202.S3TablesConfiguration",
);

const channelStream = structure(
  {
    StreamARN: required(streamArn),
    RecordConfiguration: required(
      structure({
        RecordFormatType: required(oneOf("GSR_JSON", "JSON", "STRING", "BYTE_ARRAY")),
        GSRSchemaARN: text({
          pattern: pattern(
            "arn:aws[-a-z0-9]*:glue:[-a-z0-9]+:\\d{12}:schema/[-a-zA-Z0-9_$#.]+/[-a-zA-Z0-9_$#.]+",
          ),
          min: 1,
          max: 512,
        }),
      }),
    ),
  },
  "com.amazonaws.kinesis.v20131202.ChannelStreamConfiguration",
);

const streamFilter = structure(
  { StreamARN: required(streamArn), StreamCreationTimestamp: timestamp },
  "com.amazonaws.kinesis.v20131202.StreamFilter",
);

const logging = structure({
  CloudWatchLogs: required(
    structure({
      Enabled: required(boolean),
      LogGroupName: text({ pattern: pattern("[\\.\\-_/#A-Za-z0-9]+"), min: 1, max: 512 }),
      LogStreamName: text({ pattern: pattern("[^:*]*"), min: 1, max: 512 }),
    }),
  ),
});

const freshness = structure({ DataFreshnessInSeconds: required(integer()) });

export const shapes = {
  AddTagsToStream: structure({ Tags: required(tags), StreamName: streamName, ...byArn }),
  CreateChannel: structure({
    ChannelName: required(name),
    ServiceExecutionRoleARN: required(roleArn),
    StreamConfigurationList: required(list(channelStream, 1, 10_000)),
    S3DestinationConfiguration: structure({
      DataFreshnessInSeconds: integer(),
      DeadLetterQueueS3Configuration: deadLetters,
      StorageConfiguration: required(s3Storage),
    }),
    S3TablesDestinationConfiguration: structure({
      DataFreshnessInSeconds: integer(),
      DeadLetterQueueS3Configuration: required(deadLetters),
      S3TablesConfigurationList: required(list(s3Table, 1, 10_000)),
    }),
    EncryptionConfiguration: structure({
      EncryptionType: required(oneOf("KMS")),
      KeyId: required(keyId),
    }),
    Tags: tags,
    LoggingConfiguration: logging,
  }),
  CreateStream: structure({
    ShardCount: shardCount,
    StreamName: required(name),
    StreamModeDetails: streamMode,
    Tags: tags,
    WarmThroughputMiBps: warmThroughput,
    MaxRecordSizeInKiB: maxRecordSize,
    RecordDistributionStrategy: distribution,
  }),
  DecreaseStreamRetentionPeriod: structure({
    RetentionPeriodHours: required(retentionHours),
    StreamName: streamName,
    ...byArn,
  }),
  DeleteChannel: structure({ ChannelARN: required(channelArn) }),
  DeleteResourcePolicy: structure(byResource),
  DeleteStream: structure({
    StreamName: streamName,
    EnforceConsumerDeletion: boolean,
    ...byArn,
  }),
  DeregisterStreamConsumer: consumer,
  DescribeAccountSettings: structure({}),
  DescribeChannel: structure({ ChannelARN: required(channelArn) }),
  DescribeLimits: structure({}),
  DescribeStream: structure({
    Limit: pageLimit,
    ExclusiveStartShardId: name,
    StreamName: streamName,
    ...byArn,
  }),
  DescribeStreamConsumer: consumer,
  DescribeStreamSummary: structure({ StreamName: streamName, ...byArn }),
  DisableEnhancedMonitoring: structure({
    StreamName: streamName,
    ShardLevelMetrics: required(metrics),
    ...byArn,
  }),
  EnableEnhancedMonitoring: structure({
    StreamName: streamName,
    ShardLevelMetrics: required(metrics),
    ...byArn,
  }),
  GetRecords: structure({
    Limit: pageLimit,
    ShardIterator: required(text({ min: 1, max: 512 })),
    ...byArn,
    DryRun: boolean,
  }),
  GetResourcePolicy: structure(byResource),
  GetShardIterator: structure({
    ShardId: required(name),
    ShardIteratorType: required(iteratorType),
    StartingSequenceNumber: sequenceNumber,
    StreamName: streamName,
    Timestamp: timestamp,
    ...byArn,
    DryRun: boolean,
  }),
  IncreaseStreamRetentionPeriod: structure({
    RetentionPeriodHours: required(retentionHours),
    StreamName: streamName,
    ...byArn,
  }),
  ListChannels: structure({
    StreamFilter: list(streamFilter, 1, 10_000),
    MaxResults: pageLimit,
    NextToken: nextToken,
  }),
  ListShards: structure({
    ExclusiveStartShardId: name,
    MaxResults: pageLimit,
    NextToken: nextToken,
    StreamCreationTimestamp: timestamp,
    StreamName: name,
    ShardFilter: shardFilter,
    ...byArn,
  }),
  ListStreamConsumers: structure({
    StreamARN: required(streamArn),
    NextToken: nextToken,
    MaxResults: pageLimit,
    StreamCreationTimestamp: timestamp,
    StreamId: streamId,
  }),
  ListStreams: structure({
    Limit: pageLimit,
    ExclusiveStartStreamName: name,
    NextToken: nextToken,
  }),
  ListTagsForResource: structure(byResource),
  ListTagsForStream: structure({
    Limit: integer(1, 50),
    ExclusiveStartTagKey: tagKey,
    StreamName: streamName,
    ...byArn,
  }),
  MergeShards: structure({
    ShardToMerge: required(name),
    AdjacentShardToMerge: required(name),
    StreamName: streamName,
    ...byArn,
  }),
  PutRecord: structure({
    SequenceNumberForOrdering: sequenceNumber,
    PartitionKey: requiredByKey(partitionKey),
    ExplicitHashKey: hashKey,
    Data: required(data),
    StreamName: streamName,
    ...byArn,
    DryRun: boolean,
  }),
  PutRecords: structure({
    Records: required(list(recordEntry, 1, 500)),
    StreamName: streamName,
    ...byArn,
    DryRun: boolean,
  }),
  PutResourcePolicy: structure({ ...byResource, Policy: required(text()) }),
  RegisterStreamConsumer: structure({
    StreamARN: required(streamArn),
    ConsumerName: required(name),
    StreamId: streamId,
    Tags: tags,
  }),
  RemoveTagsFromStream: structure({
    TagKeys: required(tagKeys),
    StreamName: streamName,
    ...byArn,
  }),
  SplitShard: structure({
    NewStartingHashKey: required(hashKey),
    StreamName: streamName,
    ShardToSplit: required(name),
    ...byArn,
  }),
  StartStreamEncryption: structure({
    StreamName: streamName,
    EncryptionType: required(encryption),
    KeyId: required(keyId),
    ...byArn,
  }),
  StopStreamEncryption: structure({
    StreamName: streamName,
    EncryptionType: required(encryption),
    KeyId: required(keyId),
    ...byArn,
  }),
  SubscribeToShard: structure({
    ConsumerARN: required(consumerArn),
    StreamId: streamId,
    ShardId: required(name),
    StartingPosition: required(startingPosition),
    DryRun: boolean,
  }),
  TagResource: structure({ Tags: required(tags), ...byResource }),
  UntagResource: structure({ TagKeys: required(tagKeys), ...byResource }),
  UpdateAccountSettings: structure({
    MinimumThroughputBillingCommitment: required(
      structure({ Status: required(oneOf("ENABLED", "DISABLED")) }),
    ),
  }),
  UpdateChannel: structure({
    ChannelARN: required(channelArn),
    S3DestinationConfiguration: freshness,
    S3TablesDestinationConfiguration: freshness,
    LoggingConfiguration: logging,
  }),
  UpdateMaxRecordSize: structure({ ...byRequiredArn, MaxRecordSizeInKiB: required(maxRecordSize) }),
  UpdateShardCount: structure({
    StreamName: streamName,
    TargetShardCount: required(shardCount),
    ScalingType: required(oneOf("UNIFORM_SCALING")),
    ...byArn,
  }),
  UpdateStreamMode: structure({
    ...byRequiredArn,
    StreamModeDetails: required(streamMode),
    WarmThroughputMiBps: warmThroughput,
  }),
  UpdateStreamRecordDistributionStrategy: structure({
    ...byRequiredArn,
    RecordDistributionStrategy: required(distribution),
  }),
  UpdateStreamWarmThroughput: structure({
    StreamARN: streamArn,
    StreamName: streamName,
    StreamId: streamId,
    WarmThroughputMiBps: required(warmThroughput),
  }),
};

export type OperationName = keyof typeof shapes;

/** What an action of this operation receives. */
export type OperationInput<Name extends OperationName> = InputOf<(typeof shapes)[Name]>;

export function isOperation(name: string): name is OperationName {
  return Object.hasOwn(shapes, name);
}
