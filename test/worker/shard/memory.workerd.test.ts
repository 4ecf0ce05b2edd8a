// Many shards in one isolate, which may have 128 MB in all: what waits for commits and what is kept in
// memory stays within its budget whatever they do at once, what would pass it is refused at once,
// and everything that was taken is there afterwards.

import { env } from "cloudflare:workers";
import { afterEach, beforeAll, expect, test } from "vitest";
import {
  bodyCacheBytesMax,
  isolatePendingBytesMax,
  pendingBytesMax,
} from "../../../worker/limits.ts";
import { bodies } from "../../../worker/core/bodyCache.ts";
import { pendingTotalBytes } from "../../../worker/shard/pendingBudget.ts";
import {
  chunkOf,
  holdCommits,
  openShard,
  record,
  sabotage,
  type ShardStub,
} from "../../support/shards.ts";
import { gatherAll, hold, statsOf, tidyUp } from "../../support/storage.ts";

const shardCount = 200;
const megabyte = 1_000_000;

let shards: ShardStub[];

beforeAll(async () => {
  shards = await Promise.all(Array.from({ length: shardCount }, () => openShard()));
});

afterEach(tidyUp);

test("200 shards that take more than the isolate may hold: the rest is refused at once", async () => {
  const releases = await Promise.all(shards.map((shard) => holdCommits(shard)));
  const chunk = chunkOf(record(new Uint8Array(megabyte)));
  const held = shards.map((shard) => shard.append([chunk]));
  // Calls of one stub are answered in order: each shard has decided when this is known.
  await Promise.all(shards.map((shard) => shard.view()));
  const isolateBytes = pendingTotalBytes();
  expect(isolateBytes).toBeLessThanOrEqual(isolatePendingBytesMax);
  expect(isolateBytes).toBeGreaterThan(isolatePendingBytesMax - 2 * megabyte);
  expect(bodies.bytes).toBeLessThanOrEqual(bodyCacheBytesMax);
  for (const release of releases) await release();
  const replies = await Promise.all(held);
  const taken = replies.filter((reply) => "receipts" in reply).length;
  expect(taken).toBe(Math.floor(isolatePendingBytesMax / chunk.length));
  for (const reply of replies) {
    if (!("receipts" in reply)) expect(reply).toMatchObject({ failed: "overloaded" });
  }
  expect(pendingTotalBytes()).toBe(0);
  const counts = await Promise.all(shards.map(async (shard) => (await statsOf(shard)).records));
  expect(counts).toEqual(replies.map((reply) => ("receipts" in reply ? 1 : 0)));
});

test("200 shards that are written and read at once stay within the budgets", async () => {
  const chunk = chunkOf(...Array.from({ length: 100 }, () => record(new Uint8Array(3000))));
  let peakBytes = 0;
  const look = () => {
    peakBytes = Math.max(peakBytes, bodies.bytes);
    expect(bodies.bytes).toBeLessThanOrEqual(bodyCacheBytesMax);
    expect(pendingTotalBytes()).toBeLessThanOrEqual(isolatePendingBytesMax);
  };
  await Promise.all(
    shards.map(async (shard) => {
      for (let round = 0; round < 2; round++) {
        await shard.append([chunk.slice()]);
        look();
        const { records } = await statsOf(shard);
        expect((await gatherAll(shard)).length).toBe(records);
        look();
      }
    }),
  );
  // 120 MB went through: the cache was full, and no fuller.
  expect(peakBytes).toBeGreaterThan(bodyCacheBytesMax / 2);
  expect(pendingTotalBytes()).toBe(0);
});

test("an object that is cut off gives its share back when its shard starts again", async () => {
  const shard = await openShard();
  await hold(shard);
  await holdCommits(shard);
  const lost = shard.append([chunkOf(record(new Uint8Array(pendingBytesMax / 2)))]).catch(() => {});
  await shard.view();
  expect(pendingTotalBytes()).toBeGreaterThan(pendingBytesMax / 2);
  await sabotage(shard, (_, state) => state.abort("cut off")).catch(() => {});
  await lost;
  const again = await reopened(shard);
  expect(pendingTotalBytes()).toBe(0);
  // Whether it was written before the object ended is open; that it is whole is not.
  expect((await gatherAll(again)).length).toBe((await statsOf(again)).records);
});

async function reopened(shard: ShardStub): Promise<ShardStub> {
  const again = env.SHARD.getByName(shard.name ?? "");
  await again.view();
  return again;
}
