// DryRun over HTTP, inside workerd: a request that would have been refused is refused as ever, one that
// would have succeeded ends in DryRunOperationException, and neither leaves a trace.

import { beforeEach, describe, expect, test } from "vitest";
import { ask, createStream, expectRefusal, kinesis, readShard, refusal } from "./claims.ts";
import { base64 } from "./client.ts";

const ShardId = "shardId-000000000000";
const dry = refusal(
  "DryRunOperationException",
  "The request would have succeeded, but the DryRun parameter is set.",
);

let stream: string;
let iterator: unknown;

beforeEach(async () => {
  stream = await createStream();
  const place = { StreamName: stream, ShardId, ShardIteratorType: "TRIM_HORIZON" };
  iterator = (await ask("GetShardIterator", place))["ShardIterator"];
});

describe("a request that would have succeeded", () => {
  const cases: [string, () => object][] = [
    ["PutRecord", () => ({ StreamName: stream, Data: base64("a"), PartitionKey: "k" })],
    [
      "PutRecords",
      () => ({ StreamName: stream, Records: [{ Data: base64("a"), PartitionKey: "k" }] }),
    ],
    [
      "GetShardIterator",
      () => ({ StreamName: stream, ShardId, ShardIteratorType: "TRIM_HORIZON" }),
    ],
    ["GetRecords", () => ({ ShardIterator: iterator })],
  ];

  test.each(cases)("%s says so, and writes nothing", async (operation, input) => {
    await expectRefusal(operation, { ...input(), DryRun: true }, dry);
    expect(await readShard(stream, ShardId)).toEqual([]);
  });

  test.each(cases)("%s succeeds when DryRun is false", async (operation, input) => {
    await ask(operation, { ...input(), DryRun: false });
  });
});

describe("a request that would have been refused is refused as ever", () => {
  const cases: [string, string, () => object][] = [
    ["no stream", "PutRecord", () => ({ StreamName: "nowhere", Data: "", PartitionKey: "k" })],
    [
      "a record above the maximum",
      "PutRecord",
      () => ({ StreamName: stream, Data: base64(new Uint8Array(1_048_577)), PartitionKey: "k" }),
    ],
    [
      "a hash key out of range",
      "PutRecord",
      () => ({
        StreamName: stream,
        Data: "",
        PartitionKey: "k",
        ExplicitHashKey: (1n << 128n).toString(),
      }),
    ],
    ["no key", "PutRecords", () => ({ StreamName: stream, Records: [{ Data: "" }] })],
    [
      "no shard",
      "GetShardIterator",
      () => ({ StreamName: stream, ShardId: "shardId-9", ShardIteratorType: "LATEST" }),
    ],
    ["no iterator", "GetRecords", () => ({ ShardIterator: "x" })],
  ];

  test.each(cases)("%s: %s", async (_, operation, input) => {
    const { status, error } = await kinesis(operation, { ...input(), DryRun: true });
    expect(status).toBe(400);
    expect(error.name).not.toBe(dry.name);
    expect((await kinesis(operation, input())).error).toEqual(error);
  });
});
