// Channels deliver records to Amazon S3, which this server does not have. Every operation answers
// with an error that says so, of a kind that is documented for it.
import { channelNotFound, channelsUnavailable } from "../errorTexts.ts";
import { operation } from "../operation.ts";
import { accountNamed } from "../resource.ts";
import {
  nameShape,
  streamArnShape,
  nextTokenShape,
  pageLimitShape,
  tagsShape,
  keyIdShape,
} from "../shapes.ts";
import {
  boolean,
  integer,
  list,
  oneOf,
  pattern,
  required,
  structure,
  text,
  timestamp,
} from "../shapeTypes.ts";

const channelArnShape = text({
  pattern: pattern(
    "arn:aws.*:kinesis:.*:\\d{12}:channel/\\S+",
    /^arn:aws(?=(.*?:kinesis:))\1.*:\d{12}:channel\/\S+$/,
  ),
  min: 1,
  max: 2048,
});

const roleArnShape = text({
  pattern: pattern("arn:aws[-a-z0-9]*:iam::\\d{12}:role/[a-zA-Z_0-9+=,.@\\-_/]+"),
  min: 1,
  max: 512,
});

const bucketArnShape = text({
  pattern: pattern("arn:aws[-a-z0-9]*:s3:::[a-z0-9._-]{3,63}"),
  min: 1,
  max: 2048,
});

const bucketOwnerShape = text({ pattern: pattern("\\d{12}"), min: 12, max: 12 });

const deadLettersShape = structure({
  BucketARN: required(bucketArnShape),
  ExpectedBucketOwner: required(bucketOwnerShape),
  ErrorOutputPrefix: text({
    pattern: pattern("[0-9A-Za-z!\\-_'.*()\\/]+"),
    min: 1,
    max: 512,
  }),
});

const s3StorageShape = structure({
  BucketARN: required(bucketArnShape),
  ExpectedBucketOwner: required(bucketOwnerShape),
  OutputKeyTemplate: text({
    pattern: pattern("[0-9A-Za-z!\\-_'.*()\\/=:{}]+"),
    min: 1,
    max: 1024,
  }),
  StorageClass: oneOf("STANDARD", "INTELLIGENT_TIERING", "GLACIER_IR"),
  CompressionType: required(oneOf("NONE", "GZIP", "ZSTD")),
});

const partitionFieldShape = structure(
  {
    Transform: required(oneOf("TIME_HOUR")),
    SourceName: required(text({ pattern: pattern("[a-zA-Z0-9\\.\\_]+"), min: 1, max: 255 })),
  },
  "com.amazonaws.kinesis.v20131202.PartitionField",
);

const tableNameShape = text({ pattern: pattern("[0-9a-z_]+"), min: 1, max: 255 });

const s3TableShape = structure(
  {
    TableBucketARN: required(
      text({
        pattern: pattern("arn:aws[-a-z0-9]*:s3tables:[-a-z0-9]+:\\d{12}:bucket/[a-z0-9_-]{3,63}"),
        min: 1,
        max: 2048,
      }),
    ),
    Namespace: required(tableNameShape),
    TableName: required(tableNameShape),
    CompressionType: required(oneOf("NONE", "ZSTD", "SNAPPY")),
    PartitionSpec: structure({ PartitionFields: required(list(partitionFieldShape, 1, 10)) }),
  },
  "com.amazonaws.kinesis.v20131202.S3TablesConfiguration",
);

const channelStreamShape = structure(
  {
    StreamARN: required(streamArnShape),
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

const streamFilterShape = structure(
  { StreamARN: required(streamArnShape), StreamCreationTimestamp: timestamp },
  "com.amazonaws.kinesis.v20131202.StreamFilter",
);

const loggingShape = structure({
  CloudWatchLogs: required(
    structure({
      Enabled: required(boolean),
      LogGroupName: text({ pattern: pattern("[\\.\\-_/#A-Za-z0-9]+"), min: 1, max: 512 }),
      LogStreamName: text({ pattern: pattern("[^:*]*"), min: 1, max: 512 }),
    }),
  ),
});

const freshnessShape = structure({ DataFreshnessInSeconds: required(integer()) });

export const createChannel = operation({
  name: "CreateChannel",
  input: structure({
    ChannelName: required(nameShape),
    ServiceExecutionRoleARN: required(roleArnShape),
    StreamConfigurationList: required(list(channelStreamShape, 1, 10_000)),
    S3DestinationConfiguration: structure({
      DataFreshnessInSeconds: integer(),
      DeadLetterQueueS3Configuration: deadLettersShape,
      StorageConfiguration: required(s3StorageShape),
    }),
    S3TablesDestinationConfiguration: structure({
      DataFreshnessInSeconds: integer(),
      DeadLetterQueueS3Configuration: required(deadLettersShape),
      S3TablesConfigurationList: required(list(s3TableShape, 1, 10_000)),
    }),
    EncryptionConfiguration: structure({
      EncryptionType: required(oneOf("KMS")),
      KeyId: required(keyIdShape),
    }),
    Tags: tagsShape,
    LoggingConfiguration: loggingShape,
  }),
  resource: accountNamed,
  rate: { perSecond: 5, of: "account" },
  run: async () => {
    throw channelsUnavailable();
  },
});

export const listChannels = operation({
  name: "ListChannels",
  input: structure({
    StreamFilter: list(streamFilterShape, 1, 10_000),
    MaxResults: pageLimitShape,
    NextToken: nextTokenShape,
  }),
  resource: accountNamed,
  rate: { perSecond: 5, of: "account" },
  run: async () => {
    throw channelsUnavailable();
  },
});

export const deleteChannel = operation({
  name: "DeleteChannel",
  input: structure({ ChannelARN: required(channelArnShape) }),
  resource: accountNamed,
  rate: { perSecond: 5, of: "account" },
  run: async (_, { ChannelARN }) => {
    throw channelNotFound(ChannelARN);
  },
});

export const describeChannel = operation({
  name: "DescribeChannel",
  input: structure({ ChannelARN: required(channelArnShape) }),
  resource: accountNamed,
  rate: { perSecond: 5, of: "account" },
  run: async (_, { ChannelARN }) => {
    throw channelNotFound(ChannelARN);
  },
});

export const updateChannel = operation({
  name: "UpdateChannel",
  input: structure({
    ChannelARN: required(channelArnShape),
    S3DestinationConfiguration: freshnessShape,
    S3TablesDestinationConfiguration: freshnessShape,
    LoggingConfiguration: loggingShape,
  }),
  resource: accountNamed,
  rate: { perSecond: 5, of: "account" },
  run: async (_, { ChannelARN }) => {
    throw channelNotFound(ChannelARN);
  },
});
