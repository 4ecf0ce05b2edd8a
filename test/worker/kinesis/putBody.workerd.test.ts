// PutRecords by the short way, whole bodies from text to chunk, and by the long one: what is stored and
// what is told must be the same, in streams of one shard and of several, when all goes well and when not.

import { runDurableObjectAlarm } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { pendingBytesMax } from "../../../worker/limits.ts";
import { sequenceNumber } from "../../../worker/kinesis/sequence.ts";
import { catalogOf } from "../../../worker/stream/directory.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { chunkOf, holdCommits, record } from "../../support/shards.ts";
import { base64, type KinesisRecord, kinesisOver } from "./client.ts";

const kinesis = kinesisOver((init) => exports.default.fetch("http://localhost/", init));
const scope = { account: "000000000000", region: "us-east-1" };

let stream: string;

beforeEach(() => {
  stream = crypto.randomUUID();
});

/** The same records by each of the ways: an escape in a name is enough for the long one. */
const ways: [string, (input: object) => string][] = [
  ["short", (input) => JSON.stringify(input)],
  ["long", (input) => JSON.stringify(input).replace('"Records"', '"\\u0052ecords"')],
];

describe.each(ways)("by the %s way", (_, write) => {
  test.each([1, 3])("into %i shards: what is told is what is read", async (ShardCount) => {
    await kinesis("CreateStream", { StreamName: stream, ShardCount });
    const told: KinesisRecord[] = [];
    for (const count of [1, 7, 500]) {
      const { status, text, output, headers } = await put(write, count);
      expect([status, output.FailedRecordCount]).toEqual([200, 0]);
      expect(headers.get("content-type")).toBe("application/x-amz-json-1.1");
      expect(JSON.stringify(JSON.parse(text))).toBe(text);
      expect(Object.keys(output.Records[0] ?? {})).toEqual(["ShardId", "SequenceNumber"]);
      told.push(...output.Records);
    }
    const read = new Map<string, KinesisRecord>();
    const { shards } = unwrap(await catalogOf(env, scope).describeStream(stream)).stream;
    for (const { index: shardIndex, createdMs: shardCreatedMs } of shards) {
      const records = await readShard(shardIndex);
      for (const [index, each] of records.entries()) {
        const arrivalMs = each.ApproximateArrivalTimestamp * 1000;
        const number = sequenceNumber({ shardCreatedMs, shardIndex, index, arrivalMs });
        expect(each.SequenceNumber).toBe(number);
        read.set(`${shardIndex}/${number}`, each);
      }
    }
    expect(read.size).toBe(told.length);
    const offered = [1, 7, 500].flatMap((count) => entries(count));
    for (const [i, { ShardId, SequenceNumber }] of told.entries()) {
      const found = read.get(`${Number(ShardId.slice(8))}/${SequenceNumber}`);
      expect(found).toMatchObject(offered[i] as object);
    }
  });

  test("a record beyond the stream's maximum: refused, and nothing is stored", async () => {
    await kinesis("CreateStream", { StreamName: stream, ShardCount: 1 });
    const large = { PartitionKey: "k", Data: base64(new Uint8Array(1_048_577)) };
    const input = { StreamName: stream, Records: [...entries(2), large] };
    const { status, error } = await kinesis("PutRecords", write(input));
    expect([status, error.name]).toEqual([400, "ValidationException"]);
    expect(error.message).toContain("records.3.member.data");
    expect(await readShard(0)).toEqual([]);
  });

  test("a shard that has too much to write: every record fails with the throughput error", async () => {
    await kinesis("CreateStream", { StreamName: stream, ShardCount: 1 });
    const { shards } = unwrap(await catalogOf(env, scope).describeStream(stream)).stream;
    const shard = env.SHARD.getByName(shards[0]?.uid ?? "");
    const release = await holdCommits(shard);
    // A chunk of one record with a key of three bytes has 59 bytes around its data.
    const half = new Uint8Array(pendingBytesMax / 2 - 59);
    const held = shard.append([chunkOf(record(half)), chunkOf(record(half))]);
    // Calls of one stub arrive in order: when this one is answered, the shard is full.
    await shard.seek({ kind: "latest" });
    const { status, output } = await put(write, 9);
    expect([status, output.FailedRecordCount, output.Records.length]).toEqual([200, 9, 9]);
    for (const { ErrorCode } of output.Records) {
      expect(ErrorCode).toBe("ProvisionedThroughputExceededException");
    }
    await release();
    expect(await held).toMatchObject({ receipts: [{ firstIndex: 0 }, { firstIndex: 1 }] });
    expect((await put(write, 9)).output.FailedRecordCount).toBe(0);
  });

  test("a shard that was split since: the records go where they now belong", async () => {
    await kinesis("CreateStream", { StreamName: stream, ShardCount: 1 });
    await put(write, 3);
    const split = await kinesis("SplitShard", {
      StreamName: stream,
      ShardToSplit: "shardId-000000000000",
      NewStartingHashKey: (1n << 127n).toString(),
    });
    expect(split.status).toBe(200);
    await runDurableObjectAlarm(catalogOf(env, scope));
    const { output } = await put(write, 40);
    expect(output.FailedRecordCount).toBe(0);
    const ids = new Set(output.Records.map(({ ShardId }) => ShardId));
    expect([...ids].toSorted()).toEqual(["shardId-000000000001", "shardId-000000000002"]);
  });
});

function put(write: (input: object) => string, count: number) {
  return kinesis("PutRecords", write({ StreamName: stream, Records: entries(count) }));
}

function entries(count: number): { PartitionKey: string; Data: string }[] {
  return Array.from({ length: count }, (_, i) => ({
    PartitionKey: `key-${i}`,
    Data: base64(new Uint8Array(i % 50).fill(count % 256)),
  }));
}

async function readShard(index: number): Promise<KinesisRecord[]> {
  const { output } = await kinesis("GetShardIterator", {
    StreamName: stream,
    ShardId: `shardId-${String(index).padStart(12, "0")}`,
    ShardIteratorType: "TRIM_HORIZON",
  });
  const page = await kinesis("GetRecords", { ShardIterator: output.ShardIterator });
  return page.output.Records;
}
