// The bodies of errors, and every documented message in the words of the service.
import { describe, expect, test } from "vitest";
import { jsonCodec } from "../../../worker/kinesis/codec.ts";
import {
  errorStatus,
  KinesisError,
  type KinesisErrorName,
  recordFailure,
  renderError,
} from "../../../worker/kinesis/errors.ts";
import * as messages from "../../../worker/kinesis/errorTexts.ts";

function render(error: KinesisError): [number, string] {
  const { status, headers, body } = renderError(error, jsonCodec);
  expect(headers).toEqual({ "content-type": "application/x-amz-json-1.1" });
  return [status, Buffer.from(body).toString()];
}

describe("errors: the body", () => {
  test.each<[KinesisErrorName, string, number, string]>([
    [
      "ResourceNotFoundException",
      "Gone.",
      400,
      '{"__type":"ResourceNotFoundException","message":"Gone."}',
    ],
    [
      "SerializationException",
      "Expected null",
      400,
      '{"__type":"SerializationException","Message":"Expected null"}',
    ],
    ["SerializationException", "", 400, '{"__type":"SerializationException"}'],
    ["UnknownOperationException", "", 400, '{"__type":"UnknownOperationException"}'],
    ["InternalFailure", "", 500, '{"__type":"InternalFailure"}'],
    ["InternalFailure", "a secret", 500, '{"__type":"InternalFailure"}'],
  ])("%s %j", (name, message, status, body) => {
    expect(render(new KinesisError(name, message))).toEqual([status, body]);
  });

  test("every name has the status 400, but for a body too large and the faults of the server", () => {
    const faults = Object.entries(errorStatus).filter(([, status]) => status !== 400);
    expect(faults).toEqual([
      ["InternalFailure", 500],
      ["InternalFailureException", 500],
      ["RequestEntityTooLargeException", 413],
      ["ServiceUnavailable", 503],
    ]);
  });

  test("a record that fails says why, and not more", () => {
    expect(recordFailure(messages.throughputExceeded(0, stream))).toEqual({
      ErrorCode: "ProvisionedThroughputExceededException",
      ErrorMessage:
        "Rate exceeded for shard shardId-000000000000 in stream s under account 123456789012.",
    });
    expect(recordFailure(new KinesisError("InternalFailure", "a secret"))).toEqual({
      ErrorCode: "InternalFailure",
      ErrorMessage: "Internal service failure.",
    });
  });
});

const stream = { name: "s", account: "123456789012" };

const in2015 = Date.UTC(2015, 0, 22, 1, 22, 2);

const eitherType =
  "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and " +
  "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. ";

describe("messages: word for word", () => {
  test.each<[KinesisError, KinesisErrorName, string]>([
    [
      messages.streamNotFound(stream),
      "ResourceNotFoundException",
      "Stream s under account 123456789012 not found.",
    ],
    [
      messages.streamExists(stream),
      "ResourceInUseException",
      "Stream s under account 123456789012 already exists.",
    ],
    [
      messages.streamNotActive(stream, "CREATING"),
      "ResourceInUseException",
      "Stream s under account 123456789012 not ACTIVE, instead in state CREATING",
    ],
    [
      messages.streamOnDemand(stream),
      "ValidationException",
      "Request is invalid. Stream s under account 123456789012 is in On-Demand mode.",
    ],
    [
      messages.shardLimitExceeded({
        account: "123456789012",
        region: "us-east-1",
        current: 9,
        limit: 10,
        additional: 3,
      }),
      "LimitExceededException",
      "This request would exceed the shard limit for the account 123456789012 in us-east-1. " +
        "Current shard count for the account: 9. Limit: 10. Number of additional shards that " +
        "would have resulted from this request: 3. Refer to the AWS Service Limits page " +
        "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) " +
        "for current limits and how to request higher limits.",
    ],
    [
      messages.requestRateExceeded(stream),
      "LimitExceededException",
      "Rate exceeded for stream s under account 123456789012.",
    ],
    [
      messages.streamUnnamed(),
      "ValidationException",
      "1 validation error detected: Value null at 'streamName' failed to satisfy constraint: " +
        "Member must not be null",
    ],
    [
      messages.shardNotFound("ABKLFD8", stream),
      "ResourceNotFoundException",
      "Could not find shard ABKLFD8 in stream s under account 123456789012.",
    ],
    [
      messages.shardDoesNotExist(5, stream),
      "ResourceNotFoundException",
      "Shard shardId-000000000005 in stream s under account 123456789012 does not exist",
    ],
    [
      messages.shardAlreadySplit(0, stream),
      "InvalidArgumentException",
      "Shard shardId-000000000000 in stream s under account 123456789012 has already been merged " +
        "or split, and thus is not eligible for merging or splitting.",
    ],
    [
      messages.shardsNotAdjacent(0, 2, stream),
      "InvalidArgumentException",
      "Shards shardId-000000000000 and shardId-000000000002 in stream s under account " +
        "123456789012 are not an adjacent pair of shards eligible for merging",
    ],
    [
      messages.splitKeyOutOfRange("1", 0, stream, { start: 0n, end: 99n }),
      "InvalidArgumentException",
      "NewStartingHashKey 1 used in SplitShard() on shard shardId-000000000000 in stream s under " +
        "account 123456789012 is not both greater than one plus the shard's StartingHashKey 0 " +
        "and less than the shard's EndingHashKey 99.",
    ],
    [
      messages.shardCountTooHigh(2, 5),
      "LimitExceededException",
      "UpdateShardCount cannot scale up over double your current open shard count. " +
        "Current open shard count: 2, Target shard count: 5",
    ],
    [
      messages.shardCountTooLow(10, 4),
      "LimitExceededException",
      "UpdateShardCount cannot scale down below half your current open shard count. " +
        "Current open shard count: 10, Target shard count: 4",
    ],
    [
      messages.listShardsWithoutStream(),
      "InvalidArgumentException",
      "Either NextToken or StreamName should be provided.",
    ],
    [
      messages.memberWithToken("StreamName"),
      "InvalidArgumentException",
      "NextToken and StreamName cannot be provided together.",
    ],
    [
      messages.explicitHashKeyOutOfRange("340282366920938463463374607431768211456"),
      "InvalidArgumentException",
      "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. " +
        "Specified value was 340282366920938463463374607431768211456",
    ],
    [
      messages.orderingNumberInvalid("7", stream),
      "InvalidArgumentException",
      "ExclusiveMinimumSequenceNumber 7 used in PutRecord on stream s under account " +
        "123456789012 is invalid.",
    ],
    [
      messages.recordTooLarge({ bytesMax: 1_048_576, dataBytes: 1_048_577, ordinal: 1 }),
      "ValidationException",
      "1 validation error detected: Value at 'records.1.member.data' failed to satisfy " +
        "constraint: Member must have length less than or equal to 1048576",
    ],
    [
      messages.recordTooLarge({ bytesMax: 1_048_576, dataBytes: 1_048_577 }),
      "ValidationException",
      "1 validation error detected: Value at 'data' failed to satisfy constraint: " +
        "Member must have length less than or equal to 1048576",
    ],
    [messages.recordsTooLarge(10), "InvalidArgumentException", "Records size exceeds 10 MB limit"],
    [
      messages.throughputExceeded(0, stream),
      "ProvisionedThroughputExceededException",
      "Rate exceeded for shard shardId-000000000000 in stream s under account 123456789012.",
    ],
    [
      messages.iteratorTypeMismatch("LATEST", true),
      "InvalidArgumentException",
      `${eitherType}Request specified LATEST and also a StartingSequenceNumber.`,
    ],
    [
      messages.iteratorTypeMismatch("AT_SEQUENCE_NUMBER", false),
      "InvalidArgumentException",
      `${eitherType}Request specified AT_SEQUENCE_NUMBER and no StartingSequenceNumber.`,
    ],
    [
      messages.startingNumberInvalid("9", 0, stream),
      "InvalidArgumentException",
      "StartingSequenceNumber 9 used in GetShardIterator on shard shardId-000000000000 in " +
        "stream s under account 123456789012 is invalid.",
    ],
    [
      messages.startingNumberForeign("9", 0, stream),
      "InvalidArgumentException",
      "StartingSequenceNumber 9 used in GetShardIterator on shard shardId-000000000000 in " +
        "stream s under account 123456789012 is invalid because it did not come from this stream.",
    ],
    [
      messages.startingNumberOfOtherShard(-2147483648, 0),
      "InvalidArgumentException",
      "Invalid StartingSequenceNumber. It encodes shardId--02147483648, while it was used in a " +
        "call to a shard with shardId-000000000000",
    ],
    [
      messages.timestampMissing(),
      "InvalidArgumentException",
      "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. " +
        "Current request has no timestamp parameter.",
    ],
    [
      messages.timestampInFuture(1_622_282_661_795_000, 1_622_282_661_795),
      "InvalidArgumentException",
      "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. " +
        "timestampInMillis: 1622282661795000, currentTimestampInMillis: 1622282661795",
    ],
    [messages.iteratorInvalid(), "InvalidArgumentException", "Invalid ShardIterator."],
    [
      messages.iteratorExpired(in2015, in2015 + 300_001),
      "ExpiredIteratorException",
      "Iterator expired. The iterator was created at time Thu Jan 22 01:22:02 UTC 2015 while " +
        "right now it is Thu Jan 22 01:27:02 UTC 2015 which is further in the future than the " +
        "tolerated delay of 300000 milliseconds.",
    ],
    [
      messages.retentionTooShort(23),
      "InvalidArgumentException",
      "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) " +
        "is too short.",
    ],
    [
      messages.retentionTooLong(8761),
      "InvalidArgumentException",
      "Maximum allowed retention period is 8760 hours. Requested retention period (8761 hours) " +
        "is too long.",
    ],
    [
      messages.retentionInWrongDirection("Decrease", 25, 24, stream),
      "InvalidArgumentException",
      "Requested retention period (25 hours) for stream s can not be longer than existing " +
        "retention period (24 hours). Use IncreaseRetentionPeriod API.",
    ],
    [
      messages.retentionInWrongDirection("Increase", 24, 25, stream),
      "InvalidArgumentException",
      "Requested retention period (24 hours) for stream s can not be shorter than existing " +
        "retention period (25 hours). Use DecreaseRetentionPeriod API.",
    ],
    [
      messages.tagCharactersInvalid(),
      "InvalidArgumentException",
      "Some tags contain invalid characters. Valid characters: Unicode letters, digits, " +
        "white space, _ . / = + - % @.",
    ],
    [
      messages.tagCharactersIllegal("add tags to", stream),
      "InvalidArgumentException",
      "Failed to add tags to stream s under account 123456789012 because some tags contained " +
        "illegal characters. The allowed characters are Unicode letters, white-spaces, " +
        "'_',',','/','=','+','-','@'.",
    ],
    [
      messages.tagCharactersIllegal("remove tags from", stream),
      "InvalidArgumentException",
      "Failed to remove tags from stream s under account 123456789012 because some tags " +
        "contained illegal characters. The allowed characters are Unicode letters, " +
        "white-spaces, '_',',','/','=','+','-','@'.",
    ],
    [
      messages.tooManyTags(stream),
      "InvalidArgumentException",
      "Failed to add tags to stream s under account 123456789012 because a given stream cannot " +
        "have more than 10 tags associated with it.",
    ],
  ])("%s", (error, name, message) => {
    expect([error.name, error.message]).toEqual([name, message]);
  });
});
