// Asking leaves nothing behind: what an account that has nothing asks for, whatever it is, is answered
// without a byte written into its catalog or its objects. On an open server, where every account may ask.

import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { expect, test } from "vitest";
import { catalogOf } from "../../../worker/stream/directory.ts";
import { authorizationFor, base64, kinesisOver } from "../kinesis/client.ts";
import { yandexOver } from "../yandex/client.ts";

const region = "us-east-1";
const fetchPath = (path: string, init: RequestInit) =>
  exports.default.fetch(`http://localhost${path}`, init);
const kinesis = kinesisOver((init) => fetchPath("/", init));
const yandex = yandexOver(fetchPath);

let accounts = 700_000_000_000;

const StreamName = "orders";
const token = base64(new Uint8Array(176));
const record = { Data: "", PartitionKey: "k" };
const place = { ShardId: "shardId-000000000000", ShardIteratorType: "LATEST" };

test.each<[string, object]>([
  ["DescribeStream", { StreamName }],
  ["DescribeStreamSummary", { StreamName }],
  ["ListStreams", {}],
  ["ListStreams", { NextToken: token }],
  ["ListShards", { StreamName }],
  ["ListShards", { NextToken: token }],
  ["ListTagsForStream", { StreamName }],
  ["GetShardIterator", { StreamName, ...place }],
  ["GetRecords", { ShardIterator: token }],
  ["PutRecord", { StreamName, ...record }],
  ["PutRecords", { StreamName, Records: [record] }],
  ["AddTagsToStream", { StreamName, Tags: { a: "b" } }],
  ["DeleteStream", { StreamName }],
  ["UpdateShardCount", { StreamName, TargetShardCount: 2, ScalingType: "UNIFORM_SCALING" }],
  ["IncreaseStreamRetentionPeriod", { StreamName, RetentionPeriodHours: 48 }],
  ["DescribeLimits", {}],
  ["DescribeAccountSettings", {}],
  ["UpdateAccountSettings", { MinimumThroughputBillingCommitment: { Status: "DISABLED" } }],
])("Kinesis: %s %j", async (operation, input) => {
  const account = String(accounts++);
  const { status } = await kinesis(operation, input, {
    authorization: authorizationFor(region, account),
  });
  expect(status).toBeLessThan(500);
  await expectNothingOf(account);
});

test.each<[string, object]>([
  ["DescribeStream", { StreamName }],
  ["ListStreams", {}],
  ["ListShards", { StreamName }],
  ["ListShards", { NextToken: token }],
  ["GetShardIterator", { StreamName, ...place, ShardId: "shard-000000" }],
  ["GetRecords", { ShardIterator: token }],
  ["PutRecord", { StreamName, ...record }],
  ["DeleteStream", { StreamName }],
  ["ListStreamConsumers", { StreamArn: StreamName, MaxResults: 1 }],
])("Yandex: %s %j", async (method, input) => {
  const account = String(accounts++);
  const { status } = await yandex(method, input, {
    headers: { authorization: `Bearer ${account}` },
  });
  expect(status).toBeLessThan(500);
  await expectNothingOf(account);
});

test.each<[string | undefined, string, string]>([
  [undefined, "GET", "/bigdata/"],
  [undefined, "GET", "/bigdata/a/b"],
  [undefined, "HEAD", "/bigdata/a/b"],
  [undefined, "DELETE", "/bigdata/a/b"],
  [undefined, "DELETE", "/bigdata/a/"],
  ["GetItem", "PUT", "/bigdata/a/b"],
  ["GetItems", "PUT", "/bigdata/a/"],
  ["DescribeStream", "PUT", "/bigdata/a/"],
  ["PutRecords", "PUT", "/bigdata/a/"],
  ["Seek", "PUT", "/bigdata/a/0"],
])("v3io: %s %s %s", async (name, method, path) => {
  const account = String(accounts++);
  const body: Record<string, object> = {
    PutRecords: { Records: [{ Data: "" }] },
    Seek: { Type: "LATEST" },
  };
  const { status } = await fetchPath(path, {
    method,
    headers: {
      "x-v3io-session-key": account,
      ...(name !== undefined && { "x-v3io-function": name }),
    },
    ...(name !== undefined && { body: JSON.stringify(body[name] ?? { AttributesToGet: "*" }) }),
  });
  expect(status).toBeLessThan(500);
  await expectNothingOf(account);
});

/** Neither its catalog nor its objects have a table. */
async function expectNothingOf(account: string): Promise<void> {
  const items = env.ITEMS.getByName(`${account}/${region}/bigdata`);
  for (const stub of [catalogOf(env, { account, region }), items]) {
    const tables = await runInDurableObject(stub, (_, { storage }) =>
      storage.sql
        .exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'")
        .toArray(),
    );
    expect(tables).toEqual([]);
  }
}
