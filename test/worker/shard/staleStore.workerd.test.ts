// Files of bodies that were staged while the mover looks for those that nobody needs.

import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import { unwrap } from "../../../worker/core/rpc.ts";
import { patience } from "../../support/patience.ts";
import { append, chunkOf, holdCommits, openShard, record, sabotage } from "../../support/shards.ts";
import {
  evictAll,
  type Faults,
  forgetBodies,
  gatherAll,
  keep,
  type KeptBodies,
  rebind,
  stagedOf,
  stagingBucket,
  statsOf,
  tidyUp,
} from "../../support/storage.ts";

afterEach(tidyUp);

function large(fill: number): Uint8Array {
  return chunkOf(record(new Uint8Array(500_000).fill(fill), `key ${fill}`));
}

test("what was staged after a commit that failed is not taken for left by who began before", async () => {
  const errors = vi.spyOn(console, "error").mockImplementation(() => {});
  const shard = await openShard();
  const kept: KeptBodies = new Map();
  const gate = Promise.withResolvers<void>();
  let isAsked = false;
  const whole = stagingBucket(kept);
  const { stage } = whole as unknown as Required<Pick<Faults, "stage">>;
  await rebind(
    shard,
    stagingBucket(kept, {
      stage: async (bodies) => {
        if (bodies.length === 0) throw new Error("later");
        await stage(bodies, []);
      },
      list: async (options) => {
        isAsked = true;
        await gate.promise;
        return await whole.list(options);
      },
    }),
  );
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
  const offered = keep(kept, large(7));
  expect(unwrap((await shard.appendKept(offered))!).receipts).toHaveLength(1);
  await sabotage(shard, () => gate.resolve());
  await new Promise((done) => setTimeout(done, 500));
  expect(await stagedOf(shard)).toContain(`staged/${shard.name}/${offered.id}`);
  forgetBodies();
  await evictAll(shard);
  expect((await gatherAll(shard)).at(-1)?.data[0]).toBe(7);
  errors.mockRestore();
});

test("a damaged body that was staged is passed over when an operator says so", async () => {
  const errors = vi.spyOn(console, "error").mockImplementation(() => {});
  const warnings = vi.spyOn(console, "warn").mockImplementation(() => {});
  const shard = await openShard();
  const kept: KeptBodies = new Map();
  const bucket = stagingBucket(kept);
  const { stage } = bucket as unknown as Required<Pick<Faults, "stage">>;
  await rebind(
    shard,
    stagingBucket(kept, {
      stage: async (bodies) => {
        if (bodies.length === 0) throw new Error("later");
        await stage(bodies, []);
      },
    }),
  );
  const damaged = keep(kept, large(1));
  kept.get(damaged.id)![1000]! ^= 1;
  await shard.appendKept(damaged);
  await shard.appendKept(keep(kept, large(2)));
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
  const shard = await openShard();
  const kept: KeptBodies = new Map();
  await rebind(shard, stagingBucket(kept));
  const release = await holdCommits(shard);
  const offered = keep(kept, large(1));
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
