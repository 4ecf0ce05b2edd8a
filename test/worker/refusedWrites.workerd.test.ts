// Writes to a stream that takes no more records, through each dialect, in its own words: closed by its writer, expired,
// or deleted and kept for its forks.

import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { findStream } from "../../worker/stream/directory.ts";
import { beginAtNoon, noonMs, setClock } from "../support/clock.ts";
import { chunkOf } from "../support/shards.ts";
import { account, arnOf, ask, expectRefusal, refusal, region } from "./kinesis/claims.ts";
import { base64, kinesisOver } from "./kinesis/client.ts";

import { v3ioOver } from "./v3io/client.ts";
import { yandexOver } from "./yandex/client.ts";

const send = (path: string, init: RequestInit = {}) =>
  exports.default.fetch(`http://localhost${path}`, init);
const kinesis = kinesisOver((init) => send("/", init));
const v3io = v3ioOver((path, init) => send(`/bigdata/${path}`, init));
const yandex = yandexOver(send);

const text = { "content-type": "text/plain" };
const record = { PartitionKey: "k", Data: base64("x") };
const Records = [record];

let name: string;

function closedText(): string {
  return `Stream ${name} under account ${account} was closed by its writer.`;
}

beginAtNoon();

beforeEach(() => {
  name = crypto.randomUUID();
});

describe("closed by its writer", () => {
  beforeEach(async () => {
    await send(`/v1/stream/${name}`, { method: "PUT", headers: text, body: "first" });
    const headers = { ...text, "stream-closed": "true" };
    await send(`/v1/stream/${name}`, { method: "POST", headers, body: "last" });
  });

  test("Kinesis: a record that may not be sent again", async () => {
    await expectRefusal(
      "PutRecord",
      { StreamName: name, ...record },
      refusal("ResourceInUseException", closedText()),
    );
    expect((await kinesis("PutRecords", { StreamName: name, Records })).output).toEqual({
      FailedRecordCount: 1,
      Records: [{ ErrorCode: "ResourceInUseException", ErrorMessage: closedText() }],
    });
  });

  test("v3io", async () => {
    expect((await v3io("PutRecords", name, { Records })).output).toEqual({
      FailedRecordCount: 1,
      Records: [
        {
          ErrorCode: -201326596,
          ErrorMessage: "ResourceInUseException. The stream was closed by its writer.",
        },
      ],
    });
  });

  test("Yandex", async () => {
    const one = await yandex("PutRecord", { StreamName: name, ...record });
    expect([one.status, one.error.name]).toEqual([400, "ResourceInUseException"]);
    expect(one.error.message).toContain(`${name} was closed by its writer`);
    const { output } = await yandex("PutRecords", { StreamName: name, Records });
    expect(output).toMatchObject({
      FailedRecordCount: 1,
      Records: [
        { ErrorCode: "ResourceInUseException", ErrorMessage: one.error.message, ShardId: "" },
      ],
    });
  });

  test("Durable Streams", async () => {
    const reply = await send(`/v1/stream/${name}`, { method: "POST", headers: text, body: "x" });
    expect([reply.status, reply.headers.get("stream-closed")]).toEqual([409, "true"]);
  });

  test("nobody's shards are split or merged into ones that would take records again", async () => {
    const half = "170141183460469231731687303715884105728";
    const split = {
      StreamName: name,
      ShardToSplit: "shardId-000000000000",
      NewStartingHashKey: half,
    };
    await expectRefusal("SplitShard", split, refusal("ResourceInUseException", closedText()));
    const count = { StreamName: name, TargetShardCount: 2, ScalingType: "UNIFORM_SCALING" };
    await expectRefusal("UpdateShardCount", count, refusal("ResourceInUseException", closedText()));
  });

  test("its queues hand out what is there", async () => {
    const { QueueDescription } = await ask("CreateQueue", {
      QueueName: name,
      StreamConfigurationList: [
        { StreamARN: arnOf(name), StartingPosition: { Type: "TRIM_HORIZON" } },
      ],
    });
    const { QueueARN } = QueueDescription as { QueueARN: string };
    const { QueueRecords } = await ask("ReceiveQueueRecords", { QueueARN });
    expect(QueueRecords).toMatchObject([{ Data: base64("first") }, { Data: base64("last") }]);
  });
});

describe("expired", () => {
  beforeEach(async () => {
    const headers = { ...text, "stream-ttl": "10" };
    await send(`/v1/stream/${name}`, { method: "PUT", headers, body: "first" });
    setClock(noonMs + 60_000);
  });

  test("is not there for Kinesis", async () => {
    const error = refusal(
      "ResourceNotFoundException",
      `Stream ${name} under account ${account} not found.`,
    );
    await expectRefusal("PutRecord", { StreamName: name, ...record }, error);
    await expectRefusal("PutRecords", { StreamName: name, Records }, error);
  });

  test("is not there for v3io", async () => {
    const reply = await v3io("PutRecords", name, { Records });
    expect([reply.status, reply.output.ErrorCode]).toEqual([404, -201326595]);
  });

  test("is not there for Yandex", async () => {
    for (const [method, input] of [
      ["PutRecord", record],
      ["PutRecords", { Records }],
    ] as const) {
      const reply = await yandex(method, { StreamName: name, ...input });
      expect([reply.status, reply.error.name]).toEqual([400, "ResourceNotFoundException"]);
    }
  });

  test("is not there for Durable Streams", async () => {
    const reply = await send(`/v1/stream/${name}`, { method: "POST", headers: text, body: "x" });
    expect(reply.status).toBe(404);
  });
});

test("deleted and kept for its forks: a Worker that has not heard of it stores no record", async () => {
  await send(`/v1/stream/${name}`, { method: "PUT", headers: text, body: "first" });
  const { description } = await findStream(env, { account, region }, name);
  const headers = { ...text, "stream-forked-from": `/v1/stream/${name}` };
  await send(`/v1/stream/${name}-fork`, { method: "PUT", headers });
  await kinesis("DeleteStream", { StreamName: name });
  const shard = env.SHARD.getByName(description.shards[0]!.uid);
  expect(await shard.append([chunkOf("late")])).toMatchObject({ failed: "shardNotFound" });
});
