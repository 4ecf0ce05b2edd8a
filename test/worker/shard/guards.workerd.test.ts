// Guards of a shard that matter only when something is in between: a commit that is not durable yet, a
// clock that jumps, an object that was evicted, a shard with more segments than a listing has.

import { noonMs, setClock } from "../../support/clock.ts";
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import { dropSegments } from "../../../worker/core/segmentBucket.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { sealAgeMs } from "../../../worker/limits.ts";
import { Random } from "../../engine/random.ts";
import {
  append,
  chunkOf,
  holdCommits,
  openShard,
  record,
  sabotage,
  type ShardStub,
  textOf,
} from "../../support/shards.ts";
import {
  evictAll,
  gatherAll,
  hold,
  rebind,
  ringAlarm,
  statsOf,
  tidyUp,
} from "../../support/storage.ts";

const hourMs = 3_600_000;

afterEach(tidyUp);

test("a segment is given out once its commit is durable, and not before", async () => {
  const shard = await openShard();
  await hold(shard);
  const release = await holdCommits(shard);
  const appended = shard.append([chunkOf(record(new Random(1).bytes(900_000)))]);
  await shard.view();
  expect(unwrap(await shard.segment(0)).body).toBeNull();
  await release();
  unwrap(await appended);
  expect(unwrap(await shard.segment(0)).body).not.toBeNull();
});

describe("a clock that jumps by more than a chunk's times can span", () => {
  test("a tail from before the jump is sealed by itself, and commits go on", async () => {
    setClock(noonMs);
    const shard = await openShard(8760);
    await append(shard, "a", "b");
    setClock(noonMs + 60 * 24 * hourMs);
    await append(shard, "c");
    await append(shard, "d");
    await ringAlarm(shard, noonMs + 60 * 24 * hourMs + sealAgeMs);
    expect((await statsOf(shard)).segments.count).toBe(2);
    await append(shard, "e");
    expect((await gatherAll(shard)).map(textOf)).toEqual(["a", "b", "c", "d", "e"]);
  });
});

test("records that a shorter retention has expired go soon, though it is longer again", async () => {
  setClock(noonMs);
  const shard = await openShard(24);
  await append(shard, "a");
  await ringAlarm(shard, noonMs + sealAgeMs);
  const laterMs = noonMs + 2 * hourMs;
  setClock(laterMs);
  await shard.retain(1);
  await shard.retain(24);
  // An alarm that came in between has set the next one by this.
  expect(await nextDueMsOf(shard, laterMs)).toBeLessThan(laterMs + hourMs);
  for (let round = 0; round < 3; round++) await ringAlarm(shard, laterMs + round * sealAgeMs);
  expect((await statsOf(shard)).records).toBe(0);
});

test("the rows of a generation are counted again after an eviction", async () => {
  const shard = await openShard();
  for (const text of ["a", "b", "c"]) await append(shard, text);
  await append(shard, record(new Random(1).bytes(5_000_000)));
  const query = "SELECT count(*) AS rows FROM log_0";
  const { rows } = await sabotage(shard, ({ sql }) => sql.exec<{ rows: number }>(query).one());
  expect(rows).toBe(6);
  await evictAll(shard);
  expect(await rowCountOf(shard)).toBe(rows);
});

test("a shard of more segments than one listing has leaves no object, and its neighbour loses none", async () => {
  const bucket = env.SEGMENTS!;
  const [shard, neighbour] = [crypto.randomUUID(), crypto.randomUUID()];
  const names = Array.from({ length: 1001 }, (_, i) => `segments/${shard}/${i}`);
  const body = new Uint8Array(1);
  while (names.length > 0) {
    await Promise.all(names.splice(0, 100).map((name) => bucket.put(name, body)));
  }
  await bucket.put(`segments/${neighbour}/0`, body);
  await dropSegments(bucket, shard);
  expect((await bucket.list({ prefix: `segments/${shard}/` })).objects).toEqual([]);
  expect((await bucket.list({ prefix: `segments/${neighbour}/` })).objects).toHaveLength(1);
});

test("a generation with a damaged segment keeps its rows, which are the last copy", async () => {
  const shard = await openShard();
  await rebind(shard, undefined);
  for (let i = 0; i < 9; i++) await append(shard, record(new Random(i).bytes(1_000_000)));
  const rows = () =>
    sabotage(shard, ({ sql }) => sql.exec("SELECT id FROM log_0 WHERE segment = 3").toArray());
  expect(await rows()).toHaveLength(1);
  await sabotage(shard, ({ sql }) => {
    sql.exec("UPDATE log_0 SET body = x'00' WHERE segment = 3");
  });
  await evictAll(shard);
  for (let i = 0; i < 9; i++) await append(shard, record(new Random(i).bytes(1_000_000)));
  const generations = () =>
    sabotage(shard, ({ sql }) =>
      sql.exec<{ tiered: number }>("SELECT tiered FROM generation ORDER BY number").toArray(),
    );
  await expect.poll(generations).toMatchObject([{ tiered: 0 }, { tiered: 1 }]);
  expect(await rows()).toHaveLength(1);
});

function nextDueMsOf(shard: ShardStub, nowMs: number): Promise<number | undefined> {
  return runInDurableObject(shard, (instance) => {
    const object = instance as unknown as {
      state: { store: { nextDueMs(nowMs: number): number | undefined } };
    };
    return object.state.store.nextDueMs(nowMs);
  });
}

function rowCountOf(shard: ShardStub): Promise<number> {
  return runInDurableObject(shard, async (instance) => {
    const object = instance as unknown as { state: { store: { log: { rowCount: number } } } };
    await shard.view().catch(() => undefined);
    return object.state.store.log.rowCount;
  });
}
