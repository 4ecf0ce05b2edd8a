// Shapes of members that several operations have. Constraints are those of the public service model (as
// shipped in botocore and the AWS SDKs, late 2026). In an operation's input the order of members is the
// order of the errors: that of kinesalite validations/*.js where it has the operation, of the model
// elsewhere. Kept although the newest model does not state them: shard counts up to 100,000, retention of
// at least an hour, a stream name unless an ARN is given (all seen on the wire), and the only way
// UpdateMaxRecordSize has to name its stream. What depends on a stream or on the moment is left to the action.
import {
  blob,
  integer,
  list,
  map,
  oneOf,
  pattern,
  required,
  requiredUnless,
  structure,
  text,
  timestamp,
} from "./shapeTypes.ts";

export const nameShape = text({ pattern: pattern("[a-zA-Z0-9_.-]+"), min: 1, max: 128 });

// The newest model anchors these two patterns; the service has printed them without.
export const hashKeyShape = text({ pattern: pattern("0|([1-9]\\d{0,38})") });

export const sequenceNumberShape = text({ pattern: pattern("0|([1-9]\\d{0,128})") });

// In the equivalents each `(?=(…))\1` takes the first occurrence and never gives it back, which is
// as good as any other: whatever follows a later one follows the first one too.
export const streamArnShape = text({
  pattern: pattern(
    "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+",
    /^arn:aws(?=(.*?:kinesis:))\1.*:\d{12}:stream\/\S+$/,
  ),
  min: 1,
  max: 2048,
});

export const consumerArnShape = text({
  pattern: pattern(
    "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+",
    /^arn:aws(?=(.*?:kinesis:))\1(?=(.*?:\d{12}:))\2.*stream\/[\w.-]+\/consumer\/[\w.-]+:\d+$/,
  ),
  min: 1,
  max: 2048,
});

export const resourceArnShape = text({
  pattern: pattern(
    "arn:aws.*:kinesis:.*:\\d{12}:.*(stream|channel|queue)/\\S+",
    /^arn:aws(?=(.*?:kinesis:))\1(?=(.*?:\d{12}:))\2.*(?:stream|channel|queue)\/\S+$/,
  ),
  min: 1,
  max: 2048,
});

export const streamIdShape = text({
  pattern: pattern("[a-z0-9]{20}-[a-z0-9]{3}"),
  min: 1,
  max: 24,
});

export const partitionKeyShape = text({ min: 1, max: 256 });

/** The largest record any stream may allow; the maximum of a given stream is the action's. */
export const dataShape = blob(10_485_760);

export const nextTokenShape = text({ min: 1, max: 1_048_576 });

export const pageLimitShape = integer(1, 10_000);

export const tagKeyShape = text({ min: 1, max: 128 });

export const tagsShape = map(tagKeyShape, text({ min: 0, max: 256 }), 1, 200);

export const tagKeysShape = list(tagKeyShape, 1, 50);

export const shardCountShape = integer(1, 100_000);

export const retentionHoursShape = integer(1);

export const maxRecordSizeShape = integer(1024, 10_240);

export const warmThroughputShape = integer(0);

export const distributionShape = oneOf("AUTO", "USER_PARTITION_KEY");

export const streamModeShape = structure({
  StreamMode: required(oneOf("PROVISIONED", "ON_DEMAND")),
});

export const encryptionShape = oneOf("NONE", "KMS");

export const keyIdShape = text({ min: 1, max: 2048 });

// The order in which the service prints the set (kinesalite validations/getShardIterator.js).
export const iteratorTypeShape = oneOf(
  "AFTER_SEQUENCE_NUMBER",
  "LATEST",
  "AT_TIMESTAMP",
  "AT_SEQUENCE_NUMBER",
  "TRIM_HORIZON",
);

export const shardFilterShape = structure({
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
  ShardId: nameShape,
  Timestamp: timestamp,
});

export const streamNameField = requiredUnless("StreamARN", nameShape);

export const byArn = { StreamARN: streamArnShape, StreamId: streamIdShape };

export const byRequiredArn = { StreamARN: required(streamArnShape), StreamId: streamIdShape };

export const byResource = { ResourceARN: required(resourceArnShape), StreamId: streamIdShape };

export const consumerShape = structure({
  StreamARN: streamArnShape,
  ConsumerName: nameShape,
  ConsumerARN: consumerArnShape,
  StreamId: streamIdShape,
});
