// How far behind readers are, by dialect and consumer, and how much queues have still to do: in /_millrace/stats and
// in /metrics.

import { exports } from "cloudflare:workers";
import { expect, test } from "vitest";
import { arnOf, ask, createStream, kinesis, putText } from "../kinesis/claims.ts";
import { authorizationFor } from "../kinesis/client.ts";
import { v3ioOver } from "../v3io/client.ts";
import { yandexOver } from "../yandex/client.ts";

const send = (path: string, init?: RequestInit) =>
  exports.default.fetch(`http://localhost${path}`, init);
const v3io = v3ioOver((path, init) => send(`/bigdata/${path}`, init));
const yandex = yandexOver(send);

const ShardId = "shardId-000000000000";
const fromOldest = { ShardId, ShardIteratorType: "TRIM_HORIZON" };

interface Reader {
  shard: number;
  dialect: string;
  consumer?: string;
  behindMs: number;
  behindRecords: number;
}

async function readersOf(stream: string): Promise<Reader[]> {
  const reply = await send(`/_millrace/stats?stream=${stream}`);
  const { readers = [] }: { readers?: Reader[] } = await reply.json();
  return readers;
}

async function metricsOf(stream: string, name: string): Promise<string[]> {
  const page = await (await send(`/metrics?stream=${stream}`)).text();
  return page.split("\n").filter((line) => line.startsWith(name));
}

async function streamOf(count: number): Promise<string> {
  const stream = await createStream();
  for (let i = 0; i < count; i++) await putText(stream, `record ${i}`);
  return stream;
}

test("readers of each dialect are behind by the records that they have not got", async () => {
  const stream = await streamOf(5);
  const { ShardIterator } = await ask("GetShardIterator", { StreamName: stream, ...fromOldest });
  await kinesis("GetRecords", { ShardIterator, Limit: 1 });
  const seek = await v3io("Seek", `${stream}/0`, { Type: "EARLIEST" });
  await v3io("GetRecords", `${stream}/0`, { Location: seek.output.Location, Limit: 2 });
  const start = await yandex("GetShardIterator", {
    StreamName: stream,
    ...fromOldest,
    ShardId: "shard-000000",
  });
  await yandex("GetRecords", { ShardIterator: start.output.ShardIterator, Limit: 3 });
  await (await send(`/v1/stream/${stream}`)).arrayBuffer();
  const readers = await readersOf(stream);
  expect(readers.map(({ dialect, behindRecords }) => [dialect, behindRecords])).toEqual([
    ["kinesis", 4],
    ["v3io", 3],
    ["yandex", 2],
    ["durable", 0],
  ]);
  expect(readers.map(({ behindMs }) => behindMs > 0)).toEqual([true, true, true, false]);
  const labels = `stream="${stream}",shard="0",dialect="kinesis"`;
  const lines = await metricsOf(stream, "millrace_reader_behind");
  expect(lines).toContain(`millrace_reader_behind_records{${labels}} 4`);
  expect(
    lines.find((line) => line.startsWith(`millrace_reader_behind_seconds{${labels}} 0.`)),
  ).not.toBeUndefined();
});

test("a subscribed consumer has its name; a stream that nobody reads has no readers", async () => {
  const stream = await streamOf(1);
  expect(await readersOf(stream)).toEqual([]);
  const { Consumer } = await ask("RegisterStreamConsumer", {
    StreamARN: arnOf(stream),
    ConsumerName: "bills",
  });
  const { ConsumerARN } = Consumer as { ConsumerARN: string };
  const reply = await send("/", {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "Kinesis_20131202.SubscribeToShard",
      "x-amz-date": "20260101T000000Z",
      authorization: authorizationFor("us-east-1"),
    },
    body: JSON.stringify({ ConsumerARN, ShardId, StartingPosition: { Type: "TRIM_HORIZON" } }),
  });
  const events = reply.body!.getReader();
  await events.read();
  await events.read();
  await events.cancel();
  expect(await readersOf(stream)).toEqual([
    { shard: 0, dialect: "kinesis", consumer: "bills", behindMs: 0, behindRecords: 0 },
  ]);
  expect(await metricsOf(stream, "millrace_reader_behind_records")).toEqual([
    `millrace_reader_behind_records{stream="${stream}",shard="0",dialect="kinesis",consumer="bills"} 0`,
  ]);
});

test("the records of a queue by their state", async () => {
  const stream = await streamOf(3);
  const { QueueDescription } = await ask("CreateQueue", {
    QueueName: `jobs-${stream}`,
    StreamConfigurationList: [
      { StreamARN: arnOf(stream), StartingPosition: { Type: "TRIM_HORIZON" } },
    ],
  });
  const { QueueARN } = QueueDescription as { QueueARN: string };
  await ask("ReceiveQueueRecords", { QueueARN, Limit: 1 });
  const queue = `stream="${stream}",queue="jobs-${stream}"`;
  expect(await metricsOf(stream, "millrace_queue_records")).toEqual([
    `millrace_queue_records{${queue},state="undelivered"} 2`,
    `millrace_queue_records{${queue},state="waiting"} 0`,
    `millrace_queue_records{${queue},state="in-flight"} 1`,
    `millrace_queue_records{${queue},state="dead"} 0`,
  ]);
});
