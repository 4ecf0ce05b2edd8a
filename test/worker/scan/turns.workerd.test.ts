// Other requests of the isolate run while a scan takes long over one record. Turns are counted; no time is looked at.

import { env } from "cloudflare:workers";
import { afterEach, expect, test } from "vitest";
import { scanTurnWork } from "../../../worker/limits.ts";
import { compileSelection } from "../../../worker/scan/selection.ts";
import { ShardScan } from "../../../worker/stream/shardScan.ts";
import { append, openShard, record } from "../../support/shards.ts";
import { runtimeWith, START, tidyUp } from "../../support/storage.ts";

afterEach(tidyUp);

/** The turns that others get while a scan looks at one record with a million bytes of short texts. */
async function turnsBeside(comparisons: number): Promise<number> {
  const shard = await openShard();
  await append(shard, record(`{"a":[${'"b",'.repeat(250_000)}"a0"]}`));
  const a = Array.from({ length: comparisons }, (_, i) => ({ "equals-ignore-case": `a${i}` }));
  const selection = compileSelection({ where: JSON.stringify({ data: { a } }) })!;
  const scan = new ShardScan(runtimeWith(env), shard.name ?? "", START, {
    selection,
    trimmed: "skip",
  });
  scan.begin();
  // What it looks at has been loaded then.
  await scheduler.wait(100);
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
