// Ten thousand records with random keys and sizes from nothing to a mebibyte, through the AWS SDK
// into four shards and out again. Eight producers put side by side, alone and in batches; what is
// read must be all of it, once, in the order of each producer, under the sequence numbers that
// were given, byte for byte, in the shards that the keys' hashes name. The seed fixes every byte.

import {
  CreateStreamCommand,
  type KinesisClient,
  PutRecordCommand,
  PutRecordsCommand,
} from "@aws-sdk/client-kinesis";
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { Random } from "../engine/random.ts";
import { connect, indexIn, iteratorFor, readPages, shardIdAt } from "./sdk.ts";
import { startServer } from "./server.ts";

const seed = 20_261_121;
const recordCount = 10_000;
const shardCount = 4;
const producerCount = 8;
/** Of data and key together. */
const recordBytesMax = 1_048_576;
/** Small enough that all producers together stay within what a shard lets wait. */
const batchBytesMax = 1_500_000;
const batchRecordsMax = 500;

const StreamName = "records";

interface Made {
  producer: number;
  key: string;
  data: Uint8Array;
}

/** What was put, and what the reply said of it. */
interface Acknowledged {
  producer: number;
  /** Position among the records of its producer. */
  position: number;
  key: string;
  bytes: number;
  digest: string;
  sequenceNumber: string;
}

test(`${recordCount} records come back complete, in order, each once, seed ${seed}`, async () => {
  await using server = await startServer();
  const client = connect(server.endpoint);
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: shardCount }));
  const shards = Array.from({ length: shardCount }, () => new Map<number, Acknowledged>());
  await Promise.all(
    Array.from({ length: producerCount }, (_, producer) => produce(client, producer, shards)),
  );
  expect(shards.reduce((sum, { size }) => sum + size, 0)).toBe(recordCount);
  await Promise.all(
    shards.map(async (acknowledged, shard) => {
      expect(acknowledged.size).toBeGreaterThan(recordCount / shardCount / 2);
      await expectShard(client, shard, acknowledged);
    }),
  );
  client.destroy();
});

/** Puts a producer's share, one call after another. */
async function produce(
  client: KinesisClient,
  producer: number,
  shards: Map<number, Acknowledged>[],
): Promise<void> {
  const random = new Random(seed + producer);
  let left = recordCount / producerCount;
  let position = 0;
  while (left > 0) {
    const batch = makeBatch(random, producer, left);
    left -= batch.length;
    const places = batch.length === 1 ? await putOne(client, batch) : await putAll(client, batch);
    for (const [i, { shard, sequenceNumber }] of places.entries()) {
      const { key, data } = batch[i] as Made;
      const acknowledged = shards[shard] as Map<number, Acknowledged>;
      const index = indexIn(sequenceNumber);
      expect(acknowledged.has(index)).toBe(false);
      const digest = digestOf(data);
      const bytes = data.length;
      acknowledged.set(index, { producer, position, key, bytes, digest, sequenceNumber });
      position++;
    }
  }
}

async function putOne(client: KinesisClient, [made]: readonly Made[]): Promise<Place[]> {
  const { data: Data = new Uint8Array(0), key: PartitionKey = "" } = made ?? {};
  const reply = await client.send(new PutRecordCommand({ StreamName, Data, PartitionKey }));
  return [placeOf(reply)];
}

async function putAll(client: KinesisClient, batch: readonly Made[]): Promise<Place[]> {
  const Records = batch.map(({ data: Data, key: PartitionKey }) => ({ Data, PartitionKey }));
  const reply = await client.send(new PutRecordsCommand({ StreamName, Records }));
  expect(reply.FailedRecordCount).toBe(0);
  expect(reply.Records).toHaveLength(batch.length);
  return (reply.Records ?? []).map(placeOf);
}

interface Place {
  shard: number;
  sequenceNumber: string;
}

function placeOf(reply: { ShardId?: string | undefined; SequenceNumber?: string | undefined }) {
  const { ShardId = "", SequenceNumber = "" } = reply;
  return { shard: Number(ShardId.slice("shardId-".length)), sequenceNumber: SequenceNumber };
}

async function expectShard(
  client: KinesisClient,
  shard: number,
  acknowledged: ReadonlyMap<number, Acknowledged>,
): Promise<void> {
  const iterator = await iteratorFor(client, {
    StreamName,
    ShardId: shardIdAt(shard),
    ShardIteratorType: "TRIM_HORIZON",
  });
  let index = 0;
  let arrivalMs = 0;
  const positions = Array.from({ length: producerCount }, () => -1);
  for await (const page of readPages(client, iterator)) {
    for (const record of page) {
      const put = acknowledged.get(index);
      if (put === undefined) throw new Error(`shard ${shard} has a record ${index} nobody put`);
      expect(record.SequenceNumber).toBe(put.sequenceNumber);
      expect(record.PartitionKey).toBe(put.key);
      expect(shardOf(put.key)).toBe(shard);
      expect(record.Data?.length).toBe(put.bytes);
      expect(digestOf(record.Data ?? new Uint8Array(0))).toBe(put.digest);
      expect(put.position).toBeGreaterThan(positions[put.producer] as number);
      positions[put.producer] = put.position;
      const ms = record.ApproximateArrivalTimestamp?.getTime() ?? 0;
      expect(ms).toBeGreaterThanOrEqual(arrivalMs);
      arrivalMs = ms;
      index++;
    }
  }
  expect(index).toBe(acknowledged.size);
}

/** One record at times, else as many as a batch holds or the dice say. */
function makeBatch(random: Random, producer: number, left: number): Made[] {
  const wanted = random.chance(0.3) ? 1 : random.between(2, batchRecordsMax);
  const batch: Made[] = [];
  let bytes = 0;
  while (batch.length < Math.min(wanted, left) && bytes < batchBytesMax) {
    const key = sampleKey(random);
    const data = random.bytes(sampleBytes(random, recordBytesMax - Buffer.byteLength(key)));
    batch.push({ producer, key, data });
    bytes += data.length;
  }
  return batch;
}

/** Most are small, a few are large, and the ends of the range are among them. */
function sampleBytes(random: Random, dataBytesMax: number): number {
  const kind = random.below(1000);
  if (kind < 20) return 0;
  if (kind < 22) return dataBytesMax;
  if (kind < 35) return random.below(dataBytesMax + 1);
  if (kind < 60) return random.below(262_144);
  if (kind < 200) return random.below(32_768);
  return random.below(2048);
}

const alphabet = Array.from('abcXYZ 0189-_"\\/\u0000\u001f\u007féß語\u2028😀');

/** Up to 256 characters, as the API counts them: in UTF-16. */
function sampleKey(random: Random): string {
  const length = random.chance(0.02) ? 256 : random.between(1, 40);
  let key = "";
  while (key.length < length) key += random.pick(alphabet);
  return key.length > 256 ? key.slice(0, -2) : key;
}

/** The shard whose range holds the MD5 of the key's UTF-8. */
function shardOf(key: string): number {
  const hash = BigInt(`0x${createHash("md5").update(key).digest("hex")}`);
  return Number(hash / (2n ** 128n / BigInt(shardCount)));
}

function digestOf(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("base64");
}
