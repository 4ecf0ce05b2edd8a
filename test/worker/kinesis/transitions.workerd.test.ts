// States that last, over HTTP, inside workerd: with MILLRACE_TRANSITION_MS set, streams and consumers
// are CREATING, UPDATING and DELETING for that long, by a clock that is the test's. What is read
// follows from the clock alone; the alarm writes it down.

import { noonMs, setClock } from "../../support/clock.ts";
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { catalogOf } from "../../../worker/stream/directory.ts";
import {
  account,
  arnOf,
  ask,
  createStream,
  expectRefusal,
  kinesis,
  putText,
  readShard,
  refusal,
  region,
  summaryOf,
} from "./claims.ts";
import { authorizationFor } from "./client.ts";

const transitionMs = 5000;
const ShardId = "shardId-000000000000";

let stream: string;

beforeEach(async () => {
  setClock(noonMs);
  env.MILLRACE_TRANSITION_MS = String(transitionMs);
  stream = await createStream();
});

afterEach(() => {
  delete env.MILLRACE_TRANSITION_MS;
  vi.useRealTimers();
});

describe("a stream", () => {
  test("is CREATING, and then ACTIVE", async () => {
    expect(await statusAt(transitionMs - 1)).toBe("CREATING");
    expect(await statusAt(transitionMs)).toBe("ACTIVE");
  });

  test("names no shards and takes no records before it is ACTIVE", async () => {
    const { StreamDescription } = await ask("DescribeStream", { StreamName: stream });
    expect(StreamDescription).toMatchObject({ StreamStatus: "CREATING", Shards: [] });
    await expectRefusal(
      "PutRecord",
      { StreamName: stream, Data: "", PartitionKey: "k" },
      streamNotFound(),
    );
    setClock(noonMs + transitionMs);
    await putText(stream, "a");
  });

  test("takes records as soon as it is ACTIVE, also from a Worker that has seen it CREATING", async () => {
    env.MILLRACE_TRANSITION_MS = "1000";
    const young = await createStream();
    const input = { StreamName: young, Data: "", PartitionKey: "k" };
    expect((await kinesis("PutRecord", input)).error.name).toBe("ResourceNotFoundException");
    setClock(noonMs + 1000);
    expect((await kinesis("PutRecord", input)).status).toBe(200);
  });

  test("has no shards to list or read before it is ACTIVE", async () => {
    const place = { StreamName: stream, ShardId, ShardIteratorType: "LATEST" };
    const list = { StreamName: stream };
    await expectRefusal("GetShardIterator", place, shardNotFound());
    await expectRefusal("ListShards", list, notActive("CREATING"));
    setClock(noonMs + transitionMs);
    const { ShardIterator } = await ask("GetShardIterator", place);
    await ask("GetRecords", { ShardIterator });
    expect((await ask("ListShards", list))["Shards"]).toHaveLength(1);
  });

  test("has its shards to list and read while it is UPDATING", async () => {
    setClock(noonMs + transitionMs);
    await ask("UpdateMaxRecordSize", { StreamARN: arnOf(stream), MaxRecordSizeInKiB: 2048 });
    expect(await statusAt(transitionMs)).toBe("UPDATING");
    await putText(stream, "a");
    expect((await readShard(stream, ShardId)).length).toBe(1);
    expect((await ask("ListShards", { StreamName: stream }))["Shards"]).toHaveLength(1);
  });

  test("has no shards to list or read while it is DELETING, nor while it is made again", async () => {
    setClock(noonMs + transitionMs);
    const place = { StreamName: stream, ShardId, ShardIteratorType: "LATEST" };
    const { ShardIterator } = await ask("GetShardIterator", place);
    const wide = await createStream({ ShardCount: 2 });
    setClock(noonMs + 2 * transitionMs);
    const { NextToken } = await ask("ListShards", { StreamName: wide, MaxResults: 1 });
    const expectNone = async (status: string) => {
      await expectRefusal("GetShardIterator", place, shardNotFound());
      await expectRefusal("GetRecords", { ShardIterator }, shardNotFound());
      await expectRefusal("ListShards", { StreamName: stream }, notActive(status));
    };
    await ask("DeleteStream", { StreamName: stream });
    await expectNone("DELETING");
    await ask("DeleteStream", { StreamName: wide });
    await expectRefusal("ListShards", { NextToken }, notActive("DELETING", wide));
    setClock(noonMs + 3 * transitionMs);
    await ask("CreateStream", { StreamName: stream, ShardCount: 1 });
    await expectNone("CREATING");
  });

  const updates: [string, object][] = [
    ["IncreaseStreamRetentionPeriod", { RetentionPeriodHours: 48 }],
    ["StartStreamEncryption", { EncryptionType: "KMS", KeyId: "k" }],
    ["EnableEnhancedMonitoring", { ShardLevelMetrics: ["ALL"] }],
    ["UpdateStreamMode", { StreamModeDetails: { StreamMode: "ON_DEMAND" } }],
    ["UpdateMaxRecordSize", { MaxRecordSizeInKiB: 2048 }],
  ];

  test.each(updates)("%s: is UPDATING, and then ACTIVE", async (operation, input) => {
    setClock(noonMs + transitionMs);
    await ask(operation, { StreamARN: arnOf(stream), ...input });
    expect(await statusAt(2 * transitionMs - 1)).toBe("UPDATING");
    await putText(stream, "a");
    expect(await statusAt(2 * transitionMs)).toBe("ACTIVE");
  });

  test.each(updates)("%s: is refused unless it is ACTIVE", async (operation, input) => {
    const body = { StreamARN: arnOf(stream), ...input };
    await expectRefusal(operation, body, notActive("CREATING"));
    setClock(noonMs + transitionMs);
    await ask("UpdateMaxRecordSize", { StreamARN: arnOf(stream), MaxRecordSizeInKiB: 4096 });
    await expectRefusal(operation, body, notActive("UPDATING"));
    await ask("DeleteStream", { StreamName: stream });
    await expectRefusal(operation, body, notActive("DELETING"));
  });

  test("an update that changes nothing takes no time", async () => {
    setClock(noonMs + transitionMs);
    await ask("IncreaseStreamRetentionPeriod", { StreamName: stream, RetentionPeriodHours: 24 });
    await ask("UpdateMaxRecordSize", { StreamARN: arnOf(stream), MaxRecordSizeInKiB: 1024 });
    const monitoring = { StreamName: stream, ShardLevelMetrics: ["IncomingBytes"] };
    await ask("DisableEnhancedMonitoring", monitoring);
    expect(await statusAt(transitionMs)).toBe("ACTIVE");
    const all = { StreamName: stream, ShardLevelMetrics: ["ALL"] };
    await ask("EnableEnhancedMonitoring", all);
    setClock(noonMs + 2 * transitionMs);
    await ask("EnableEnhancedMonitoring", monitoring);
    expect(await statusAt(2 * transitionMs)).toBe("ACTIVE");
  });

  test("is DELETING, keeps its name for that long, and takes nothing", async () => {
    setClock(noonMs + transitionMs);
    await ask("DeleteStream", { StreamName: stream });
    expect(await statusAt(2 * transitionMs - 1)).toBe("DELETING");
    await expectRefusal(
      "PutRecord",
      { StreamName: stream, Data: "", PartitionKey: "k" },
      streamNotFound(),
    );
    await expectRefusal(
      "CreateStream",
      { StreamName: stream, ShardCount: 1 },
      refusal(
        "ResourceInUseException",
        `Stream ${stream} under account ${account} already exists.`,
      ),
    );
    setClock(noonMs + 2 * transitionMs);
    await expectRefusal("DescribeStreamSummary", { StreamName: stream }, streamNotFound());
    await ask("CreateStream", { StreamName: stream, ShardCount: 1 });
    expect(await statusAt(2 * transitionMs)).toBe("CREATING");
  });

  test("that is gone is on no list, and one that is deleted twice is gone no later", async () => {
    setClock(noonMs + transitionMs);
    await ask("DeleteStream", { StreamName: stream });
    setClock(noonMs + transitionMs + 1000);
    await ask("DeleteStream", { StreamName: stream });
    expect(await isListed()).toBe(true);
    setClock(noonMs + 2 * transitionMs);
    expect(await isListed()).toBe(false);
  });

  test("can be deleted while it is CREATING", async () => {
    await ask("DeleteStream", { StreamName: stream });
    expect(await statusAt(transitionMs - 1)).toBe("DELETING");
  });

  test.each(["CREATING", "DELETING"])(
    "keeps its tags, consumers and policy as they are while it is %s",
    async (status) => {
      if (status === "DELETING") await ask("DeleteStream", { StreamName: stream });
      const error = notActive(status);
      const StreamARN = arnOf(stream);
      const tags = { StreamName: stream, Tags: { a: "1" } };
      await expectRefusal("AddTagsToStream", tags, error);
      await expectRefusal("RegisterStreamConsumer", { StreamARN, ConsumerName: "c" }, error);
      await expectRefusal("DeleteResourcePolicy", { ResourceARN: StreamARN }, error);
    },
  );

  test("stays as it is when the catalog is evicted, and when its alarm rings late", async () => {
    const catalog = catalogOf(env, { account, region });
    await evictDurableObject(catalog);
    expect(await statusAt(transitionMs - 1)).toBe("CREATING");
    setClock(noonMs + 10 * transitionMs);
    expect(await runDurableObjectAlarm(catalog)).toBe(true);
    expect(await statusAt(10 * transitionMs)).toBe("ACTIVE");
  });

  test("the alarm comes for what is still to end, and then no more", async () => {
    const lone = String(crypto.getRandomValues(new Uint32Array(1))[0]).padStart(12, "3");
    const catalog = catalogOf(env, { account: lone, region });
    const headers = { authorization: authorizationFor(region, lone) };
    await kinesis("CreateStream", { StreamName: "s", ShardCount: 1 }, headers);
    setClock(noonMs + 1000);
    expect(await runDurableObjectAlarm(catalog)).toBe(true);
    const summary = await kinesis("DescribeStreamSummary", { StreamName: "s" }, headers);
    expect(summary.text).toContain('"CREATING"');
    setClock(noonMs + transitionMs);
    expect(await runDurableObjectAlarm(catalog)).toBe(true);
    expect(await runDurableObjectAlarm(catalog)).toBe(false);
    await kinesis("DeleteStream", { StreamName: "s" }, headers);
    setClock(noonMs + 2 * transitionMs);
    expect(await runDurableObjectAlarm(catalog)).toBe(true);
    expect(await runDurableObjectAlarm(catalog)).toBe(false);
    const gone = await kinesis("DescribeStreamSummary", { StreamName: "s" }, headers);
    expect(gone.error.name).toBe("ResourceNotFoundException");
  });
});

describe("a consumer", () => {
  beforeEach(async () => {
    setClock(noonMs + transitionMs);
    await ask("RegisterStreamConsumer", { StreamARN: arnOf(stream), ConsumerName: "reader" });
  });

  test("is CREATING, and then ACTIVE", async () => {
    expect(await consumerAt(2 * transitionMs - 1)).toBe("CREATING");
    expect(await consumerAt(2 * transitionMs)).toBe("ACTIVE");
  });

  test("is DELETING, keeps its name for that long, and is gone", async () => {
    setClock(noonMs + 2 * transitionMs);
    const input = { StreamARN: arnOf(stream), ConsumerName: "reader" };
    await ask("DeregisterStreamConsumer", input);
    expect(await consumerAt(3 * transitionMs - 1)).toBe("DELETING");
    expect((await kinesis("RegisterStreamConsumer", input)).error.name).toBe(
      "ResourceInUseException",
    );
    expect((await kinesis("DeleteStream", { StreamName: stream })).error.name).toBe(
      "ResourceInUseException",
    );
    setClock(noonMs + 3 * transitionMs);
    expect(await summaryOf(stream)).toMatchObject({ ConsumerCount: 0 });
    await ask("RegisterStreamConsumer", input);
  });

  test("takes a policy only when it is ACTIVE", async () => {
    const input = { ResourceARN: await consumerArn() };
    await expectRefusal("DeleteResourcePolicy", input, consumerNotActive());
  });

  test("subscribes only when it is ACTIVE", async () => {
    const StartingPosition = { Type: "TRIM_HORIZON" };
    const input = { ConsumerARN: await consumerArn(), ShardId, StartingPosition };
    await expectRefusal("SubscribeToShard", input, consumerNotActive());
  });
});

/** Of the stream, so many milliseconds after noon. */
async function statusAt(sinceMs: number): Promise<unknown> {
  setClock(noonMs + sinceMs);
  return (await summaryOf(stream))["StreamStatus"];
}

async function consumerArn(): Promise<string> {
  const input = { StreamARN: arnOf(stream), ConsumerName: "reader" };
  const { ConsumerDescription } = await ask("DescribeStreamConsumer", input);
  return (ConsumerDescription as { ConsumerARN: string }).ConsumerARN;
}

function consumerNotActive() {
  return refusal(
    "ResourceInUseException",
    `Consumer reader with creation timestamp ${(noonMs + transitionMs) / 1000} under stream ` +
      `${stream} and account ${account} is not in ACTIVE status.`,
  );
}

async function consumerAt(sinceMs: number): Promise<string> {
  setClock(noonMs + sinceMs);
  const input = { StreamARN: arnOf(stream), ConsumerName: "reader" };
  const { ConsumerDescription } = await ask("DescribeStreamConsumer", input);
  return (ConsumerDescription as { ConsumerStatus: string }).ConsumerStatus;
}

async function isListed(): Promise<boolean> {
  const { StreamNames } = await ask("ListStreams", { Limit: 10_000 });
  return (StreamNames as string[]).includes(stream);
}

function notActive(status: string, name = stream) {
  return refusal(
    "ResourceInUseException",
    `Stream ${name} under account ${account} not ACTIVE, instead in state ${status}`,
  );
}

function shardNotFound() {
  return refusal(
    "ResourceNotFoundException",
    `Shard ${ShardId} in stream ${stream} under account ${account} does not exist`,
  );
}

function streamNotFound() {
  return refusal(
    "ResourceNotFoundException",
    `Stream ${stream} under account ${account} not found.`,
  );
}
