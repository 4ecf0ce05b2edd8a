// Files of bodies that were staged while the mover looks for those that nobody needs.

import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import { unwrap } from "../../../worker/core/rpc.ts";
import { patience } from "../../support/patience.ts";
import { append, holdCommits, openShard, record, sabotage } from "../../support/shards.ts";
import {
  keep,
  type KeptBodies,
  largeChunk,
  stagedOf,
  stageOnly,
  stagingBucket,
  stagingShard,
} from "../../support/staging.ts";
import {
  evictAll,
  forgetBodies,
  gatherAll,
  rebind,
  statsOf,
  tidyUp,
} from "../../support/storage.ts";

afterEach(tidyUp);

test("what was staged after a commit that failed is not taken for left by who began before", async () => {
  const errors = vi.spyOn(console, "error").mockImplementation(() => {});
  const shard = await openShard();
  const kept: KeptBodies = new Map();
  const gate = Promise.withResolvers<void>();
  let isAsked = false;
  const whole = stagingBucket(kept);
  await rebind(
    shard,
    stagingBucket(kept, {
      stage: stageOnly(kept),
      list: async (options) => {
        isAsked = true;
        await gate.promise;
        return await whole.list(options);
      },
    }),
  );
  // What is left in fact, and goes when the mover is done.
  const left = `staged/${shard.name}/${crypto.randomUUID()}`;
  await whole.put(left, "of an append that was never committed");
  await append(shard, "first");
  await vi.waitUntil(async () => {
    await runDurableObjectAlarm(shard);
    return isAsked;
  }, patience);
  // A commit fails, so the state is read from the rows again.
  await sabotage(shard, ({ sql }) => {
    sql.exec("CREATE TRIGGER no BEFORE INSERT ON log_0 BEGIN SELECT RAISE(ABORT, 'no'); END");
  });
  await expect(append(shard, "refused")).rejects.toThrow();
  await sabotage(shard, ({ sql }) => {
    sql.exec("DROP TRIGGER no");
  });
  await append(shard, record(new Uint8Array(300_000)));
  const offered = keep(kept, largeChunk(7));
  expect(unwrap((await shard.appendKept(offered))!).receipts).toHaveLength(1);
  await sabotage(shard, () => gate.resolve());
  await expect.poll(() => stagedOf(shard), patience).not.toContain(left);
  expect(await stagedOf(shard)).toContain(`staged/${shard.name}/${offered.id}`);
  forgetBodies();
  await evictAll(shard);
  expect((await gatherAll(shard)).at(-1)?.data[0]).toBe(7);
  errors.mockRestore();
});

test("a damaged body that was staged is passed over when an operator says so", async () => {
  const errors = vi.spyOn(console, "error").mockImplementation(() => {});
  const warnings = vi.spyOn(console, "warn").mockImplementation(() => {});
  const { shard, kept } = await stagingShard();
  await rebind(shard, stagingBucket(kept, { stage: stageOnly(kept) }));
  const damaged = keep(kept, largeChunk(1));
  kept.get(damaged.id)![1000]! ^= 1;
  await shard.appendKept(damaged);
  await shard.appendKept(keep(kept, largeChunk(2)));
  forgetBodies();
  await expect(gatherAll(shard)).rejects.toMatchObject({ code: "corrupt" });
  unwrap(await shard.skip(0));
  forgetBodies();
  expect((await gatherAll(shard)).map(({ data }) => data[0])).toEqual([2]);
  errors.mockRestore();
  warnings.mockRestore();
});

test("a file stays when its commit failed and the rows cannot be read now", async () => {
  const errors = vi.spyOn(console, "error").mockImplementation(() => {});
  const { shard, kept } = await stagingShard();
  const release = await holdCommits(shard);
  const offered = keep(kept, largeChunk(1));
  const reply = shard.appendKept(offered);
  await vi.waitUntil(async () => (await statsOf(shard)).pendingBytes > 0, patience);
  const restore = await sabotage(shard, ({ sql }) => {
    const exec = sql.exec.bind(sql);
    sql.exec = () => {
      throw new Error("the disk does not answer");
    };
    return { now: () => (sql.exec = exec) };
  });
  await release(new Error("the disk does not answer"));
  expect(await reply).toMatchObject({ failed: "commitFailed" });
  await sabotage(shard, () => restore.now());
  expect(await stagedOf(shard)).toContain(`staged/${shard.name}/${offered.id}`);
  forgetBodies();
  expect((await gatherAll(shard)).map(({ data }) => data[0])).toEqual([1]);
  errors.mockRestore();
});
