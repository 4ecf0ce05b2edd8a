// The last rows of an open shard's database are gone, inside workerd: nothing in the shard tells, but whoever
// has read the lost records is told. A queue that has handed them out refuses, and so do cursors behind them.

import { env, exports } from "cloudflare:workers";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { beforeEach, expect, test } from "vitest";
import { shardQueueName } from "../../worker/core/queueTypes.ts";
import { unwrap } from "../../worker/core/rpc.ts";
import { base64, kinesisOver } from "./kinesis/client.ts";
import { v3ioOver } from "./v3io/client.ts";

const send = (path: string, init: RequestInit = {}) =>
  exports.default.fetch(`http://localhost${path}`, init);
const kinesis = kinesisOver((init) => send("/", init));
const v3io = v3ioOver(send);

let StreamName: string;
let uid: string;

beforeEach(async () => {
  StreamName = crypto.randomUUID();
  await kinesis("CreateStream", { StreamName, ShardCount: 1 });
  for (const text of ["a", "b", "c"]) await put(text);
  const catalog = env.CATALOG.getByName("000000000000/us-east-1");
  uid = unwrap(await catalog.describeStream(StreamName)).stream.shards[0]!.uid;
});

async function put(text: string): Promise<void> {
  await kinesis("PutRecord", { StreamName, PartitionKey: "k", Data: base64(text) });
}

/** The row of the last record is deleted, and the object begins anew. */
async function loseLast(): Promise<void> {
  const shard = env.SHARD.getByName(uid);
  await runInDurableObject(shard, (_, { storage }) => {
    storage.sql.exec("DELETE FROM log_0 WHERE id = (SELECT max(id) FROM log_0)");
  });
  await evictDurableObject(shard);
}

test("a shard iterator behind them is told of the damage", async () => {
  const place = { StreamName, ShardId: "shardId-0", ShardIteratorType: "LATEST" };
  const { ShardIterator } = (await kinesis("GetShardIterator", place)).output;
  await loseLast();
  const { status, error } = await kinesis("GetRecords", { ShardIterator });
  expect([status, error.name]).toEqual([500, "InternalFailureException"]);
  expect(error.message).toMatch(
    `Stored bytes are damaged: shard ${uid}, segment 0: records were read that are lost now.`,
  );
});

test("a queue that has handed them out hands out nothing, until it is told what to do", async () => {
  const { text } = await kinesis("CreateQueue", {
    QueueName: StreamName,
    StreamConfigurationList: [
      {
        StreamARN: `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`,
        StartingPosition: { Type: "TRIM_HORIZON" },
      },
    ],
  });
  const { QueueARN } = JSON.parse(text).QueueDescription;
  const receive = async () => kinesis("ReceiveQueueRecords", { QueueARN, WaitTimeSeconds: 1 });
  const { QueueRecords } = JSON.parse((await receive()).text);
  expect(QueueRecords).toHaveLength(3);
  const Entries = QueueRecords.map(({ ReceiptHandle }: { ReceiptHandle: string }) => ({
    ReceiptHandle,
  }));
  await kinesis("AcknowledgeQueueRecords", { QueueARN, Entries });
  const queue = env.QUEUE.getByName(shardQueueName(uid, QueueARN.split("/")[1]));
  await loseLast();
  await evictDurableObject(queue);
  for (const _ of [1, 2]) {
    const { status, error } = await receive();
    expect([status, error.name]).toEqual([500, "InternalFailureException"]);
    expect(error.message).toMatch(
      "handed out records up to 2, and the shard ends at 2: records are lost",
    );
  }
  // As if a backup had brought it back.
  await put("c");
  await put("d");
  expect(JSON.parse((await receive()).text).QueueRecords).toHaveLength(1);
});

test("locations and offsets behind them are refused", async () => {
  const path = `/bigdata/${StreamName}/0`;
  const { Location } = (await v3io("Seek", path, { Type: "LATEST" })).output;
  const head = await send(`/v1/stream/${StreamName}`, { method: "HEAD" });
  const offset = head.headers.get("stream-next-offset")!;
  await loseLast();
  const { output } = await v3io("GetRecords", path, { Location });
  expect(output.ErrorMessage).toBe("IllegalLocationException");
  expect((await send(`/v1/stream/${StreamName}?offset=${offset}`)).status).toBe(410);
});
