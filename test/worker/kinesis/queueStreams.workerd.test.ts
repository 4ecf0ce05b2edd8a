// Queues over streams of all dialects, over streams whose shards are split, merged and expire, and where limits apply.

import { beginAtNoon, noonMs, setClock } from "../../support/clock.ts";
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { account, arnOf, ask, createStream, kinesis, putText, summaryOf } from "./claims.ts";
import { yandexOver } from "../yandex/client.ts";
import { base64, textIn } from "./client.ts";
import { acknowledge, createArnOver, receive, receiveDead } from "./queueClaims.ts";
import { patience } from "../../support/patience.ts";

let stream: string;

beginAtNoon();

beforeEach(async () => {
  stream = await createStream();
});

const yandex = yandexOver((path, init) => exports.default.fetch(`http://localhost${path}`, init));
const createArn = (attributes?: object) => createArnOver(stream, attributes);

describe("a stream that changes", () => {
  const hour = 3_600_000;

  test("records of closed shards come before those of the shards that continue them", async () => {
    vi.useRealTimers();
    stream = await createStream();
    const queue = await createArn();
    const put = (text: string) => putText(stream, text);
    const split = (ShardToSplit: string, NewStartingHashKey: string) =>
      ask("SplitShard", { StreamName: stream, ShardToSplit, NewStartingHashKey });
    for (let i = 0; i < 15; i++) await put(`parent ${i}`);
    const early = await receive(queue, { Limit: 3 });
    await split("shardId-0", `${2n ** 127n}`);
    await untilActive();
    for (let i = 0; i < 5; i++) await put(`child ${i}`);
    const { Shards } = await ask("ListShards", { StreamName: stream });
    const open = (Shards as { ShardId: string }[]).slice(1).map(({ ShardId }) => ShardId);
    await ask("MergeShards", {
      StreamName: stream,
      ShardToMerge: open[0],
      AdjacentShardToMerge: open[1],
    });
    await untilActive();
    for (let i = 0; i < 5; i++) await put(`grandchild ${i}`);
    const seen = early.map(textIn);
    expect(await acknowledge(queue, early)).toEqual([3]);
    for (let left = 22; left > 0;) {
      const records = await receive(queue, { WaitTimeSeconds: 20 });
      seen.push(...records.map(textIn));
      left -= records.length;
      expect(await acknowledge(queue, records)).toEqual([records.length]);
    }
    expect(seen).toEqual([...texts("parent", 15), ...texts("child", 5), ...texts("grandchild", 5)]);
    expect(await receive(queue)).toEqual([]);
  });

  test("what has expired is gone, whether it waits, is in flight or dead", async () => {
    const queue = await createArn({
      VisibilityTimeoutSeconds: 10,
      DeadLetterConfiguration: { TargetType: "BUILT_IN", MaxReceiveCount: 1 },
    });
    for (const text of ["dead", "in flight", "waits"]) await putText(stream, text);
    await receive(queue, { Limit: 1 });
    setClock(noonMs + 20_000);
    const [held] = await receive(queue, { Limit: 1, VisibilityTimeoutSeconds: 43_200 });
    setClock(noonMs + 25 * hour);
    await putText(stream, "new");
    expect((await receive(queue)).map(textIn)).toEqual(["new"]);
    expect(await receiveDead(queue)).toEqual([]);
    expect(await acknowledge(queue, [held!])).toEqual([1]);
  });
});

test("a stream of v3io has queues by the ARN of its path", async () => {
  const name = crypto.randomUUID();
  const made = await v3io(`drivers/${name}/`, "CreateStream", {
    ShardCount: 2,
    RetentionPeriodHours: 24,
  });
  expect(made.status).toBe(204);
  stream = `/bigdata/drivers/${name}`;
  const queue = await createArn();
  const put = await v3io(`drivers/${name}/`, "PutRecords", {
    Records: [{ Data: base64("ride"), ShardId: 1 }],
  });
  expect(put.status).toBe(200);
  const [record] = await receive(queue);
  expect(record).toMatchObject({ Data: base64("ride"), PartitionKey: "" });
  expect(await acknowledge(queue, [record!])).toEqual([1]);
  const removed = await exports.default.fetch(`http://localhost/bigdata/drivers/${name}/`, {
    method: "DELETE",
    headers: { "x-v3io-session-key": "any" },
  });
  expect(removed.status).toBe(409);
});

test("a stream of Yandex has queues by the ARN of its name", async () => {
  stream = crypto.randomUUID();
  await yandex("CreateStream", { StreamName: stream, ShardCount: 1, RetentionPeriodHours: 24 });
  const queue = await createArn();
  const put = { StreamName: stream, PartitionKey: "berlin", Data: base64("ride") };
  expect((await yandex("PutRecord", put)).status).toBe(200);
  const [record] = await receive(queue);
  expect(record).toMatchObject({ Data: base64("ride"), PartitionKey: "berlin" });
  expect(await acknowledge(queue, [record!])).toEqual([1]);
  const removed = await yandex("DeleteStream", { StreamName: stream });
  expect([removed.status, removed.error.name]).toEqual([400, "ResourceInUseException"]);
});

describe("a stream of Durable Streams", () => {
  const text = { "content-type": "text/plain" };

  const write = (name: string, method: string, body: string | null, more: object = {}) =>
    exports.default.fetch(`http://localhost/v1/stream/${name}`, {
      method,
      headers: { ...text, ...more },
      body,
    });

  test("a queue over a fork hands out what was put into the fork, and none of its source", async () => {
    const source = crypto.randomUUID();
    await write(source, "PUT", "source 0");
    await write(source, "POST", "source 1");
    stream = `${source}-fork`;
    await write(stream, "PUT", null, { "stream-forked-from": `/v1/stream/${source}` });
    await write(stream, "POST", "fork 0");
    await write(source, "POST", "source 2");
    const queue = await createArn();
    await write(stream, "POST", "fork 1");
    const records = await receive(queue);
    expect(records.map(textIn)).toEqual(["fork 0", "fork 1"]);
    expect(await acknowledge(queue, records)).toEqual([2]);
    expect(await receive(queue)).toEqual([]);
    const ofSource = await createArnOver(source);
    expect((await receive(ofSource)).map(textIn)).toEqual(["source 0", "source 1", "source 2"]);
  });

  test("a fork of a stream with a queue has no queue, and does not keep the records of it", async () => {
    stream = crypto.randomUUID();
    await write(stream, "PUT", "source 0");
    const queue = await createArn();
    const fork = `${stream}-fork`;
    await write(fork, "PUT", null, { "stream-forked-from": `/v1/stream/${stream}` });
    const { QueueSummaries } = await ask("ListQueues", {
      StreamFilter: [{ StreamARN: arnOf(fork) }],
    });
    expect(QueueSummaries).toEqual([]);
    const refused = await write(stream, "DELETE", null);
    expect(refused.status).toBe(409);
    await ask("DeleteQueue", { QueueARN: queue });
    expect((await write(stream, "DELETE", null)).status).toBe(204);
  });

  test("one whose shard was split: the records of the parent come first", async () => {
    vi.useRealTimers();
    stream = crypto.randomUUID();
    await write(stream, "PUT", "parent 0");
    const queue = await createArn();
    await ask("SplitShard", {
      StreamName: stream,
      ShardToSplit: "shardId-0",
      NewStartingHashKey: `${2n ** 127n}`,
    });
    await untilActive();
    await write(stream, "POST", "child 0", { "stream-key": "berlin" });
    const first = await receive(queue, { WaitTimeSeconds: 20 });
    expect(first.map(textIn)).toEqual(["parent 0"]);
    expect(await acknowledge(queue, first)).toEqual([1]);
    expect((await receive(queue, { WaitTimeSeconds: 20 })).map(textIn)).toEqual(["child 0"]);
  });
});

describe("where the service's limits apply", () => {
  beforeEach(() => {
    env.MILLRACE_LIMITS = "kinesis";
  });

  afterEach(() => {
    delete env.MILLRACE_LIMITS;
  });

  test("only an on-demand stream takes a queue", async () => {
    const input = {
      QueueName: crypto.randomUUID(),
      StreamConfigurationList: [{ StreamARN: arnOf(stream) }],
    };
    const { status, error } = await kinesis("CreateQueue", input);
    expect([status, error]).toEqual([
      400,
      {
        name: "ValidationException",
        message: `Stream ${stream} under account ${account} is in Provisioned mode. Queues need an on-demand stream.`,
      },
    ]);
    stream = await createStream({ StreamModeDetails: { StreamMode: "ON_DEMAND" } });
    const queue = await createArn();
    await putText(stream, "a");
    const records = await receive(queue);
    expect(records.map(textIn)).toEqual(["a"]);
    expect(await acknowledge(queue, records)).toEqual([1]);
  });
});

function texts(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${name} ${i}`);
}

async function untilActive(): Promise<void> {
  await vi.waitFor(async () => {
    expect(await summaryOf(stream)).toMatchObject({ StreamStatus: "ACTIVE" });
  }, patience);
}

function v3io(path: string, operation: string, body: object): Promise<Response> {
  return exports.default.fetch(`http://localhost/bigdata/${path}`, {
    method: "POST",
    headers: { "x-v3io-function": operation, "x-v3io-session-key": "any" },
    body: JSON.stringify(body),
  });
}
