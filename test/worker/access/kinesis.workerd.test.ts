// The lock of the Kinesis face: every case in JSON, and the first of each operation in CBOR.

import { describe } from "vitest";
import { cborCodec } from "../../../worker/kinesis/cbor.ts";
import { type BodyCodec, jsonCodec } from "../../../worker/kinesis/codec.ts";
import { serveKinesis } from "../../../worker/kinesis/face.ts";
import { type OperationName, operations } from "../../../worker/kinesis/operations.ts";
import { home, backendWith, signedRequest } from "./keys.ts";
import { type Ask, type Case, describeLock, type Scene } from "./suite.ts";

const denied = "AccessDeniedException";
const record = { Data: "AA==", PartitionKey: "k" };
const ShardId = "shardId-000000000000";
const from = { ShardId, ShardIteratorType: "TRIM_HORIZON" };
const role = "arn:aws:iam::111122223333:role/r";
const channel = "arn:aws:kinesis:us-east-1:111122223333:channel/c";
const bucket = { BucketARN: "arn:aws:s3:::bucket", ExpectedBucketOwner: "111122223333" };

/** The stream by its ARN, beside whatever else. */
const byArn = (others: object = {}, error?: string): Case => ({
  on: "stream",
  input: ({ streamArn: StreamARN }) => ({ StreamARN, ...others }),
  ...(error !== undefined && { error }),
});

/** By its name: another account means a stream of its own. */
const byName = (others: object = {}, more: Partial<Case> = {}): Case => ({
  on: "stream",
  input: ({ stream: StreamName }) => ({ StreamName, ...others }),
  elsewhere: "ResourceNotFoundException",
  ...more,
});

const byBoth = (others: object = {}, error?: string): readonly Case[] => [
  byArn(others, error),
  byName(others, error === undefined ? {} : { error }),
];

const ofAccount = (input: object = {}, error?: string): Case => ({
  on: "account",
  input: () => input,
  ...(error !== undefined && { error }),
});

/** A stream, a consumer and a queue by the ARN of a resource. */
const ofResource = (inputOf: (arn: string) => object = () => ({})): readonly Case[] => {
  const inputFor = (ResourceARN: string) => ({ ResourceARN, ...inputOf(ResourceARN) });
  return [
    { on: "stream", input: ({ streamArn }) => inputFor(streamArn) },
    { on: "consumer", input: ({ consumerArn }) => inputFor(consumerArn) },
    { on: "queue", input: ({ queueArn }) => inputFor(queueArn) },
  ];
};

const byQueue = (others: object = {}): readonly Case[] => [
  { on: "queue", input: ({ queueArn: QueueARN }) => ({ QueueARN, ...others }) },
];

const position = { StartingPosition: { Type: "LATEST" } };
const entry = { ReceiptHandle: "AAAA" };
const hidden = { ...entry, VisibilityTimeoutSeconds: 0 };

const consumerByName = ({ streamArn: StreamARN }: Scene) => ({ StreamARN, ConsumerName: "app" });

const ofConsumer: readonly Case[] = [
  { on: "consumer", input: ({ consumerArn: ConsumerARN }) => ({ ConsumerARN }) },
  { on: "consumer", input: consumerByName },
];

const cases: Readonly<Record<OperationName, readonly Case[]>> = {
  AcknowledgeDeadLetterQueueRecords: byQueue({ Entries: [entry] }),
  AcknowledgeQueueRecords: byQueue({ Entries: [entry] }),
  AddTagsToStream: byBoth({ Tags: { a: "b" } }),
  CreateChannel: [
    ofAccount(
      {
        ChannelName: "c",
        ServiceExecutionRoleARN: role,
        StreamConfigurationList: [
          {
            StreamARN: "arn:aws:kinesis:us-east-1:111122223333:stream/s",
            RecordConfiguration: { RecordFormatType: "JSON" },
          },
        ],
        S3DestinationConfiguration: {
          StorageConfiguration: { ...bucket, CompressionType: "NONE" },
        },
      },
      "InvalidArgumentException",
    ),
  ],
  CreateQueue: [
    {
      on: "stream",
      also: ["kinesis:AssociateStreamsWithQueue"],
      input: ({ streamArn: StreamARN }) => ({
        QueueName: crypto.randomUUID(),
        StreamConfigurationList: [{ StreamARN, ...position }],
      }),
    },
    {
      on: "stream",
      also: ["kinesis:AssociateStreamsWithQueue", "kinesis:TagResource"],
      input: ({ streamArn: StreamARN }) => ({
        QueueName: crypto.randomUUID(),
        StreamConfigurationList: [{ StreamARN }],
        Tags: { a: "b" },
      }),
    },
  ],
  CreateStream: [byName({ ShardCount: 1 }, { error: "ResourceInUseException", elsewhere: "" })],
  DecreaseStreamRetentionPeriod: byBoth({ RetentionPeriodHours: 24 }),
  DeleteChannel: [ofAccount({ ChannelARN: channel }, "ResourceNotFoundException")],
  DeleteResourcePolicy: ofResource(),
  DeleteQueue: byQueue(),
  DeleteStream: byBoth({ EnforceConsumerDeletion: true }),
  DeregisterStreamConsumer: ofConsumer,
  DescribeAccountSettings: [ofAccount()],
  DescribeChannel: [ofAccount({ ChannelARN: channel }, "ResourceNotFoundException")],
  DescribeLimits: [ofAccount()],
  DescribeQueue: byQueue(),
  DescribeStream: byBoth(),
  DescribeStreamConsumer: ofConsumer,
  DescribeStreamSummary: byBoth(),
  DisableEnhancedMonitoring: byBoth({ ShardLevelMetrics: ["ALL"] }),
  EnableEnhancedMonitoring: byBoth({ ShardLevelMetrics: ["ALL"] }),
  GetRecords: [
    {
      on: "stream",
      input: async ({ stream: StreamName }, asOwner) => {
        const { ShardIterator } = await asOwner("GetShardIterator", { StreamName, ...from });
        return { ShardIterator };
      },
      elsewhere: "InvalidArgumentException",
    },
    {
      on: "stream",
      input: async ({ streamArn: StreamARN }, asOwner) => {
        const { ShardIterator } = await asOwner("GetShardIterator", { StreamARN, ...from });
        return { ShardIterator, StreamARN };
      },
    },
  ],
  GetResourcePolicy: ofResource(),
  GetShardIterator: byBoth(from),
  IncreaseStreamRetentionPeriod: byBoth({ RetentionPeriodHours: 72 }),
  ListChannels: [ofAccount({}, "InvalidArgumentException")],
  ListQueues: [ofAccount()],
  ListShards: [
    ...byBoth(),
    {
      on: "stream",
      input: async ({ streamArn: StreamARN }, asOwner) => {
        const { NextToken } = await asOwner("ListShards", { StreamARN, MaxResults: 1 });
        return { NextToken };
      },
      elsewhere: "InvalidArgumentException",
    },
  ],
  ListStreamConsumers: [
    byArn(),
    {
      on: "stream",
      input: async ({ streamArn: StreamARN }, asOwner) => {
        await asOwner("RegisterStreamConsumer", { StreamARN, ConsumerName: "second" });
        const { NextToken } = await asOwner("ListStreamConsumers", { StreamARN, MaxResults: 1 });
        return { StreamARN, NextToken };
      },
    },
  ],
  ListStreams: [ofAccount()],
  ListTagsForResource: ofResource(),
  ListTagsForStream: byBoth(),
  MergeShards: byBoth({ ShardToMerge: ShardId, AdjacentShardToMerge: "shardId-000000000001" }),
  PutRecord: byBoth(record),
  PutRecords: byBoth({ Records: [record] }),
  PutResourcePolicy: ofResource((Resource) => {
    const statement = { Effect: "Allow", Principal: "*", Action: "kinesis:GetRecords", Resource };
    return { Policy: JSON.stringify({ Statement: [statement] }) };
  }),
  ReceiveDeadLetterQueueRecords: byQueue({ WaitTimeSeconds: 1 }),
  ReceiveQueueRecords: byQueue({ WaitTimeSeconds: 1 }),
  RegisterStreamConsumer: [byArn({ ConsumerName: "new" })],
  RemoveTagsFromStream: byBoth({ TagKeys: ["a"] }),
  RestoreDeadLetterQueueRecords: byQueue({ Entries: [entry] }),
  SplitShard: byBoth({ ShardToSplit: ShardId, NewStartingHashKey: "1000" }),
  StartStreamEncryption: byBoth({ EncryptionType: "KMS", KeyId: "alias/aws/kinesis" }),
  StopStreamEncryption: byBoth({ EncryptionType: "KMS", KeyId: "alias/aws/kinesis" }),
  SubscribeToShard: [
    {
      on: "consumer",
      input: ({ consumerArn: ConsumerARN }) => ({
        ConsumerARN,
        ShardId,
        StartingPosition: { Type: "LATEST" },
      }),
    },
  ],
  TagResource: ofResource(() => ({ Tags: { a: "b" } })),
  UntagResource: ofResource(() => ({ TagKeys: ["a"] })),
  UpdateAccountSettings: [
    ofAccount({ MinimumThroughputBillingCommitment: { Status: "DISABLED" } }),
  ],
  UpdateChannel: [ofAccount({ ChannelARN: channel }, "ResourceNotFoundException")],
  UpdateDeadLetterQueueRecordsVisibility: byQueue({ Entries: [hidden] }),
  UpdateMaxRecordSize: [byArn({ MaxRecordSizeInKiB: 2048 })],
  UpdateQueue: byQueue({ QueueAttributes: { VisibilityTimeoutSeconds: 5 } }),
  UpdateQueueRecordsVisibility: byQueue({ Entries: [hidden] }),
  UpdateShardCount: byBoth({ TargetShardCount: 4, ScalingType: "UNIFORM_SCALING" }),
  UpdateStreamMode: [byArn({ StreamModeDetails: { StreamMode: "ON_DEMAND" } })],
  UpdateStreamRecordDistributionStrategy: [
    byArn({ RecordDistributionStrategy: "AUTO" }, "InvalidArgumentException"),
  ],
  UpdateStreamWarmThroughput: byBoth({ WarmThroughputMiBps: 10 }, "InvalidArgumentException"),
};

describe.each([
  ["JSON", jsonCodec, Infinity],
  ["CBOR", cborCodec, 1],
] as const)("Kinesis in %s", (_, codec, casesMax) => {
  describeLock<OperationName>({
    operations: [...operations.keys()],
    cases,
    casesMax,
    ask: askWith(codec),
    actionsOf: (operation) => ({
      action: `kinesis:${operation}`,
      alias: `kinesis:${operation}`,
    }),
    refusals: {
      nobody: "MissingAuthenticationTokenException",
      forger: "InvalidSignatureException",
      unknown: "UnrecognizedClientException",
      denied,
      stranger: denied,
    },
    ofPolicies: ["DeleteResourcePolicy", "GetResourcePolicy", "PutResourcePolicy"],
  });
});

function askWith(codec: BodyCodec): Ask {
  return async (access, who, operation, input) => {
    const headers = {
      "content-type": codec.contentType,
      "x-amz-target": `Kinesis_20131202.${operation}`,
    };
    const init = { method: "POST", headers, body: new Uint8Array(codec.encode(input)) };
    const request =
      who === undefined
        ? new Request("http://localhost/", init)
        : signedRequest(
            init,
            { accessKeyId: who.accessKeyId, secretAccessKey: who.secret },
            home.region,
          );
    const reply = await serveKinesis(request, backendWith(access), home);
    if (reply.headers.get("content-type") === "application/vnd.amazon.eventstream") {
      await reply.body?.cancel();
      return { error: "", output: {} };
    }
    const body = new Uint8Array(await reply.arrayBuffer());
    const output = (body.length === 0 ? {} : codec.decode(body)) as Record<string, unknown>;
    return { error: reply.status === 200 ? "" : String(output["__type"]), output };
  };
}
