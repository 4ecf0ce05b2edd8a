// Streams and consumers that are made again under a name that is free again, over HTTP and inside
// workerd, while the clock stands still: nothing of the one before passes for something of the new
// one, neither a sequence number nor an ARN, however fast it goes and whatever the clock does.

import { setClock } from "../../support/clock.ts";
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { unwrap } from "../../../worker/core/rpc.ts";
import { catalogOf } from "../../../worker/stream/directory.ts";
import { account, arnOf, ask, kinesis, putText, region, summaryOf } from "./claims.ts";

const noonMs = Date.UTC(2036, 0, 1, 12, 0, 0, 345);
const dayMs = 86_400_000;
const shardId = "shardId-000000000000";

let stream: string;

beforeEach(() => {
  setClock(noonMs);
  stream = crypto.randomUUID();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a stream that is made again", () => {
  test.each([
    ["at once", 0],
    ["a millisecond later", 1],
    ["by a clock that was set back", -3 * dayMs],
  ])("%s: its numbers are others, and old ones are refused", async (_, laterMs) => {
    const numbers: string[] = [];
    const created = new Set<unknown>();
    for (let round = 0; round < 5; round++) {
      setClock(noonMs + round * laterMs);
      await ask("CreateStream", { StreamName: stream, ShardCount: 1 });
      created.add((await summaryOf(stream))["StreamCreationTimestamp"]);
      for (const StartingSequenceNumber of numbers) {
        for (const ShardIteratorType of ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"]) {
          const { error } = await iterator({ ShardIteratorType, StartingSequenceNumber });
          expect(error.message).toContain("because it did not come from this stream.");
        }
      }
      const { SequenceNumber } = await putText(stream, `${round}`);
      const { Shards } = await ask("ListShards", { StreamName: stream });
      const [shard] = Shards as [{ SequenceNumberRange: { StartingSequenceNumber: string } }];
      const { StartingSequenceNumber } = shard.SequenceNumberRange;
      expect(BigInt(SequenceNumber as string)).toBeGreaterThan(BigInt(StartingSequenceNumber));
      expect(BigInt(StartingSequenceNumber)).toBeGreaterThan(BigInt(numbers.at(-1) ?? 0));
      numbers.push(StartingSequenceNumber, SequenceNumber as string);
      await expectRecord(`${round}`, SequenceNumber as string, noonMs + round * laterMs);
      await ask("DeleteStream", { StreamName: stream });
    }
    expect(created.size).toBe(5);
  });

  test("after splits that were created ahead of the clock", async () => {
    await ask("CreateStream", { StreamName: stream, ShardCount: 4 });
    for (const TargetShardCount of [2, 4, 3]) {
      const ScalingType = "UNIFORM_SCALING";
      await ask("UpdateShardCount", { StreamName: stream, TargetShardCount, ScalingType });
      while ((await summaryOf(stream))["StreamStatus"] !== "ACTIVE");
    }
    const starts = async () => {
      const { Shards } = await ask("ListShards", { StreamName: stream });
      return (Shards as { SequenceNumberRange: { StartingSequenceNumber: string } }[]).map(
        ({ SequenceNumberRange }) => BigInt(SequenceNumberRange.StartingSequenceNumber),
      );
    };
    const before = await starts();
    await ask("DeleteStream", { StreamName: stream });
    await ask("CreateStream", { StreamName: stream, ShardCount: 4 });
    const latest = before.reduce((a, b) => (a > b ? a : b));
    for (const start of await starts()) expect(start).toBeGreaterThan(latest);
    const all = await ask("ListShards", {
      StreamName: stream,
      ShardFilter: { Type: "AT_TRIM_HORIZON" },
    });
    expect(all["Shards"]).toHaveLength(4);
    const { SequenceNumber } = await putText(stream, "x");
    expect(SequenceNumber).toMatch(/^\d{56}$/);
  });

  test("elsewhere, while its description is still remembered here: it is found at once", async () => {
    await ask("CreateStream", { StreamName: stream, ShardCount: 1 });
    await putText(stream, "old");
    const catalog = catalogOf(env, { account, region });
    unwrap(await catalog.deleteStream(stream));
    const spec = { name: stream, shardCount: 1, retentionHours: 24, mode: "PROVISIONED" as const };
    unwrap(await catalog.createStream({ account, region }, spec));
    expect((await iterator({ ShardIteratorType: "TRIM_HORIZON" })).status).toBe(200);
    const { SequenceNumber } = await putText(stream, "new");
    await expectRecord("new", SequenceNumber as string, noonMs);
  });

  test("under another name: created now, as if nothing had been there", async () => {
    await ask("CreateStream", { StreamName: stream, ShardCount: 1 });
    await ask("DeleteStream", { StreamName: stream });
    stream = crypto.randomUUID();
    await ask("CreateStream", { StreamName: stream, ShardCount: 1 });
    expect((await summaryOf(stream))["StreamCreationTimestamp"]).toBe(noonMs / 1000);
  });
});

describe("a consumer that is made again", () => {
  test("has another ARN, and the old one means nobody", async () => {
    await ask("CreateStream", { StreamName: stream, ShardCount: 1 });
    const arns = [await register()];
    for (let round = 0; round < 3; round++) {
      await ask("DeregisterStreamConsumer", { ConsumerARN: arns.at(-1) });
      arns.push(await register());
    }
    await ask("DeleteStream", { StreamName: stream, EnforceConsumerDeletion: true });
    await ask("CreateStream", { StreamName: stream, ShardCount: 1 });
    arns.push(await register());
    expect(new Set(arns).size).toBe(arns.length);
    const current = arns.pop();
    for (const ConsumerARN of arns) {
      const { error } = await kinesis("DescribeStreamConsumer", { ConsumerARN });
      expect(error.name).toBe("ResourceNotFoundException");
    }
    await ask("DescribeStreamConsumer", { ConsumerARN: current });
  });
});

test("names that are gone are remembered for an hour, what they had for good", async () => {
  setClock(noonMs + dayMs);
  await ask("CreateStream", { StreamName: stream, ShardCount: 1 });
  await ask("DeleteStream", { StreamName: stream });
  expect((await rememberedRows()).map((row) => row["stream"])).toContain(stream);
  setClock(noonMs + 2 * dayMs);
  const other = crypto.randomUUID();
  await ask("CreateStream", { StreamName: other, ShardCount: 1 });
  await ask("DeleteStream", { StreamName: other });
  const second = Math.floor((noonMs + dayMs) / 1000);
  expect(await rememberedRows()).toEqual([
    { stream: "", second },
    { stream: other, second: second + dayMs / 1000 },
  ]);
  setClock(noonMs + dayMs);
  await ask("CreateStream", { StreamName: stream, ShardCount: 1 });
  expect((await summaryOf(stream))["StreamCreationTimestamp"]).toBe(second + 1);
});

function rememberedRows() {
  return runInDurableObject(catalogOf(env, { account, region }), (_, { storage }) =>
    storage.sql.exec("SELECT stream, second FROM creation").toArray(),
  );
}

async function register(): Promise<string> {
  const input = { StreamARN: arnOf(stream), ConsumerName: "reader" };
  const { Consumer } = await ask("RegisterStreamConsumer", input);
  return (Consumer as { ConsumerARN: string }).ConsumerARN;
}

function iterator(position: object) {
  return kinesis("GetShardIterator", { StreamName: stream, ShardId: shardId, ...position });
}

/** The stream's only record. */
async function expectRecord(text: string, number: string, arrivalMs: number): Promise<void> {
  const { output } = await iterator({ ShardIteratorType: "TRIM_HORIZON" });
  const { ShardIterator } = output;
  const { Records } = await ask("GetRecords", { ShardIterator });
  expect(Records).toMatchObject([
    { Data: btoa(text), SequenceNumber: number, ApproximateArrivalTimestamp: arrivalMs / 1000 },
  ]);
}
