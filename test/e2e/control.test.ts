// The control plane as the AWS SDK for JavaScript sees it, against the real local server: replies as
// its types have them, errors as its classes, paginators, and waiters on states that last.

import {
  AddTagsToStreamCommand,
  CreateChannelCommand,
  CreateStreamCommand,
  DecreaseStreamRetentionPeriodCommand,
  DeleteChannelCommand,
  DeleteResourcePolicyCommand,
  DeleteStreamCommand,
  DeregisterStreamConsumerCommand,
  DescribeAccountSettingsCommand,
  DescribeChannelCommand,
  DescribeLimitsCommand,
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  DisableEnhancedMonitoringCommand,
  DryRunOperationException,
  EnableEnhancedMonitoringCommand,
  GetResourcePolicyCommand,
  IncreaseStreamRetentionPeriodCommand,
  InvalidArgumentException,
  type KinesisClient,
  LimitExceededException,
  ListChannelsCommand,
  ListStreamsCommand,
  ListTagsForResourceCommand,
  ListTagsForStreamCommand,
  paginateListStreamConsumers,
  PutRecordCommand,
  PutResourcePolicyCommand,
  RegisterStreamConsumerCommand,
  RemoveTagsFromStreamCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  StartStreamEncryptionCommand,
  StopStreamEncryptionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAccountSettingsCommand,
  UpdateChannelCommand,
  UpdateMaxRecordSizeCommand,
  UpdateStreamModeCommand,
  UpdateStreamRecordDistributionStrategyCommand,
  UpdateStreamWarmThroughputCommand,
  waitUntilStreamExists,
  waitUntilStreamNotExists,
} from "@aws-sdk/client-kinesis";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connect } from "./sdk.ts";
import { type Server, startServer } from "./server.ts";

describe("a server as it comes", () => {
  let server: Server;
  let client: KinesisClient;
  let StreamName: string;
  let StreamARN: string;

  beforeAll(async () => {
    server = await startServer({ flags: ["--memory"] });
    client = connect(server.endpoint);
  });

  afterAll(async () => {
    client.destroy();
    await server[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    StreamName = randomUUID();
    StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`;
    await client.send(new CreateStreamCommand({ StreamName, Tags: { born: "here" } }));
  });

  test("a stream's summary has every member, and its settings as they are set", async () => {
    const KeyId = "alias/aws/kinesis";
    const encryption = { StreamName, EncryptionType: "KMS", KeyId } as const;
    await client.send(
      new UpdateAccountSettingsCommand({
        MinimumThroughputBillingCommitment: { Status: "ENABLED" },
      }),
    );
    await client.send(
      new IncreaseStreamRetentionPeriodCommand({ StreamName, RetentionPeriodHours: 72 }),
    );
    await client.send(
      new DecreaseStreamRetentionPeriodCommand({ StreamARN, RetentionPeriodHours: 48 }),
    );
    await client.send(new StartStreamEncryptionCommand(encryption));
    const { DesiredShardLevelMetrics } = await client.send(
      new EnableEnhancedMonitoringCommand({ StreamName, ShardLevelMetrics: ["ALL"] }),
    );
    expect(DesiredShardLevelMetrics).toHaveLength(7);
    await client.send(
      new DisableEnhancedMonitoringCommand({
        StreamName,
        ShardLevelMetrics: ["IteratorAgeMilliseconds"],
      }),
    );
    await client.send(new UpdateMaxRecordSizeCommand({ StreamARN, MaxRecordSizeInKiB: 2048 }));
    await client.send(
      new UpdateStreamRecordDistributionStrategyCommand({
        StreamARN,
        RecordDistributionStrategy: "AUTO",
      }),
    );
    const { WarmThroughput } = await client.send(
      new UpdateStreamWarmThroughputCommand({ StreamName, WarmThroughputMiBps: 20 }),
    );
    expect(WarmThroughput).toEqual({ TargetMiBps: 20, CurrentMiBps: 20 });
    const { StreamDescriptionSummary: summary } = await client.send(
      new DescribeStreamSummaryCommand({ StreamName }),
    );
    expect(summary).toEqual({
      StreamName,
      StreamARN,
      StreamStatus: "ACTIVE",
      StreamModeDetails: { StreamMode: "ON_DEMAND" },
      RetentionPeriodHours: 48,
      StreamCreationTimestamp: expect.any(Date),
      EnhancedMonitoring: [{ ShardLevelMetrics: DesiredShardLevelMetrics?.slice(0, -1) }],
      EncryptionType: "KMS",
      KeyId,
      OpenShardCount: 4,
      ConsumerCount: 0,
      ChannelCount: 0,
      MaxRecordSizeInKiB: 2048,
      WarmThroughput,
      RecordDistributionStrategy: "AUTO",
    });
    await client.send(new StopStreamEncryptionCommand(encryption));
    await client.send(
      new UpdateStreamModeCommand({ StreamARN, StreamModeDetails: { StreamMode: "PROVISIONED" } }),
    );
    const after = await client.send(new DescribeStreamSummaryCommand({ StreamARN }));
    expect(after.StreamDescriptionSummary).toMatchObject({
      EncryptionType: "NONE",
      StreamModeDetails: { StreamMode: "PROVISIONED" },
    });
  });

  test("tags, by stream and by resource", async () => {
    await client.send(new AddTagsToStreamCommand({ StreamName, Tags: { "team:a": "blue" } }));
    await client.send(new TagResourceCommand({ ResourceARN: StreamARN, Tags: { born: "there" } }));
    const { Tags } = await client.send(new ListTagsForStreamCommand({ StreamARN }));
    expect(Tags).toEqual([
      { Key: "born", Value: "there" },
      { Key: "team:a", Value: "blue" },
    ]);
    await client.send(new RemoveTagsFromStreamCommand({ StreamName, TagKeys: ["born"] }));
    await client.send(new UntagResourceCommand({ ResourceARN: StreamARN, TagKeys: ["team:a"] }));
    const left = await client.send(new ListTagsForResourceCommand({ ResourceARN: StreamARN }));
    expect(left.Tags).toEqual([]);
  });

  test("consumers, page by page, and the stream that has some", async () => {
    for (const ConsumerName of ["a", "b", "c"]) {
      const { Consumer } = await client.send(
        new RegisterStreamConsumerCommand({ StreamARN, ConsumerName }),
      );
      expect(Consumer?.ConsumerCreationTimestamp).toBeInstanceOf(Date);
    }
    const names: (string | undefined)[] = [];
    const pages = paginateListStreamConsumers({ client, pageSize: 2 }, { StreamARN });
    for await (const { Consumers = [] } of pages) {
      names.push(...Consumers.map(({ ConsumerName }) => ConsumerName));
    }
    expect(names).toEqual(["a", "b", "c"]);
    const { ConsumerDescription } = await client.send(
      new DescribeStreamConsumerCommand({ StreamARN, ConsumerName: "a" }),
    );
    expect(ConsumerDescription).toMatchObject({ ConsumerStatus: "ACTIVE", StreamARN });
    const { ConsumerARN } = ConsumerDescription ?? {};
    await client.send(new DeregisterStreamConsumerCommand({ ConsumerARN }));
    await expect(
      client.send(new DescribeStreamConsumerCommand({ ConsumerARN })),
    ).rejects.toBeInstanceOf(ResourceNotFoundException);
    await expect(client.send(new DeleteStreamCommand({ StreamName }))).rejects.toBeInstanceOf(
      ResourceInUseException,
    );
    await client.send(new DeleteStreamCommand({ StreamName, EnforceConsumerDeletion: true }));
  });

  test("a policy is read back as it was put", async () => {
    const Policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { AWS: "arn:aws:iam::123456789012:root" },
          Action: ["kinesis:DescribeStreamSummary", "kinesis:GetRecords"],
          Resource: StreamARN,
        },
      ],
    });
    await client.send(new PutResourcePolicyCommand({ ResourceARN: StreamARN, Policy }));
    const put = await client.send(new GetResourcePolicyCommand({ ResourceARN: StreamARN }));
    expect(put.Policy).toBe(Policy);
    await client.send(new DeleteResourcePolicyCommand({ ResourceARN: StreamARN }));
    const gone = await client.send(new GetResourcePolicyCommand({ ResourceARN: StreamARN }));
    expect(gone.Policy).toBe("{}");
  });

  test("account settings and limits", async () => {
    const { MinimumThroughputBillingCommitment: commitment } = await client.send(
      new DescribeAccountSettingsCommand({}),
    );
    expect(["DISABLED", "ENABLED"]).toContain(commitment?.Status);
    const limits = await client.send(new DescribeLimitsCommand({}));
    expect(limits.OpenShardCount).toBeGreaterThanOrEqual(4);
  });

  test("a dry run and a channel end in errors of their own classes", async () => {
    const record = { StreamName, Data: Buffer.from("a"), PartitionKey: "k", DryRun: true };
    await expect(client.send(new PutRecordCommand(record))).rejects.toBeInstanceOf(
      DryRunOperationException,
    );
    const channel = {
      ChannelName: "c",
      ServiceExecutionRoleARN: "arn:aws:iam::000000000000:role/r",
      StreamConfigurationList: [
        { StreamARN, RecordConfiguration: { RecordFormatType: "JSON" as const } },
      ],
    };
    await expect(client.send(new CreateChannelCommand(channel))).rejects.toBeInstanceOf(
      InvalidArgumentException,
    );
    await expect(client.send(new ListChannelsCommand())).rejects.toBeInstanceOf(
      InvalidArgumentException,
    );
    const ChannelARN = "arn:aws:kinesis:us-east-1:000000000000:channel/a";
    const gone = [
      () => client.send(new DescribeChannelCommand({ ChannelARN })),
      () => client.send(new UpdateChannelCommand({ ChannelARN })),
      () => client.send(new DeleteChannelCommand({ ChannelARN })),
    ];
    for (const ask of gone) await expect(ask()).rejects.toBeInstanceOf(ResourceNotFoundException);
  });
});

describe("a server with settings", () => {
  test("--transition-ms: waiters wait until the state is over, and see it end", async () => {
    await using server = await startServer({ flags: ["--memory", "--transition-ms", "1200"] });
    const client = connect(server.endpoint);
    const StreamName = randomUUID();
    const waiter = { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 };
    await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
    expect(await statusOf(client, StreamName)).toBe("CREATING");
    expect((await waitUntilStreamExists(waiter, { StreamName })).state).toBe("SUCCESS");
    expect(await statusOf(client, StreamName)).toBe("ACTIVE");
    await client.send(
      new IncreaseStreamRetentionPeriodCommand({ StreamName, RetentionPeriodHours: 48 }),
    );
    expect(await statusOf(client, StreamName)).toBe("UPDATING");
    await client.send(new DeleteStreamCommand({ StreamName }));
    expect(await statusOf(client, StreamName)).toBe("DELETING");
    expect((await waitUntilStreamNotExists(waiter, { StreamName })).state).toBe("SUCCESS");
    client.destroy();
  });

  test("--limits kinesis: what comes too often is refused, and the SDK's back-off gets through", async () => {
    await using server = await startServer({ flags: ["--memory", "--limits", "kinesis"] });
    const hasty = connect(server.endpoint, { maxAttempts: 1 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => hasty.send(new ListStreamsCommand({}))),
    );
    const refusals = outcomes.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
    expect(refusals.length).toBeGreaterThan(0);
    for (const reason of refusals) expect(reason).toBeInstanceOf(LimitExceededException);
    const patient = connect(server.endpoint, { maxAttempts: 10 });
    await patient.send(new ListStreamsCommand({}));
    hasty.destroy();
    patient.destroy();
  });
});

async function statusOf(client: KinesisClient, StreamName: string): Promise<string | undefined> {
  const { StreamDescriptionSummary } = await client.send(
    new DescribeStreamSummaryCommand({ StreamName }),
  );
  return StreamDescriptionSummary?.StreamStatus;
}
