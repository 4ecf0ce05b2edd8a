// Splits and merges as fast as they can be asked for, over HTTP and inside workerd, while the clock stands
// still: nothing waits, numbers grow along every line of descent, each is a checkpoint that goes on with
// the next record, and arrivals are what the clock says.

import { setClock } from "../../support/clock.ts";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ask, createStream, putText, summaryOf } from "./claims.ts";
import { textIn } from "./client.ts";

const noonMs = Date.UTC(2036, 0, 1, 12, 0, 0, 345);

interface Shard {
  ShardId: string;
  ParentShardId?: string;
  AdjacentParentShardId?: string;
  SequenceNumberRange: { StartingSequenceNumber: string; EndingSequenceNumber?: string };
  HashKeyRange: { StartingHashKey: string; EndingHashKey: string };
}

interface Read {
  text: string;
  number: string;
  arrivalMs: number;
}

let stream: string;

beforeEach(async () => {
  setClock(noonMs);
  stream = await createStream();
});

afterEach(() => {
  vi.useRealTimers();
});

test("ten splits and merges in no time: every number is above those before it in its line", async () => {
  await putText(stream, "0");
  for (let i = 1; i <= 10; i++) {
    const open = await openShards();
    const [first, second] = open as [Shard, Shard];
    if (open.length > 3) {
      const ShardToMerge = first.ShardId;
      await ask("MergeShards", {
        StreamName: stream,
        ShardToMerge,
        AdjacentShardToMerge: second.ShardId,
      });
    } else {
      const { StartingHashKey, EndingHashKey } = first.HashKeyRange;
      const middle = (BigInt(StartingHashKey) + BigInt(EndingHashKey)) / 2n;
      await ask("SplitShard", {
        StreamName: stream,
        ShardToSplit: first.ShardId,
        NewStartingHashKey: String(middle),
      });
    }
    await untilActive();
    for (const { HashKeyRange } of await openShards()) {
      const { StartingHashKey: ExplicitHashKey } = HashKeyRange;
      const put = { StreamName: stream, Data: btoa(String(i)), PartitionKey: "k", ExplicitHashKey };
      await ask("PutRecord", put);
      await ask("PutRecord", put);
    }
  }
  const shards = await listShards();
  const byId = new Map(shards.map((shard) => [shard.ShardId, shard]));
  for (const shard of shards) {
    const { StartingSequenceNumber: start, EndingSequenceNumber: end } = shard.SequenceNumberRange;
    for (const parent of [shard.ParentShardId, shard.AdjacentParentShardId]) {
      const above = byId.get(parent ?? "")?.SequenceNumberRange.EndingSequenceNumber ?? "0";
      expect(BigInt(start)).toBeGreaterThan(BigInt(above));
    }
    let last = start;
    const records = await readFrom(shard, { ShardIteratorType: "TRIM_HORIZON" });
    for (const { number, arrivalMs } of records) {
      expect(BigInt(number)).toBeGreaterThan(BigInt(last));
      expect(arrivalMs).toBe(noonMs);
      last = number;
    }
    if (end !== undefined) expect(BigInt(end)).toBeGreaterThan(BigInt(last));
    const begun = { StartingSequenceNumber: start };
    for (const ShardIteratorType of ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"]) {
      expect(await readFrom(shard, { ShardIteratorType, ...begun })).toEqual(records);
    }
    for (const [i, { number: StartingSequenceNumber }] of records.entries()) {
      const at = { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber };
      const after = { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber };
      expect(await readFrom(shard, at)).toEqual(records.slice(i));
      expect(await readFrom(shard, after)).toEqual(records.slice(i + 1));
    }
    const now = { ShardIteratorType: "AT_TIMESTAMP", Timestamp: noonMs / 1000 };
    expect(await readFrom(shard, now)).toEqual(records);
  }
});

test("the number that a record was put with is the one that it is read with, in the next seconds too", async () => {
  await ask("UpdateShardCount", {
    StreamName: stream,
    TargetShardCount: 2,
    ScalingType: "UNIFORM_SCALING",
  });
  await untilActive();
  const [shard] = (await openShards()) as [Shard];
  const numbers: unknown[] = [];
  for (let i = 0; i < 12; i++) {
    setClock(noonMs + i * 250);
    const put = { StreamName: stream, Data: btoa(`${i}`), PartitionKey: "k", ExplicitHashKey: "0" };
    const { SequenceNumber } = await ask("PutRecord", {
      ...put,
      ...(i > 0 && { SequenceNumberForOrdering: numbers.at(-1) }),
    });
    numbers.push(SequenceNumber);
  }
  const records = await readFrom(shard, { ShardIteratorType: "TRIM_HORIZON" });
  expect(records.map(({ number }) => number)).toEqual(numbers);
  expect(records.map(({ arrivalMs }) => arrivalMs - noonMs)).toEqual(
    Array.from({ length: 12 }, (_, i) => i * 250),
  );
});

async function listShards(): Promise<Shard[]> {
  return (await ask("ListShards", { StreamName: stream }))["Shards"] as Shard[];
}

/** By hash key. */
async function openShards(): Promise<Shard[]> {
  const open = (await listShards()).filter((shard) => {
    return shard.SequenceNumberRange.EndingSequenceNumber === undefined;
  });
  const startOf = (shard: Shard) => BigInt(shard.HashKeyRange.StartingHashKey);
  return open.sort((a, b) => (startOf(a) < startOf(b) ? -1 : 1));
}

async function readFrom({ ShardId }: Shard, position: object): Promise<Read[]> {
  const { ShardIterator } = await ask("GetShardIterator", {
    StreamName: stream,
    ShardId,
    ...position,
  });
  const { Records } = await ask("GetRecords", { ShardIterator });
  const records = Records as {
    Data: string;
    SequenceNumber: string;
    ApproximateArrivalTimestamp: number;
  }[];
  return records.map((record) => ({
    text: textIn(record),
    number: record.SequenceNumber,
    arrivalMs: Math.round(record.ApproximateArrivalTimestamp * 1000),
  }));
}

/** Not by vi.waitUntil, which moves a clock that is set. */
async function untilActive(): Promise<void> {
  while ((await summaryOf(stream))["StreamStatus"] !== "ACTIVE");
}
