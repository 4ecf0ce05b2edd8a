// Calls to many shards: each is made once, in order of the results, so many at a time; and they leave others
// their turn, however quickly they are answered.

import { expect, test } from "vitest";
import { visitShards } from "../../../worker/core/parallel.ts";

const shards = Array.from({ length: 1000 }, (_, i) => i);

test("every shard is visited once, 64 at a time, and the results are in order", async () => {
  let atOnce = 0;
  let most = 0;
  const results = await visitShards(shards, async (shard) => {
    most = Math.max(most, ++atOnce);
    await Promise.resolve();
    atOnce--;
    return shard * 2;
  });
  expect(results).toEqual(shards.map((shard) => shard * 2));
  expect(most).toBe(64);
});

test("what waits for its turn gets it, though no call waits for anything", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++);
  await visitShards(shards, async (shard) => shard);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(0);
});

test("a visit that fails fails the whole", async () => {
  const visits = visitShards(shards, async (shard) => {
    if (shard === 700) throw new Error("shard 700");
  });
  await expect(visits).rejects.toThrow("shard 700");
});
