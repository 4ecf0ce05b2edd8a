// Generations of staged bodies that expire before their segments have moved to the bucket: their files go, and no object
// stays.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { unwrap } from "../../../worker/core/rpc.ts";
import { generationBytes } from "../../../worker/limits.ts";
import { noonMs, setClock } from "../../support/clock.ts";
import { patience } from "../../support/patience.ts";
import { append, openShard, type ShardStub } from "../../support/shards.ts";
import {
  keep,
  type KeptBodies,
  largeChunk,
  stagedOf,
  stageOnly,
  stagingBucket,
} from "../../support/staging.ts";
import {
  forgetBodies,
  gatherAll,
  objectsOf,
  rebind,
  ringAlarmSetFor,
  statsOf,
  tidyUp,
} from "../../support/storage.ts";

const hourMs = 3_600_000;
const bodyBytes = 500_000;
/** More than a generation has. */
const count = Math.ceil(generationBytes / bodyBytes) + 2;

let kept: KeptBodies;

beforeEach(() => {
  kept = new Map();
  vi.spyOn(console, "error").mockImplementation(() => {});
});

afterEach(async () => {
  vi.restoreAllMocks();
  await tidyUp();
});

/** A shard that keeps records for two days, with segments that have not moved. */
async function filledShard(): Promise<ShardStub> {
  setClock(noonMs);
  const shard = await openShard(48);
  await rebind(shard, stagingBucket(kept, { stage: stageOnly(kept) }));
  for (let i = 0; i < count; i++) unwrap((await shard.appendKept(keep(kept, largeChunk(i))))!);
  expect(await stagedOf(shard)).toHaveLength(count);
  return shard;
}

test("generations that expire before they have moved leave nothing", async () => {
  const shard = await filledShard();
  await rebind(shard, stagingBucket(kept));
  setClock(noonMs + 49 * hourMs);
  await vi.waitUntil(async () => {
    await ringAlarmSetFor(shard, Date.now(), Date.now());
    return (await stagedOf(shard)).length === 0;
  }, patience);
  expect((await statsOf(shard)).records).toBe(0);
  expect((await objectsOf(shard)).size).toBe(0);
  expect((await append(shard, "next")).firstIndex).toBe(count);
});

test("of those that lowered retention expires, what came later is left", async () => {
  const shard = await filledShard();
  await rebind(shard, stagingBucket(kept));
  setClock(noonMs + 25 * hourMs);
  unwrap((await shard.appendKept(keep(kept, largeChunk(99))))!);
  unwrap(await shard.retain(24));
  await vi.waitUntil(async () => {
    await ringAlarmSetFor(shard, Date.now(), Date.now());
    return (await stagedOf(shard)).length <= 3;
  }, patience);
  forgetBodies();
  expect((await gatherAll(shard)).map(({ data }) => data[0])).toEqual([99]);
});
