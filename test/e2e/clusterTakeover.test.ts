// What goes on over a takeover besides puts and pages: subscriptions, queues, live readers, alarms and
// resharding. Everything is on one instance; it is stopped or killed while clients use the other one.
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  type KinesisClient,
  ListStreamsCommand,
  PutRecordCommand,
  RegisterStreamConsumerCommand,
  type StartingPosition,
  SubscribeToShardCommand,
  UpdateShardCountCommand,
} from "@aws-sdk/client-kinesis";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { postUnsigned } from "../support/unsignedPost.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { connect, shardIdAt } from "./sdk.ts";
import type { Server } from "./server.ts";
import { patience } from "../support/patience.ts";

const enough = 40;

describe.each(["stop", "kill9"] as const)("after %s of the owner", (end) => {
  let cluster: Cluster;
  let other: Server;
  let client: KinesisClient;
  let queue: string;
  let received: Received[];
  const over = new AbortController();
  const pushed: string[] = [];
  const live: string[] = [];
  const polled: string[] = [];
  const sent: string[] = [];
  let readers: Promise<unknown>;

  beforeAll(async () => {
    cluster = await startCluster();
    const starting = [cluster.start(), cluster.start()];
    const [owner, another] = (await Promise.all(starting)) as [Server, Server];
    other = another;
    client = connect(other.endpoint);
    const { queueArn, consumerArn } = await fillOwner(owner);
    queue = queueArn;
    received = await receive(other, queue, 2);
    readers = Promise.all([
      followShard(client, consumerArn, pushed, over.signal),
      followEvents(`${other.endpoint}/v1/stream/numbers`, live, over.signal),
      pollOn(`${other.endpoint}/v1/stream/numbers`, polled, over.signal),
    ]);
    const ownerGone = new AbortController();
    const putOn = async () => {
      for (let i = 0; i < enough || !ownerGone.signal.aborted; i++) {
        await putNumber(client, String(i));
        sent.push(String(i));
      }
    };
    const putting = putOn();
    await vi.waitUntil(() => sent.length >= 5, patience);
    await Promise.all([putting, owner[end]().finally(() => ownerGone.abort())]);
  });

  afterAll(async () => {
    over.abort();
    await readers;
    client.destroy();
    await cluster[Symbol.asyncDispose]();
  });

  test.each([
    ["a consumer of SubscribeToShard", pushed],
    ["server-sent events", live],
    ["long polls", polled],
  ])("%s: every record once, in order", async (_, got) => {
    await vi.waitUntil(() => got.length >= sent.length, patience);
    expect(got).toEqual(sent);
  });

  test("receipts of a queue are valid, and what was not acknowledged is delivered again", async () => {
    const [first, second] = received;
    await acknowledge(other, queue, [first!]);
    const rest: string[] = [];
    await vi.waitUntil(async () => {
      const records = await receive(other, queue, 10);
      await acknowledge(other, queue, records);
      rest.push(...records.map(({ RecordId }) => RecordId));
      return rest.includes(second!.RecordId);
    }, patience);
    expect(rest).not.toContain(first!.RecordId);
    expect(new Set(rest).size).toBe(4);
  });

  test("an alarm that nobody's request wakes removes a stream whose time is over", async () => {
    await vi.waitUntil(
      async () => {
        const { StreamNames = [] } = await client.send(new ListStreamsCommand({}));
        return !StreamNames.includes("brief");
      },
      { ...patience, interval: 200 },
    );
  });

  test("a change of the number of shards that had begun is carried out", async () => {
    await vi.waitUntil(
      async () => {
        const { StreamDescriptionSummary: summary } = await client.send(
          new DescribeStreamSummaryCommand({ StreamName: "resharded" }),
        );
        return summary?.StreamStatus === "ACTIVE" && summary.OpenShardCount === 4;
      },
      { ...patience, interval: 100 },
    );
    await client.send(
      new PutRecordCommand({ StreamName: "resharded", PartitionKey: "k", Data: Buffer.from("x") }),
    );
  });
});

interface Received {
  ReceiptHandle: string;
  RecordId: string;
}

/** Makes all objects on that instance. */
async function fillOwner(owner: Server): Promise<{ queueArn: string; consumerArn: string }> {
  const client = connect(owner.endpoint);
  const json = { "content-type": "application/json" };
  const numbers = `${owner.endpoint}/v1/stream/numbers`;
  expect((await fetch(numbers, { method: "PUT", headers: json })).status).toBe(201);
  const arn = "arn:aws:kinesis:us-east-1:000000000000:stream/numbers";
  const { Consumer } = await client.send(
    new RegisterStreamConsumerCommand({ StreamARN: arn, ConsumerName: "consumer" }),
  );
  await client.send(new CreateStreamCommand({ StreamName: "work", ShardCount: 1 }));
  const { QueueDescription } = await ask(owner, "CreateQueue", {
    QueueName: "work",
    StreamConfigurationList: [
      { StreamARN: arn.replace("numbers", "work"), StartingPosition: { Type: "TRIM_HORIZON" } },
    ],
    QueueAttributes: {
      VisibilityTimeoutSeconds: 3,
      DeadLetterConfiguration: { TargetType: "NONE" },
    },
  });
  const Records = Array.from({ length: 5 }, (_, i) => ({ PartitionKey: "k", Data: btoa(`${i}`) }));
  await ask(owner, "PutRecords", { StreamName: "work", Records });
  const brief = `${owner.endpoint}/v1/stream/brief`;
  await fetch(brief, { method: "PUT", headers: { ...json, "stream-ttl": "2" } });
  await client.send(new CreateStreamCommand({ StreamName: "resharded", ShardCount: 2 }));
  await client.send(
    new UpdateShardCountCommand({
      StreamName: "resharded",
      TargetShardCount: 4,
      ScalingType: "UNIFORM_SCALING",
    }),
  );
  client.destroy();
  const { QueueARN: queueArn } = QueueDescription as { QueueARN: string };
  return { queueArn, consumerArn: Consumer?.ConsumerARN ?? "" };
}

async function putNumber(client: KinesisClient, text: string): Promise<void> {
  const Data = Buffer.from(text);
  await client.send(new PutRecordCommand({ StreamName: "numbers", PartitionKey: "k", Data }));
}

/** Follows the only shard; a subscription that ends is followed by one from where it has ended. */
async function followShard(
  client: KinesisClient,
  ConsumerARN: string,
  got: string[],
  over: AbortSignal,
): Promise<void> {
  let StartingPosition: StartingPosition = { Type: "TRIM_HORIZON" };
  while (!over.aborted) {
    const input = { ConsumerARN, ShardId: shardIdAt(0), StartingPosition };
    try {
      const reply = await client.send(new SubscribeToShardCommand(input), { abortSignal: over });
      for await (const { SubscribeToShardEvent: event } of reply.EventStream ?? []) {
        for (const { Data = "" } of event?.Records ?? []) got.push(Buffer.from(Data).toString());
        const SequenceNumber = event?.ContinuationSequenceNumber;
        StartingPosition = { Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber };
        if (over.aborted) return;
      }
    } catch (error) {
      if (!over.aborted) await retryPause("the subscription", error);
    }
  }
}

/** As a browser's EventSource: comes back with the offset of the last control event. */
async function followEvents(url: string, got: string[], over: AbortSignal): Promise<void> {
  let offset = "-1";
  while (!over.aborted) {
    try {
      const { body } = await fetch(`${url}?offset=${offset}&live=sse`, { signal: over });
      let text = "";
      for await (const part of body!.pipeThrough(new TextDecoderStream())) {
        text += part;
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          const [, type, data = ""] =
            /event: (\w+)\n((?:data:.*\n?)*)/.exec(text.slice(0, end)) ?? [];
          const value: unknown = JSON.parse(data.replaceAll(/^data: ?/gm, "") || "[]");
          if (type === "data") got.push(...(value as number[]).map(String));
          else offset = (value as { streamNextOffset: string }).streamNextOffset;
          text = text.slice(end + 2);
        }
      }
    } catch (error) {
      if (!over.aborted) await retryPause("the events", error);
    }
  }
}

async function pollOn(url: string, got: string[], over: AbortSignal): Promise<void> {
  let offset = "-1";
  while (!over.aborted) {
    try {
      const reply = await fetch(`${url}?offset=${offset}&live=long-poll`, { signal: over });
      if (reply.status === 200) got.push(...(await reply.json<number[]>()).map(String));
      else if (reply.status !== 204) throw new Error(`${reply.status} ${await reply.text()}`);
      offset = reply.headers.get("stream-next-offset") ?? offset;
    } catch (error) {
      if (!over.aborted) await retryPause("the poll", error);
    }
  }
}

async function retryPause(what: string, error: unknown): Promise<void> {
  console.log(`${what} cut off: ${String(error)}`);
  await delay(100);
}

async function receive(server: Server, QueueARN: string, limit: number): Promise<Received[]> {
  const input = { QueueARN, WaitTimeSeconds: 1, MaxNumberOfRecords: limit };
  const { QueueRecords } = await ask(server, "ReceiveQueueRecords", input);
  return QueueRecords as Received[];
}

async function acknowledge(server: Server, QueueARN: string, records: Received[]): Promise<void> {
  if (records.length === 0) return;
  const Entries = records.map(({ ReceiptHandle }) => ({ ReceiptHandle }));
  const { Failed } = await ask(server, "AcknowledgeQueueRecords", { QueueARN, Entries });
  expect(Failed).toEqual([]);
}

/** Rejects unless it is done. */
async function ask(
  { endpoint }: Server,
  operation: string,
  input: object,
): Promise<Record<string, unknown>> {
  const reply = await postUnsigned(endpoint, operation, input);
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${operation}: ${reply.status} ${text}`);
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}
