// Other requests of the isolate run while a scan takes long over one record, and other scans are among them. Turns are
// counted; no time is looked at.

import { env } from "cloudflare:workers";
import { afterEach, expect, test } from "vitest";
import { scanTurnWork } from "../../../worker/limits.ts";
import { compileSelection } from "../../../worker/scan/selection.ts";
import { ShardScan } from "../../../worker/stream/shardScan.ts";
import { append, openShard, record, type ShardStub } from "../../support/shards.ts";
import { runtimeWith, START, tidyUp } from "../../support/storage.ts";

afterEach(tidyUp);

function scanOf(shard: ShardStub, pattern: object): ShardScan {
  const selection = compileSelection({ where: JSON.stringify(pattern) })!;
  return new ShardScan(runtimeWith(env), shard.name ?? "", START, { selection, trimmed: "skip" });
}

/** A scan that looks at one record with a million bytes of short texts, which has been loaded. */
async function longScan(comparisons: number): Promise<ShardScan> {
  const shard = await openShard();
  await append(shard, record(`{"a":[${'"b",'.repeat(250_000)}"a0"]}`));
  const a = Array.from({ length: comparisons }, (_, i) => ({ "equals-ignore-case": `a${i}` }));
  const scan = scanOf(shard, { data: { a } });
  scan.begin();
  await scheduler.wait(100);
  return scan;
}

/** The turns that others get meanwhile. */
async function turnsBeside(comparisons: number): Promise<number> {
  const scan = await longScan(comparisons);
  const beside = { turns: 0, isDone: false };
  const others = (async () => {
    for (; !beside.isDone; beside.turns++) await scheduler.wait(0);
  })();
  const step = await scan.step({ recordsMax: 10, bytesMax: 10_000_000 });
  beside.isDone = true;
  await others;
  expect(step.taken.records).toBe(1);
  return beside.turns;
}

test("a record that takes long leaves turns to others", async () => {
  // A value takes eight steps a comparison at least.
  const turns = Math.floor((250_000 * 64 * 8) / scanTurnWork);
  expect(turns).toBeGreaterThan(20);
  expect(await turnsBeside(64)).toBeGreaterThanOrEqual(turns / 2);
});

test("scans that run meanwhile, by time, by key or by data, take what they would take alone", async () => {
  const shard = await openShard();
  await append(shard, ...Array.from({ length: 3 }, (_, i) => record(`{"a":${i}}`)));
  const patterns = [
    { approximateArrivalTimestamp: [{ numeric: [">", 0] }] },
    { partitionKey: [{ "anything-but": "none" }] },
    { data: [{ prefix: "{" }] },
    { data: { a: [{ numeric: ["<", 5] }] } },
  ];
  const long = await longScan(64);
  const others = patterns.map((pattern) => scanOf(shard, pattern));
  for (const scan of others) scan.begin();
  await scheduler.wait(100);
  const limits = { recordsMax: 10, bytesMax: 10_000_000 };
  const running = { isDone: false };
  const step = long.step(limits).finally(() => (running.isDone = true));
  for (const scan of others) {
    // In a turn in the middle of the long record.
    await scheduler.wait(0);
    const { taken, next } = await scan.step(limits);
    expect([running.isDone, taken.records, next.index]).toEqual([false, 3, 3]);
  }
  expect((await step).taken.records).toBe(1);
});
