// What is judged is what is found: an iterator's own stream, a consumer that was asked for by name, and
// one ARN for each of them, however a request spells it. On a server with keys, inside workerd.

import { beforeEach, describe, expect, test } from "vitest";
import {
  arnOf as openArnOf,
  ask,
  createStream as createOpenStream,
  expectRefusal,
  refusal,
  type Refusal,
} from "./claims.ts";
import type { KinesisCall, KinesisReply } from "./client.ts";
import { kinesisAs, keysOf } from "../access/keys.ts";

const account = "111122223333";

const access = keysOf([
  { accessKeyId: "owner", account },
  {
    accessKeyId: "reader",
    account,
    allow: [
      { actions: ["kinesis:GetRecords"], streams: ["orders-*"] },
      { actions: ["kinesis:GetShardIterator"], streams: ["*"] },
    ],
  },
  { accessKeyId: "lister", account, allow: [{ actions: ["kinesis:*"], streams: ["orders-*"] }] },
  { accessKeyId: "denied", account },
]);

const owner = kinesisAs(access, "owner");
const reader = kinesisAs(access, "reader");
const lister = kinesisAs(access, "lister");
const denied = kinesisAs(access, "denied");

let orders: string;
let secret: string;

beforeEach(async () => {
  orders = `orders-${crypto.randomUUID()}`;
  secret = `secret-${crypto.randomUUID()}`;
  for (const StreamName of [orders, secret]) await done(owner, "CreateStream", { StreamName });
});

describe("an iterator", () => {
  test("is judged by its own stream, whatever stream the request names beside it", async () => {
    await done(owner, "PutRecord", { StreamName: secret, Data: "cw==", PartitionKey: "k" });
    const ShardIterator = await iteratorOf(reader, secret);
    for (const name of [orders, "orders-that-is-not-there"]) {
      const reply = await reader("GetRecords", { ShardIterator, StreamARN: arnOf(name) });
      expect(errorOf(reply)).toEqual([400, iteratorOfAnother(arnOf(name))]);
    }
    for (const beside of [{}, { StreamARN: arnOf(secret) }]) {
      const { error } = await reader("GetRecords", { ShardIterator, ...beside });
      expect(error.name).toBe("AccessDeniedException");
    }
    const own = await iteratorOf(reader, orders);
    const { NextShardIterator } = await done(reader, "GetRecords", { ShardIterator: own });
    await done(reader, "GetRecords", {
      ShardIterator: NextShardIterator,
      StreamARN: arnOf(orders),
    });
  });

  test("is past no Deny of its stream by the ARN of another", async () => {
    const ShardIterator = await iteratorOf(denied, secret);
    await deny(arnOf(secret), "kinesis:GetRecords");
    const reply = await denied("GetRecords", { ShardIterator, StreamARN: arnOf(orders) });
    expect(errorOf(reply)).toEqual([400, iteratorOfAnother(arnOf(orders))]);
    for (const beside of [{}, { StreamARN: arnOf(secret) }]) {
      const { error } = await denied("GetRecords", { ShardIterator, ...beside });
      expect(error.name).toBe("AccessDeniedException");
    }
  });

  test("fits no other stream's ARN on an open server either", async () => {
    const [one, two] = [await createOpenStream(), await createOpenStream()];
    const place = { ShardId: "shardId-000000000000", ShardIteratorType: "LATEST" };
    const { ShardIterator } = await ask("GetShardIterator", { StreamName: one, ...place });
    await ask("GetRecords", { ShardIterator, StreamARN: openArnOf(one) });
    for (const name of [two, "nowhere"]) {
      const StreamARN = openArnOf(name);
      await expectRefusal("GetRecords", { ShardIterator, StreamARN }, iteratorOfAnother(StreamARN));
    }
  });
});

test("a page of shards goes on for those alone who may have the stream of its token", async () => {
  const { NextToken } = await done(owner, "ListShards", { StreamName: secret, MaxResults: 1 });
  expect((await lister("ListShards", { NextToken })).error.name).toBe("AccessDeniedException");
  const own = await done(owner, "ListShards", { StreamName: orders, MaxResults: 1 });
  await done(lister, "ListShards", { NextToken: own["NextToken"] });
});

describe("a partition that is not the region's", () => {
  const wrong = ["aws-cn", "awsX", "aws-us-gov", "aws-", "awsaws"];

  test.each([
    ["GetRecords", { ShardIterator: "any" }],
    ["DescribeStream", {}],
    ["ListShards", {}],
    ["PutRecord", { Data: "", PartitionKey: "k" }],
    ["PutRecords", { Records: [{ Data: "", PartitionKey: "k" }] }],
    ["DeleteStream", {}],
    ["RegisterStreamConsumer", { ConsumerName: "c" }],
    ["DescribeStreamConsumer", { ConsumerName: "c" }],
    ["ListStreamConsumers", {}],
  ])("is no ARN of a stream to %s", async (operation, input) => {
    await deny(arnOf(orders), "kinesis:*");
    for (const partition of wrong) {
      const StreamARN = arnOf(orders).replace("arn:aws:", `arn:${partition}:`);
      const refused = refusal(
        "InvalidArgumentException",
        `StreamARN ${StreamARN} is not the ARN of a stream.`,
      );
      expect(errorOf(await denied(operation, { StreamARN, ...input }))).toEqual([400, refused]);
      await expectRefusal(operation, { StreamARN, ...input }, refused);
    }
  });

  test("is none of a consumer, and none of a resource", async () => {
    const arn = await register("c");
    const position = { ShardId: "shardId-000000000000", StartingPosition: { Type: "LATEST" } };
    for (const partition of wrong) {
      const ARN = arn.replace("arn:aws:", `arn:${partition}:`);
      for (const [operation, input] of [
        ["SubscribeToShard", { ConsumerARN: ARN, ...position }],
        ["DescribeStreamConsumer", { ConsumerARN: ARN }],
        ["DeregisterStreamConsumer", { ConsumerARN: ARN }],
        ["TagResource", { ResourceARN: ARN, Tags: { a: "b" } }],
        ["ListTagsForResource", { ResourceARN: ARN }],
        ["UntagResource", { ResourceARN: ARN, TagKeys: ["a"] }],
        ["PutResourcePolicy", { ResourceARN: ARN, Policy: policyFor(ARN, "kinesis:*") }],
        ["GetResourcePolicy", { ResourceARN: ARN }],
        ["DeleteResourcePolicy", { ResourceARN: ARN }],
      ] as const) {
        for (const client of [denied, owner]) {
          const { status, error } = await client(operation, input);
          expect([operation, status, error.name]).toEqual([
            operation,
            400,
            "InvalidArgumentException",
          ]);
        }
      }
    }
  });

  test("nor is a region that is none", async () => {
    for (const region of ["", "US-EAST-1", "us east", "us-east-1/x", "ü"]) {
      const StreamARN = `arn:aws:kinesis:${region}:${account}:stream/${orders}`;
      const { error } = await owner("DescribeStreamSummary", { StreamARN });
      expect([region, error.name]).toEqual([region, "InvalidArgumentException"]);
    }
  });
});

describe("a consumer", () => {
  const operations = ["DescribeStreamConsumer", "DeregisterStreamConsumer"];

  test.each(operations)(
    "%s is judged by the consumer's policy, however it is named",
    async (op) => {
      const ConsumerARN = await register("c");
      await deny(ConsumerARN, `kinesis:${op}`);
      for (const input of namesOf(ConsumerARN)) {
        expect((await denied(op, input)).error).toEqual(explicitDeny(op, ConsumerARN));
      }
      await done(owner, "DeleteResourcePolicy", { ResourceARN: ConsumerARN });
      await done(denied, op, namesOf(ConsumerARN)[0] ?? {});
    },
  );

  test.each(operations)("%s is denied where the stream's policy denies it", async (op) => {
    const ConsumerARN = await register("c");
    await deny(arnOf(orders), `kinesis:${op}`);
    for (const input of namesOf(ConsumerARN)) {
      expect((await denied(op, input)).error).toEqual(explicitDeny(op, ConsumerARN));
    }
  });

  test("is the same one with zeros before its time of creation", async () => {
    const ConsumerARN = await register("c");
    await deny(ConsumerARN, "kinesis:*");
    const padded = ConsumerARN.replace(/:(\d+)$/, ":000$1");
    const position = { ShardId: "shardId-000000000000", StartingPosition: { Type: "LATEST" } };
    for (const [operation, input] of [
      ["SubscribeToShard", { ConsumerARN: padded, ...position }],
      ["DescribeStreamConsumer", { ConsumerARN: padded }],
      ["DeregisterStreamConsumer", { ConsumerARN: padded }],
      ["TagResource", { ResourceARN: padded, Tags: { a: "b" } }],
      ["UntagResource", { ResourceARN: padded, TagKeys: ["a"] }],
      ["ListTagsForResource", { ResourceARN: padded }],
    ] as const) {
      expect((await denied(operation, input)).error).toEqual(explicitDeny(operation, ConsumerARN));
    }
    const Policy = policyFor(padded, "kinesis:*");
    const { error } = await owner("PutResourcePolicy", { ResourceARN: padded, Policy });
    expect(error.message).toContain(`is not ${ConsumerARN}`);
  });

  test("of a list that allows the consumer alone is found by name too", async () => {
    const ConsumerARN = await register("c");
    const only = keysOf([
      {
        accessKeyId: "app",
        account,
        allow: [{ actions: ["kinesis:Describe*"], streams: [ConsumerARN] }],
      },
    ]);
    const app = kinesisAs(only, "app");
    for (const input of namesOf(ConsumerARN)) await done(app, "DescribeStreamConsumer", input);
    const { error } = await app("DescribeStream", { StreamName: orders });
    expect(error.name).toBe("AccessDeniedException");
  });
});

/** Every way to name a consumer of the stream of orders that is called `c`. */
function namesOf(ConsumerARN: string): object[] {
  const byName = { StreamARN: arnOf(orders), ConsumerName: "c" };
  return [{ ConsumerARN }, byName, { ConsumerARN, ...byName }];
}

async function register(ConsumerName: string): Promise<string> {
  const input = { StreamARN: arnOf(orders), ConsumerName };
  const { Consumer } = await done(owner, "RegisterStreamConsumer", input);
  return (Consumer as { ConsumerARN: string }).ConsumerARN;
}

/** Attaches a policy to the resource that denies `action` to the principal of that name. */
async function deny(ResourceARN: string, action: string): Promise<void> {
  const Policy = policyFor(ResourceARN, action);
  await done(owner, "PutResourcePolicy", { ResourceARN, Policy });
}

function policyFor(Resource: string, Action: string): string {
  const Principal = { AWS: `arn:aws:iam::${account}:user/denied` };
  const Statement = [{ Effect: "Deny", Principal, Action, Resource }];
  return JSON.stringify({ Version: "2012-10-17", Statement });
}

async function iteratorOf(client: KinesisCall, StreamName: string): Promise<unknown> {
  const place = { ShardId: "shardId-000000000000", ShardIteratorType: "TRIM_HORIZON" };
  return (await done(client, "GetShardIterator", { StreamName, ...place }))["ShardIterator"];
}

/** The reply of a call that succeeds. */
async function done(
  client: KinesisCall,
  operation: string,
  input: object,
): Promise<Record<string, unknown>> {
  const reply = await client(operation, input);
  expect([operation, reply.status, reply.error.message]).toEqual([operation, 200, ""]);
  return reply.output as unknown as Record<string, unknown>;
}

function errorOf({ status, error }: KinesisReply): [number, Refusal] {
  return [status, error];
}

function iteratorOfAnother(arn: string): Refusal {
  return refusal(
    "InvalidArgumentException",
    `ShardIterator is not of the stream that StreamARN ${arn} names.`,
  );
}

function explicitDeny(operation: string, arn: string): Refusal {
  return refusal(
    "AccessDeniedException",
    `User: arn:aws:iam::${account}:user/denied is not authorized to perform: ` +
      `kinesis:${operation} on resource: ${arn} with an explicit deny in a resource-based policy`,
  );
}

function arnOf(name: string): string {
  return `arn:aws:kinesis:us-east-1:${account}:stream/${name}`;
}
