// PutRecord through the front: each record is where its reply says, whichever way the stream distributes its records, also
// while shards are split and merged, and where some puts are refused on purpose.

import {
  CreateStreamCommand,
  type CreateStreamCommandInput,
  type KinesisClient,
  ListShardsCommand,
  MergeShardsCommand,
  PutRecordCommand,
  type PutRecordCommandInput,
  SplitShardCommand,
} from "@aws-sdk/client-kinesis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, readShard, shardIdAt } from "./sdk.ts";
import { type Server, startServer } from "./server.ts";

const hashKeys = 1n << 128n;

let server: Server;
let client: KinesisClient;

beforeAll(async () => {
  server = await startServer();
  client = connect(server.endpoint);
});

afterAll(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

test("a record goes to the shard of its hash key", async () => {
  const StreamName = "by-hash";
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 4 }));
  const told = new Map<string, string>();
  for (let i = 0; i < 16; i++) {
    const ExplicitHashKey = String((hashKeys / 16n) * BigInt(i));
    const place = await put(client, { StreamName, ExplicitHashKey }, `text ${i}`);
    expect(place).toMatch(new RegExp(`^${shardIdAt(Math.floor(i / 4))} `));
    told.set(place, `text ${i}`);
  }
  expect(await stored(client, StreamName)).toEqual(told);
});

test("a stream that distributes its records itself gets them in all of its shards", async () => {
  const StreamName = "automatic";
  const automatic = {
    RecordDistributionStrategy: "AUTO",
    StreamModeDetails: { StreamMode: "ON_DEMAND" },
  };
  await client.send(
    new CreateStreamCommand({ StreamName, ...automatic } as CreateStreamCommandInput),
  );
  const told = new Map<string, string>();
  for (let i = 0; i < 100; i++) {
    told.set(await put(client, { StreamName, ExplicitHashKey: "0" }, `text ${i}`), `text ${i}`);
  }
  const shards = new Set([...told.keys()].map((place) => place.split(" ")[0]));
  expect(shards.size).toBe(4);
  expect(await stored(client, StreamName)).toEqual(told);
});

test("a record whose shard is closed meanwhile goes to the shard that follows", async () => {
  const StreamName = "resharded";
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const told = new Map<string, string>();
  const load = { isOver: false };
  const producers = Array.from({ length: 8 }, async (_, producer) => {
    for (let i = 0; !load.isOver; i++) {
      const text = `text ${producer} ${i}`;
      told.set(await put(client, { StreamName }, text), text);
    }
  });
  const more = async () => {
    const before = told.size;
    await expect.poll(() => told.size).toBeGreaterThan(before + 100);
  };
  await more();
  const NewStartingHashKey = String(hashKeys / 2n);
  const ShardToSplit = shardIdAt(0);
  await client.send(new SplitShardCommand({ StreamName, ShardToSplit, NewStartingHashKey }));
  await more();
  const merged = { ShardToMerge: shardIdAt(1), AdjacentShardToMerge: shardIdAt(2) };
  await client.send(new MergeShardsCommand({ StreamName, ...merged }));
  await more();
  load.isOver = true;
  await Promise.all(producers);
  const shards = new Set([...told.keys()].map((place) => place.split(" ")[0]));
  expect(shards).toEqual(new Set([0, 1, 2, 3].map(shardIdAt)));
  expect(await stored(client, StreamName)).toEqual(told);
});

test("of puts that are refused at a rate, none is stored, and all others are", async () => {
  await using refusing = await startServer({
    flags: ["--memory", "--error-rate", "PutRecord=0.5"],
  });
  const once = connect(refusing.endpoint, { maxAttempts: 1 });
  const StreamName = "refusing";
  await once.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }));
  const told = new Map<string, string>();
  let refused = 0;
  for (let i = 0; i < 60; i++) {
    const text = `text ${i}`;
    const place = await put(once, { StreamName }, text).catch(() => undefined);
    if (place === undefined) refused++;
    else told.set(place, text);
  }
  expect(refused).toBeGreaterThan(0);
  expect(told.size).toBeGreaterThan(0);
  expect(await stored(once, StreamName)).toEqual(told);
  once.destroy();
});

/** Returns where it is: the shard and the number. */
async function put(
  from: KinesisClient,
  input: Pick<PutRecordCommandInput, "StreamName" | "ExplicitHashKey">,
  text: string,
): Promise<string> {
  const Data = Buffer.from(text);
  const reply = await from.send(new PutRecordCommand({ PartitionKey: text, Data, ...input }));
  return `${reply.ShardId} ${reply.SequenceNumber}`;
}

/** All texts, by where they are. */
async function stored(from: KinesisClient, StreamName: string): Promise<Map<string, string>> {
  const { Shards = [] } = await from.send(new ListShardsCommand({ StreamName }));
  const found = new Map<string, string>();
  for (const [i, { ShardId }] of Shards.entries()) {
    expect(ShardId).toBe(shardIdAt(i));
    for (const { SequenceNumber, Data } of await readShard(from, StreamName, i)) {
      found.set(`${ShardId} ${SequenceNumber}`, Buffer.from(Data ?? []).toString());
    }
  }
  return found;
}
