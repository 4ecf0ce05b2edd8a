// Data folders that released versions, and this one, have written, opened by the server as it is now: every
// record is what it was, under its number, wherever it is stored; streams, tags, consumers, objects and
// items are there; and the folder is written to and read on, also after a kill. See stored/write.ts.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { base64, type KinesisCall } from "../worker/kinesis/client.ts";
import { v3ioOver } from "../worker/v3io/client.ts";
import { countTails, listGenerations, listObjects, statsOf } from "./data-folder.ts";
import { kinesisAt } from "./history.ts";
import { shardIdAt } from "./sdk.ts";
import { type Server, startServer } from "./server.ts";
import { unpackArchive, writeFolder } from "./stored/archive.ts";
import { arrivalMs, dataOf, type Promised, type PromisedRecord } from "./stored/promised.ts";

const archives = readdirSync(join(import.meta.dirname, "stored")).filter((name) =>
  name.endsWith(".folder"),
);

test.each(archives)("%s: everything is there, and can be written to", async (name) => {
  const data = mkdtempSync(join(tmpdir(), "millrace-stored-"));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  const archive = unpackArchive(readFileSync(join(import.meta.dirname, "stored", name)));
  writeFolder(data, archive.files);
  const promised = JSON.parse(archive.promised) as Promised;
  expect(name).toBe(`${promised.version}.folder`);
  // Records are in every place there is: objects, rows of a closed generation, segments, a tail.
  expect(new Set(listGenerations(data))).toEqual(new Set(["freed", "closed"]));
  expect(listObjects(data).length).toBeGreaterThan(10);
  const tails = countTails(data);
  {
    await using server = await startServer({ data });
    for (const shard of await statsOf(server, "stored")) {
      // Counted before: the records are of a time to come, so the server seals them when it starts.
      expect(tails.get(shard.shard)).toBeGreaterThan(1);
      expect(shard.segments.damaged).toBe(0);
    }
    await expectAll(server, promised);
    await putMore(kinesisAt(server.endpoint), promised);
    await expectAll(server, promised);
    await server.kill9();
  }
  await using server = await startServer({ data });
  await expectAll(server, promised);
});

async function expectAll(server: Server, promised: Promised): Promise<void> {
  const kinesis = kinesisAt(server.endpoint);
  for (const stream of promised.streams) {
    await expectStream(kinesis, stream);
    for (const shard of stream.shards.keys()) {
      const records = promised.records.filter(
        (record) => record.stream === stream.name && record.shard === shard,
      );
      await expectRecords(kinesis, stream.name, shard, records);
    }
  }
  await expectV3io(server, promised);
}

async function expectStream(
  kinesis: KinesisCall,
  { name: StreamName, ...stream }: Promised["streams"][number],
): Promise<void> {
  const summary = await kinesis("DescribeStreamSummary", { StreamName });
  expect(summary.output).toMatchObject({
    StreamDescriptionSummary: {
      StreamStatus: "ACTIVE",
      RetentionPeriodHours: stream.retentionHours,
      OpenShardCount: stream.shards.filter(({ isOpen }) => isOpen).length,
      MaxRecordSizeInKiB: stream.recordKibMax,
      ConsumerCount: stream.consumers.length,
    },
  });
  const { output } = await kinesis("ListShards", { StreamName });
  expect(output.Shards).toHaveLength(stream.shards.length);
  for (const [i, { parents, isOpen }] of stream.shards.entries()) {
    const [parent] = parents;
    const range = { EndingSequenceNumber: expect.any(String) };
    expect(output.Shards[i]).toEqual({
      ShardId: shardIdAt(i),
      ...(parent !== undefined && { ParentShardId: shardIdAt(parent) }),
      HashKeyRange: expect.anything(),
      SequenceNumberRange: { StartingSequenceNumber: expect.any(String), ...(!isOpen && range) },
    });
  }
  const tags = await kinesis("ListTagsForStream", { StreamName });
  const pairs = Object.entries(stream.tags).map(([Key, Value]) => ({ Key, Value }));
  const { Tags } = tags.output as unknown as { Tags: object[] };
  expect(sorted(Tags)).toEqual(sorted(pairs));
  const described = await kinesis("DescribeStream", { StreamName });
  const { StreamARN } = described.output.StreamDescription;
  const consumers = await kinesis("ListStreamConsumers", { StreamARN });
  expect(consumers.output).toMatchObject({
    Consumers: stream.consumers.map((ConsumerName) => ({ ConsumerName, ConsumerStatus: "ACTIVE" })),
  });
}

async function expectRecords(
  kinesis: KinesisCall,
  StreamName: string,
  shard: number,
  promised: readonly PromisedRecord[],
): Promise<void> {
  const input = { StreamName, ShardId: shardIdAt(shard), ShardIteratorType: "TRIM_HORIZON" };
  let { ShardIterator } = (await kinesis("GetShardIterator", input)).output;
  let count = 0;
  for (let behindMs = Infinity; behindMs > 0;) {
    const { status, output, text } = await kinesis("GetRecords", { ShardIterator });
    expect([status, status === 200 ? "" : text]).toEqual([200, ""]);
    for (const { SequenceNumber, PartitionKey, Data, ...record } of output.Records) {
      const expected = promised[count++];
      expect([SequenceNumber, PartitionKey]).toEqual([expected?.sequenceNumber, expected?.key]);
      expect(record.ApproximateArrivalTimestamp).toBe(arrivalMs / 1000);
      const isSame = expected !== undefined && dataOf(expected).toString("base64") === Data;
      expect([PartitionKey, isSame]).toEqual([PartitionKey, true]);
    }
    behindMs = output.MillisBehindLatest;
    ShardIterator = output.NextShardIterator;
  }
  expect(count).toBe(promised.length);
}

async function expectV3io({ endpoint }: Server, { v3io, item, object }: Promised): Promise<void> {
  const call = v3ioOver((path, init) => fetch(endpoint + path, init));
  const seek = await call("Seek", `${v3io.path}/0`, { Type: "EARLIEST" });
  const { Location } = seek.output;
  const { output } = await call("GetRecords", `${v3io.path}/0`, { Location });
  const records = output.Records.map(({ SequenceNumber, PartitionKey, ClientInfo, Data }) => {
    return { SequenceNumber, PartitionKey, ClientInfo, Data };
  });
  expect(records).toEqual(v3io.records);
  const found = await call("GetItem", item.path, { AttributesToGet: "*" });
  expect(JSON.parse(found.text)).toEqual({ Item: item.attributes });
  const headers = { "x-v3io-session-key": "any" };
  const reply = await fetch(endpoint + object.path, { headers });
  expect(await reply.text()).toBe(object.text);
}

/** A small record and one that is a segment by itself, to each open shard. */
async function putMore(kinesis: KinesisCall, promised: Promised): Promise<void> {
  for (const { name: StreamName, shards } of promised.streams) {
    const open = [...shards.keys()].filter((shard) => shards[shard]?.isOpen);
    for (const [half, shard] of open.entries()) {
      for (const bytes of [50, 800_000]) {
        const record = { key: `later, ${bytes}`, text: `more for shard ${shard}. `, bytes };
        const { status, output } = await kinesis("PutRecord", {
          StreamName,
          PartitionKey: record.key,
          ExplicitHashKey: String((2n ** 128n / BigInt(open.length)) * BigInt(half)),
          Data: base64(dataOf(record)),
        });
        expect([status, output.ShardId]).toEqual([200, shardIdAt(shard)]);
        const { SequenceNumber: sequenceNumber } = output;
        promised.records.push({ ...record, stream: StreamName, shard, sequenceNumber });
      }
    }
  }
}

function sorted(members: readonly object[]): string[] {
  return members.map((member) => JSON.stringify(member)).toSorted();
}
