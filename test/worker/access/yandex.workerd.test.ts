// The lock of the Yandex face. A stream of another account cannot be named there.

import { describe } from "vitest";
import { serveYandex } from "../../../worker/yandex/face.ts";
import { type OperationName, operations } from "../../../worker/yandex/operations.ts";
import { home, backendWith, signedRequest } from "./keys.ts";
import { type Ask, type Case, describeLock } from "./suite.ts";

const denied = "AccessDeniedException";
const record = { Data: "AA==", PartitionKey: "k" };

const from = { ShardId: "shard-000000", ShardIteratorType: "TRIM_HORIZON" };

/** By its name in the database of the request, by the path of it, and by another path of that database. */
const byName = (others: object = {}, more: Partial<Case> = {}): readonly Case[] =>
  ["", "/Root/", "//local//"].map((path) => spelt(path, others, more));

const spelt = (path: string, others: object, more: Partial<Case>): Case => ({
  on: "stream",
  input: ({ stream }) => ({ StreamName: path + stream, ...others }),
  ...more,
});

const byArn = (others: object = {}, more: Partial<Case> = {}): Case => ({
  on: "stream",
  input: ({ stream: StreamArn }) => ({ StreamArn, ...others }),
  ...more,
});

const cases: Readonly<Record<OperationName, readonly Case[]>> = {
  CreateStream: byName({ ShardCount: 1 }, { error: "ResourceInUseException", elsewhere: "" }),
  DecreaseStreamRetentionPeriod: byName({ RetentionPeriodHours: 24 }),
  DeleteStream: byName({ EnforceConsumerDeletion: true }),
  DeregisterStreamConsumer: [
    byArn({ ConsumerName: "app" }),
    { ...byArn({ ConsumerName: "app" }), on: "consumer" },
  ],
  DescribeStream: byName(),
  DescribeStreamSummary: byName(),
  GetRecords: [
    {
      on: "stream",
      input: async ({ stream: StreamName }, asOwner) => {
        const { ShardIterator } = await asOwner("GetShardIterator", { StreamName, ...from });
        return { ShardIterator };
      },
      elsewhere: "InvalidArgumentException",
    },
  ],
  GetShardIterator: byName(from),
  // The stream has two days already, and more takes a limit of storage.
  IncreaseStreamRetentionPeriod: byName(
    { RetentionPeriodHours: 72 },
    { error: "ValidationException" },
  ),
  ListShards: [
    ...byName(),
    {
      on: "stream",
      input: async ({ stream: StreamName }, asOwner) => {
        const { NextToken } = await asOwner("ListShards", { StreamName, MaxResults: 1 });
        return { NextToken };
      },
      elsewhere: "InvalidArgumentException",
    },
  ],
  ListStreamConsumers: [
    byArn({ MaxResults: 10 }),
    {
      on: "stream",
      input: async ({ stream: StreamArn }, asOwner) => {
        await asOwner("RegisterStreamConsumer", { StreamArn, ConsumerName: "second" });
        const { NextToken } = await asOwner("ListStreamConsumers", { StreamArn, MaxResults: 1 });
        return { NextToken };
      },
      elsewhere: "InvalidArgumentException",
    },
  ],
  ListStreams: [{ on: "account", input: () => ({}) }],
  PutRecord: byName(record),
  PutRecords: byName({ Records: [record] }),
  RegisterStreamConsumer: [byArn({ ConsumerName: "new" })],
  UpdateShardCount: byName({ TargetShardCount: 4 }),
  UpdateStream: byName({ TargetShardCount: 4 }),
  UpdateStreamMode: [byArn({ StreamModeDetails: { StreamMode: "ON_DEMAND" } })],
};

describe("Yandex", () => {
  describeLock<OperationName>({
    operations: [...operations.keys()],
    cases,
    ask,
    actionsOf: (name) => ({ action: `kinesis:${name}`, alias: `kinesis:${name}` }),
    refusals: {
      nobody: "IncompleteSignature",
      forger: denied,
      unknown: denied,
      denied,
      stranger: "ResourceNotFoundException",
    },
    ofPolicies: [],
  });
});

async function ask(...[access, who, name, input]: Parameters<Ask>): ReturnType<Ask> {
  const headers = { "content-type": "application/json", "x-amz-target": `kinesisApi.${name}` };
  const init = { method: "POST", headers, body: JSON.stringify(input) };
  const request =
    who === undefined
      ? new Request("http://localhost/Root", init)
      : signedRequest(
          init,
          { accessKeyId: who.accessKeyId, secretAccessKey: who.secret },
          "ru-central1",
          "/Root",
        );
  const reply = await serveYandex(request, backendWith(access), home);
  const output = JSON.parse((await reply.text()) || "{}") as Record<string, unknown>;
  return { error: reply.status === 200 ? "" : String(output["__type"]), output };
}
