// A consumer that keeps to the contract by which the Kinesis Client Library ends a shard (awslabs/
// amazon-kinesis-client, DataRetrievalUtil and HierarchicalShardSyncer): every page has either an
// iterator or child shards, every child names its parents, and a child is read once all of them have
// been read to the end. It walks a stream through three splits and two merges under eight producers
// who know nothing of them, and must meet every record once, in the order of its key.

import {
  CreateStreamCommand,
  DescribeStreamCommand,
  GetRecordsCommand,
  type KinesisClient,
  ListShardsCommand,
  type ListShardsCommandInput,
  MergeShardsCommand,
  PutRecordsCommand,
  type Shard,
  SplitShardCommand,
  UpdateShardCountCommand,
} from "@aws-sdk/client-kinesis";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { connect, iteratorFor, readShard, shardIdAt } from "./sdk.ts";
import { type Server, startServer } from "./server.ts";

const producerCount = 8;
const keysOfProducer = 4;
const batchRecords = 20;
/** What the producers write before each reshard, and after the last: six times makes over 1000. */
const recordsBetween = 200;
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

test("every record once and in order, through three splits and two merges under eight producers", async () => {
  const StreamName = "walked";
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const written = new Writing(StreamName);
  const consumer = new Consumer(StreamName, written);
  const producing = written.begin();
  const consuming = consumer.begin();
  const reshards = [
    () => split(StreamName, 0, hashKeys / 2n),
    () => split(StreamName, 1, hashKeys / 4n),
    () => merge(StreamName, 4, 2),
    () => split(StreamName, 3, hashKeys / 8n),
    () => merge(StreamName, 7, 5),
  ];
  const writing = () => Promise.race([producing, written.further(recordsBetween)]);
  for (const reshard of reshards) {
    await writing();
    await reshard();
  }
  await writing();
  written.end();
  await producing;
  await consuming;
  expect(written.count).toBeGreaterThan(1000);
  expect(consumer.read).toBe(written.count);
  expect(consumer.ended).toEqual(new Set([0, 1, 2, 3, 4, 7, 5].map(shardIdAt)));
  expect(new Set(consumer.started.keys())).toEqual(
    new Set(Array.from({ length: 9 }, (_, i) => shardIdAt(i))),
  );
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName }));
  expect(Shards.map(parentsOf)).toEqual([[], [0], [0], [1], [1], [4, 2], [3], [3], [7, 5]]);
  expectSequence(Shards);
});

test("shards are listed as the filters of ListShards say", async () => {
  const StreamName = "filtered";
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }));
  const created = new Date();
  await split(StreamName, 0, hashKeys / 4n);
  const between = new Date();
  await merge(StreamName, 3, 1);
  const list = async (ShardFilter?: Filter) => {
    const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName, ShardFilter }));
    return Shards.map(({ ShardId }) => Number(ShardId?.slice(8)));
  };
  expect(await list()).toEqual([0, 1, 2, 3, 4]);
  expect(await list({ Type: "FROM_TRIM_HORIZON" })).toEqual([0, 1, 2, 3, 4]);
  expect(await list({ Type: "AT_TRIM_HORIZON" })).toEqual([0, 1]);
  expect(await list({ Type: "AT_LATEST" })).toEqual([2, 4]);
  expect(await list({ Type: "AFTER_SHARD_ID", ShardId: shardIdAt(2) })).toEqual([3, 4]);
  expect(await list({ Type: "AT_TIMESTAMP", Timestamp: created })).toEqual([0, 1]);
  expect(await list({ Type: "AT_TIMESTAMP", Timestamp: between })).toEqual([1, 2, 3]);
  expect(await list({ Type: "AT_TIMESTAMP", Timestamp: new Date(0) })).toEqual([0, 1]);
  expect(await list({ Type: "FROM_TIMESTAMP", Timestamp: between })).toEqual([1, 2, 3, 4]);
  await expect(list({ Type: "AFTER_SHARD_ID" })).rejects.toThrow(/ShardId must be specified/);
  await expect(list({ Type: "AT_TIMESTAMP" })).rejects.toThrow(/Timestamp must be specified/);
  const listed: Shard[] = [];
  let NextToken: string | undefined;
  do {
    const target = NextToken === undefined ? { StreamName, ...fromStart } : { NextToken };
    const page = await client.send(new ListShardsCommand({ ...target, MaxResults: 1 }));
    listed.push(...(page.Shards ?? []));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  expect(listed.map(({ ShardId }) => ShardId)).toEqual([shardIdAt(0), shardIdAt(1)]);
});

test("a closed shard: every kind of iterator leads to its children", async () => {
  const StreamName = "closed";
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const before = new Date();
  const Records = [{ PartitionKey: "a", Data: Buffer.from("a") }];
  const { Records: [put] = [] } = await client.send(new PutRecordsCommand({ StreamName, Records }));
  await split(StreamName, 0, 2n);
  const [shard] = (await client.send(new ListShardsCommand({ StreamName }))).Shards ?? [];
  const { StartingSequenceNumber: start, EndingSequenceNumber: end } =
    shard?.SequenceNumberRange ?? {};
  const positions: [string, number, object][] = [
    ["TRIM_HORIZON", 1, {}],
    ["LATEST", 0, {}],
    ["AT_TIMESTAMP", 1, { Timestamp: before }],
    ["AT_TIMESTAMP", 0, { Timestamp: new Date() }],
    ["AT_SEQUENCE_NUMBER", 1, { StartingSequenceNumber: start }],
    ["AFTER_SEQUENCE_NUMBER", 1, { StartingSequenceNumber: start }],
    ["AT_SEQUENCE_NUMBER", 1, { StartingSequenceNumber: put?.SequenceNumber }],
    ["AFTER_SEQUENCE_NUMBER", 0, { StartingSequenceNumber: put?.SequenceNumber }],
    ["AT_SEQUENCE_NUMBER", 0, { StartingSequenceNumber: end }],
    ["AFTER_SEQUENCE_NUMBER", 0, { StartingSequenceNumber: end }],
  ];
  for (const [type, records, position] of positions) {
    const ShardIterator = await iteratorFor(client, {
      StreamName,
      ShardId: shardIdAt(0),
      ShardIteratorType: type as "LATEST",
      ...position,
    });
    const page = await client.send(new GetRecordsCommand({ ShardIterator }));
    expect(page.Records).toHaveLength(records);
    expect(page.NextShardIterator).toBeUndefined();
    expect(page.MillisBehindLatest).toBeGreaterThan(0);
    expect(page.ChildShards).toEqual([
      {
        ShardId: shardIdAt(1),
        ParentShards: [shardIdAt(0)],
        HashKeyRange: { StartingHashKey: "0", EndingHashKey: "1" },
      },
      {
        ShardId: shardIdAt(2),
        ParentShards: [shardIdAt(0)],
        HashKeyRange: { StartingHashKey: "2", EndingHashKey: `${hashKeys - 1n}` },
      },
    ]);
  }
});

test("UpdateShardCount: what it says, what it refuses, what there is afterwards", async () => {
  const StreamName = "counted";
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 4 }));
  const update = (TargetShardCount: number) =>
    client.send(
      new UpdateShardCountCommand({ StreamName, TargetShardCount, ScalingType: "UNIFORM_SCALING" }),
    );
  const counts = "Current open shard count: 4, Target shard count:";
  await expect(update(9)).rejects.toMatchObject({
    name: "LimitExceededException",
    message: `UpdateShardCount cannot scale up over double your current open shard count. ${counts} 9`,
  });
  await expect(update(1)).rejects.toMatchObject({
    name: "LimitExceededException",
    message: `UpdateShardCount cannot scale down below half your current open shard count. ${counts} 1`,
  });
  await expect(update(4097)).rejects.toMatchObject({
    name: "LimitExceededException",
    message: `Target shard count or number of open shards cannot be greater than 4096. ${counts} 4097`,
  });
  expect(await update(5)).toMatchObject({
    StreamName,
    StreamARN: `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`,
    CurrentShardCount: 4,
    TargetShardCount: 5,
  });
  await untilActive(StreamName);
  const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamName }));
  const shards = StreamDescription?.Shards ?? [];
  expect(shards).toHaveLength(15);
  expect(shards.filter(isOpen)).toHaveLength(5);
  expectSequence(shards);
  await client.send(
    new CreateStreamCommand({
      StreamName: "demanded",
      StreamModeDetails: { StreamMode: "ON_DEMAND" },
    }),
  );
  await expect(
    client.send(
      new UpdateShardCountCommand({
        StreamName: "demanded",
        TargetShardCount: 5,
        ScalingType: "UNIFORM_SCALING",
      }),
    ),
  ).rejects.toMatchObject({
    name: "ValidationException",
    message: "Request is invalid. Stream demanded under account 000000000000 is in On-Demand mode.",
  });
});

test("SplitShard and MergeShards refuse with the service's words", async () => {
  const StreamName = "refused";
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 3 }));
  const under = `in stream ${StreamName} under account 000000000000`;
  const splitting = (ShardToSplit: string, NewStartingHashKey: string) => () =>
    client.send(new SplitShardCommand({ StreamName, ShardToSplit, NewStartingHashKey }));
  const merging = (ShardToMerge: string, AdjacentShardToMerge: string) => () =>
    client.send(new MergeShardsCommand({ StreamName, ShardToMerge, AdjacentShardToMerge }));
  const range =
    "is not both greater than one plus the shard's StartingHashKey 0 and less than the shard's " +
    "EndingHashKey 113427455640312821154458202477256070484.";
  const refusals: [() => Promise<unknown>, string, string][] = [
    [
      splitting("ABKLFD8", "0"),
      "ResourceNotFoundException",
      `Could not find shard ABKLFD8 ${under}.`,
    ],
    [
      splitting("shardId-5", "0"),
      "ResourceNotFoundException",
      `Could not find shard shardId-000000000005 ${under}.`,
    ],
    ...["1", "113427455640312821154458202477256070484", "9".repeat(39)].map(
      (key): [() => Promise<unknown>, string, string] => [
        splitting("shard-0", key),
        "InvalidArgumentException",
        `NewStartingHashKey ${key} used in SplitShard() on shard shardId-000000000000 ${under} ${range}`,
      ],
    ),
    [
      merging("a-1", "b-0"),
      "InvalidArgumentException",
      `Shards shardId-000000000001 and shardId-000000000000 ${under} are not an adjacent pair of ` +
        "shards eligible for merging",
    ],
    [
      merging("a-0", "shardId-5"),
      "ResourceNotFoundException",
      `Could not find shard shardId-000000000005 ${under}.`,
    ],
  ];
  for (const [refused, name, message] of refusals) {
    await expect(refused()).rejects.toMatchObject({ name, message });
  }
  await split(StreamName, 0, 2n);
  const again = `Shard shardId-000000000000 ${under} has already been merged or split, and thus is`;
  await expect(splitting("shardId-0", "9")()).rejects.toMatchObject({
    name: "InvalidArgumentException",
    message: `${again} not eligible for merging or splitting.`,
  });
  await expect(merging("shardId-0", "shardId-1")()).rejects.toMatchObject({
    name: "InvalidArgumentException",
    message: `${again} not eligible for merging or splitting.`,
  });
});

test("a record put while the stream is UPDATING is in the old shard, and found", async () => {
  const StreamName = "moving";
  await using slow = await startServer({ flags: ["--memory", "--transition-ms", "1500"] });
  client.destroy();
  client = connect(slow.endpoint);
  onTestFinished(() => {
    client.destroy();
    client = connect(server.endpoint);
  });
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  await untilActive(StreamName);
  const split = () => {
    const at = { ShardToSplit: "shardId-0", NewStartingHashKey: "2" };
    return client.send(new SplitShardCommand({ StreamName, ...at }));
  };
  await split();
  await expect(split()).rejects.toMatchObject({
    name: "ResourceInUseException",
    message: `Stream ${StreamName} under account 000000000000 not ACTIVE, instead in state UPDATING`,
  });
  const Records = [{ PartitionKey: "a", Data: Buffer.from("a"), ExplicitHashKey: "1" }];
  const first = await client.send(new PutRecordsCommand({ StreamName, Records }));
  expect(first.Records?.[0]?.ShardId).toBe(shardIdAt(0));
  await untilActive(StreamName);
  const second = await client.send(new PutRecordsCommand({ StreamName, Records }));
  expect(second.Records?.[0]?.ShardId).toBe(shardIdAt(1));
  expect(await readShard(client, StreamName, 0)).toHaveLength(1);
  expect(await readShard(client, StreamName, 1)).toHaveLength(1);
});

/** Producers, each with keys of its own; a record is `producer/key/count`. */
class Writing {
  count = 0;
  /** Every record is counted. */
  over = false;
  private isStopping = false;
  private readonly StreamName: string;
  /** Woken when `count` has come to `awaited`. */
  private wake = () => {};
  private awaited = Infinity;

  constructor(StreamName: string) {
    this.StreamName = StreamName;
  }

  /** Waits until `count` more records are written. One waits at a time. */
  further(count: number): Promise<void> {
    this.awaited = this.count + count;
    return new Promise((resolve) => (this.wake = resolve));
  }

  async begin(): Promise<void> {
    const producers = Array.from({ length: producerCount }, (_, producer) => producer);
    await Promise.all(producers.map((producer) => this.produce(producer)));
    this.over = true;
  }

  end(): void {
    this.isStopping = true;
  }

  private async produce(producer: number): Promise<void> {
    const { StreamName } = this;
    for (let next = 0; !this.isStopping;) {
      const Records = Array.from({ length: batchRecords }, () => {
        const key = `${producer}/${next % keysOfProducer}`;
        return { PartitionKey: key, Data: Buffer.from(`${key}/${next++}`) };
      });
      const reply = await client.send(new PutRecordsCommand({ StreamName, Records }));
      expect(reply.FailedRecordCount).toBe(0);
      this.count += batchRecords;
      if (this.count >= this.awaited) this.wake();
    }
  }
}

/** Reads every shard once its parents have ended. */
class Consumer {
  read = 0;
  readonly started = new Map<string, Promise<void>>();
  readonly ended = new Set<string>();
  private readonly next = new Map<string, number>();
  private readonly numbers = new Map<string, bigint>();
  private readonly StreamName: string;
  private readonly writing: Writing;

  constructor(StreamName: string, writing: Writing) {
    this.StreamName = StreamName;
    this.writing = writing;
  }

  async begin(): Promise<void> {
    const { StreamName } = this;
    const ShardFilter = { Type: "AT_TRIM_HORIZON" } as const;
    const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName, ShardFilter }));
    for (const { ShardId = "" } of Shards) this.start(ShardId);
    for (let size = 0; size < this.started.size;) {
      size = this.started.size;
      await Promise.all(this.started.values());
    }
  }

  private start(shardId: string): void {
    if (!this.started.has(shardId)) this.started.set(shardId, this.walk(shardId));
  }

  private async walk(ShardId: string): Promise<void> {
    const { StreamName } = this;
    const target = { StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" as const };
    let ShardIterator: string | undefined = await iteratorFor(client, target);
    while (ShardIterator !== undefined) {
      const everything = this.writing.over ? this.writing.count : Infinity;
      const page: Page = await client.send(new GetRecordsCommand({ ShardIterator }));
      for (const record of page.Records ?? []) this.take(record);
      const children = page.ChildShards ?? [];
      expect((page.NextShardIterator !== undefined) !== children.length > 0).toBe(true);
      ShardIterator = page.NextShardIterator;
      if (children.length > 0) this.endOf(ShardId, children);
      else if (this.read >= everything) return;
    }
  }

  private endOf(shardId: string, children: readonly Child[]): void {
    this.ended.add(shardId);
    for (const { ShardId = "", ParentShards = [] } of children) {
      expect(ParentShards).toContain(shardId);
      if (ParentShards.every((parent) => this.ended.has(parent))) this.start(ShardId);
    }
  }

  /** Of a key, the records come by count, with numbers that grow. */
  private take({ Data, PartitionKey: key = "", SequenceNumber = "" }: KinesisRecord): void {
    const text = Buffer.from(Data ?? []).toString();
    const first = Number(key.slice(key.lastIndexOf("/") + 1));
    const expected = this.next.get(key) ?? first;
    expect(text).toBe(`${key}/${expected}`);
    this.next.set(key, expected + keysOfProducer);
    const number = BigInt(SequenceNumber);
    expect(number).toBeGreaterThan(this.numbers.get(key) ?? 0n);
    this.numbers.set(key, number);
    this.read++;
  }
}

interface KinesisRecord {
  Data?: Uint8Array | undefined;
  PartitionKey?: string | undefined;
  SequenceNumber?: string | undefined;
}

interface Child {
  ShardId?: string | undefined;
  ParentShards?: string[] | undefined;
}

interface Page {
  Records?: KinesisRecord[] | undefined;
  NextShardIterator?: string | undefined;
  ChildShards?: Child[] | undefined;
}

type Filter = NonNullable<ListShardsCommandInput["ShardFilter"]>;

const fromStart = { ShardFilter: { Type: "AT_TRIM_HORIZON" } } as const;

async function split(StreamName: string, shard: number, key: bigint): Promise<void> {
  const ShardToSplit = shardIdAt(shard);
  await client.send(
    new SplitShardCommand({ StreamName, ShardToSplit, NewStartingHashKey: `${key}` }),
  );
  await untilActive(StreamName);
}

async function merge(StreamName: string, shard: number, adjacent: number): Promise<void> {
  await client.send(
    new MergeShardsCommand({
      StreamName,
      ShardToMerge: shardIdAt(shard),
      AdjacentShardToMerge: shardIdAt(adjacent),
    }),
  );
  await untilActive(StreamName);
}

async function untilActive(StreamName: string): Promise<void> {
  for (;;) {
    const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamName }));
    if (StreamDescription?.StreamStatus === "ACTIVE") return;
  }
}

function isOpen({ SequenceNumberRange: range }: Shard): boolean {
  return range?.EndingSequenceNumber === undefined;
}

function parentsOf({ ParentShardId, AdjacentParentShardId }: Shard): number[] {
  return [ParentShardId, AdjacentParentShardId]
    .filter((id) => id !== undefined)
    .map((id) => Number(id.slice(8)));
}

/** A child starts after each of its parents ended. */
function expectSequence(shards: readonly Shard[]): void {
  for (const shard of shards) {
    for (const parent of parentsOf(shard)) {
      const ended = shards[parent]?.SequenceNumberRange?.EndingSequenceNumber ?? "";
      const { StartingSequenceNumber: started = "" } = shard.SequenceNumberRange ?? {};
      expect(BigInt(started)).toBeGreaterThan(BigInt(ended));
    }
  }
}
