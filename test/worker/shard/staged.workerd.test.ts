// Bodies that the front of the local server keeps: the shard stamps their headers, and has them written to files
// before their rows. What was acknowledged is read, whatever happens on the way, and nothing else is.

import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, describe, expect, test, vi } from "vitest";
import { unwrap } from "../../../worker/core/rpc.ts";
import { generationBytes } from "../../../worker/limits.ts";
import { noonMs, setClock } from "../../support/clock.ts";
import { patience } from "../../support/patience.ts";
import {
  append,
  chunkOf,
  holdCommits,
  openShard,
  readPage,
  record,
  sabotage,
  type ShardStub,
} from "../../support/shards.ts";
import {
  gatedStage,
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
  gatherPage,
  objectsOf,
  rebind,
  ringAlarm,
  statsOf,
  tidyUp,
  untilTiered,
} from "../../support/storage.ts";

afterEach(tidyUp);

const fillsOf = async (shard: ShardStub) => (await gatherAll(shard)).map(({ data }) => data[0]);

function rowsOf(shard: ShardStub): Promise<{ segment: number; bytes: number; stored: number }[]> {
  const query = "SELECT segment, bytes, length(body) AS stored FROM log_0 ORDER BY id";
  return sabotage(shard, ({ sql }) =>
    sql.exec<{ segment: number; bytes: number; stored: number }>(query).toArray(),
  );
}

describe("a kept body", () => {
  test("is a segment whose row has no bytes, and is read before and after it moves", async () => {
    const errors = vi.spyOn(console, "error").mockImplementation(() => {});
    const { shard, kept } = await stagingShard();
    await rebind(shard, stagingBucket(kept, { stage: stageOnly(kept) }));
    const chunk = largeChunk(7);
    const offered = keep(kept, chunk);
    const { receipts } = unwrap((await shard.appendKept(offered))!);
    expect(receipts[0]).toMatchObject({ firstIndex: 0 });
    expect(await rowsOf(shard)).toEqual([{ segment: 0, bytes: chunk.length, stored: 56 + 36 }]);
    forgetBodies();
    expect(await stagedOf(shard)).toEqual([`staged/${shard.name}/${offered.id}`]);
    expect(await fillsOf(shard)).toEqual([7]);
    await evictAll(shard);
    expect(await fillsOf(shard)).toEqual([7]);
    errors.mockRestore();
    await rebind(shard, stagingBucket(kept));
    await runDurableObjectAlarm(shard);
    await untilTiered(shard);
    expect((await objectsOf(shard)).get(0)).toBe(chunk.length);
    forgetBodies();
    expect(await fillsOf(shard)).toEqual([7]);
  });

  test("comes behind the tail, which is sealed for it, and before what follows", async () => {
    const { shard, kept } = await stagingShard();
    await append(shard, record(new Uint8Array(300_000).fill(1)));
    await shard.appendKept(keep(kept, largeChunk(2)));
    await append(shard, record(new Uint8Array(10).fill(3)));
    await shard.appendKept(keep(kept, largeChunk(4)));
    expect(await fillsOf(shard)).toEqual([1, 2, 3]);
    expect((await readPage(shard, { index: 2 })).records.map(({ index }) => index)).toEqual([2]);
  });

  test("is a segment by itself also in a commit with others", async () => {
    const { shard, kept } = await stagingShard();
    const release = await holdCommits(shard);
    const first = append(shard, record(new Uint8Array(200_000).fill(9)));
    await vi.waitUntil(async () => (await statsOf(shard)).pendingBytes > 0, patience);
    const others = [
      append(shard, record(new Uint8Array(100_000).fill(1))),
      shard.appendKept(keep(kept, largeChunk(2))),
      append(shard, record(new Uint8Array(10).fill(3))),
    ];
    await vi.waitUntil(async () => (await statsOf(shard)).pendingBytes > 300_200, patience);
    await release();
    await Promise.all([first, ...others]);
    const fills = await fillsOf(shard);
    expect(new Set(fills)).toEqual(new Set([1, 2, 3, 9]));
    expect((await rowsOf(shard)).filter(({ stored }) => stored === 56 + 36)).toHaveLength(1);
  });

  test("is not taken where the shard needs its bytes", async () => {
    const { shard, kept } = await stagingShard();
    expect(await shard.appendKept(keep(kept, chunkOf("small")))).toBeNull();
    await append(shard, "a tail that is worth no segment");
    expect(await shard.appendKept(keep(kept, largeChunk(1)))).toBeNull();
    const plain = await openShard();
    expect(await plain.appendKept(keep(kept, largeChunk(1)))).toBeNull();
    expect((await statsOf(plain)).records).toBe(0);
  });

  test.each<[what: string, change: (chunk: Uint8Array) => Uint8Array]>([
    ["cut off", (chunk) => chunk.slice(0, 55)],
    ["longer than a header", (chunk) => chunk.slice(0, 57)],
    ["bound to a shard", (chunk) => chunk.slice(0, 56).with(4, 2)],
    ["of another format", (chunk) => chunk.slice(0, 56).with(0, 0)],
  ])("whose header is %s is refused", async (_, change) => {
    const { shard, kept } = await stagingShard();
    const offered = { ...keep(kept, largeChunk(1)), head: change(largeChunk(1)) };
    await expect(shard.appendKept(offered)).resolves.toMatchObject({ failed: "corrupt" });
    expect((await statsOf(shard)).records).toBe(0);
  });

  test("fills generations, which lose their rows when the bucket has all", async () => {
    const { shard, kept } = await stagingShard();
    const count = Math.ceil(generationBytes / 500_000) + 2;
    for (let i = 0; i < count; i++) await shard.appendKept(keep(kept, largeChunk(i)));
    await untilTiered(shard);
    const { segments } = await statsOf(shard);
    expect(segments.count).toBe(count);
    expect(segments.r2Bytes).toBeGreaterThan(generationBytes / 2);
    await evictAll(shard);
    expect(await fillsOf(shard)).toEqual(Array.from({ length: count }, (_, i) => i));
    const { generations } = unwrap(await shard.filters(0));
    expect(generations[0]?.filters?.length).toBeGreaterThan(0);
    // Those of the newest generation may still be needed.
    await expect
      .poll(async () => (await stagedOf(shard)).length, patience)
      .toBeLessThan(generationBytes / 500_000);
  });
});

describe("when a body cannot be staged", () => {
  test("nothing is stored, and the caller is asked for the body", async () => {
    const errors = vi.spyOn(console, "error").mockImplementation(() => {});
    const { shard, kept } = await stagingShard();
    const lost = { ...keep(kept, largeChunk(1)), id: crypto.randomUUID() };
    const [refused, stored] = await Promise.all([
      shard.appendKept(lost),
      append(shard, "beside it"),
    ]);
    expect(refused).toBeNull();
    expect(stored.firstIndex).toBe(0);
    expect((await append(shard, "next")).firstIndex).toBe(1);
    expect((await gatherAll(shard)).map(({ index }) => index)).toEqual([0, 1]);
    errors.mockRestore();
  });

  test("an id that is no UUID is refused", async () => {
    const errors = vi.spyOn(console, "error").mockImplementation(() => {});
    const { shard, kept } = await stagingShard();
    const offered = keep(kept, largeChunk(1));
    kept.set("short", kept.get(offered.id)!);
    expect(await shard.appendKept({ ...offered, id: "short" })).toMatchObject({
      failed: "corrupt",
    });
    expect((await append(shard, "next")).firstIndex).toBe(0);
    errors.mockRestore();
  });

  test("a shard that is removed meanwhile leaves nothing", async () => {
    const errors = vi.spyOn(console, "error").mockImplementation(() => {});
    const kept: KeptBodies = new Map();
    const { stage, isAsked, open } = gatedStage(kept);
    const { shard } = await stagingShard({ stage });
    const reply = shard.appendKept(keep(kept, largeChunk(1)));
    await vi.waitUntil(isAsked, patience);
    await shard.destroy();
    await open(shard);
    expect(await reply).toMatchObject({ failed: "shardNotFound" });
    expect(await shard.view()).toMatchObject({ failed: "shardNotFound" });
    expect(await stagedOf(shard)).toEqual([]);
    errors.mockRestore();
  });
});

test("while a body is staged, the shard goes on", async () => {
  setClock(noonMs);
  const kept: KeptBodies = new Map();
  const { stage, isAsked, open } = gatedStage(kept);
  const { shard } = await stagingShard({ stage });
  await append(shard, record(new Uint8Array(300_000).fill(1)));
  const reply = shard.appendKept(keep(kept, largeChunk(2)));
  await vi.waitUntil(isAsked, patience);
  // The tail is old, and so is its generation: the alarm seals the one and closes the other.
  await ringAlarm(shard, noonMs + 20 * 3_600_000);
  expect((await append(shard, "meanwhile")).firstIndex).toBe(1);
  await open(shard);
  expect(unwrap((await reply)!).receipts[0]?.firstIndex).toBe(2);
  expect((await append(shard, "next")).firstIndex).toBe(3);
  await evictAll(shard);
  expect((await append(shard, "and on")).firstIndex).toBe(4);
  expect((await gatherAll(shard)).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
});

test("what a crash has left staged is removed, and nothing that a row or an append refers to", async () => {
  const { shard, kept } = await stagingShard();
  await rebind(shard, stagingBucket(kept, { stage: stageOnly(kept) }));
  const errors = vi.spyOn(console, "error").mockImplementation(() => {});
  const needed = keep(kept, largeChunk(1));
  await shard.appendKept(needed);
  const left = `staged/${shard.name}/${crypto.randomUUID()}`;
  await stagingBucket(kept).put(left, "of an append that was never committed");
  await evictAll(shard);
  await rebind(shard, stagingBucket(kept, { stage: stageOnly(kept) }));
  await runDurableObjectAlarm(shard);
  await expect.poll(() => stagedOf(shard), patience).toEqual([`staged/${shard.name}/${needed.id}`]);
  errors.mockRestore();
  expect(await fillsOf(shard)).toEqual([1]);
});

test("what is staged for an append under way is not taken for left", async () => {
  const { shard, kept } = await stagingShard();
  const left = `staged/${shard.name}/${crypto.randomUUID()}`;
  await stagingBucket(kept).put(left, "of an append that was never committed");
  const release = await holdCommits(shard);
  const first = append(shard, record(new Uint8Array(200_000)));
  await vi.waitUntil(async () => (await statsOf(shard)).pendingBytes > 0, patience);
  const reply = shard.appendKept(keep(kept, largeChunk(1)));
  await vi.waitUntil(async () => (await statsOf(shard)).pendingBytes > 200_100, patience);
  await runDurableObjectAlarm(shard);
  await expect.poll(() => stagedOf(shard), patience).not.toContain(left);
  await release();
  await first;
  expect(unwrap((await reply)!).receipts[0]?.firstIndex).toBe(1);
  forgetBodies();
  expect(await fillsOf(shard)).toEqual([0, 1]);
});

test("a file that somebody has removed harms no other", async () => {
  const errors = vi.spyOn(console, "error").mockImplementation(() => {});
  const { shard, kept } = await stagingShard();
  await rebind(shard, stagingBucket(kept, { stage: stageOnly(kept) }));
  const lost = keep(kept, largeChunk(1));
  await shard.appendKept(lost);
  await stagingBucket(kept).delete(`staged/${shard.name}/${lost.id}`);
  await rebind(shard, stagingBucket(kept));
  const count = Math.ceil((2 * generationBytes) / 500_000) + 1;
  for (let i = 2; i <= count; i++) {
    expect(unwrap((await shard.appendKept(keep(kept, largeChunk(i))))!).receipts).toHaveLength(1);
  }
  // A mover that failed waits for the alarm.
  await vi.waitUntil(async () => {
    await runDurableObjectAlarm(shard);
    return unwrap(await shard.view()).tieredSegment === count;
  }, patience);
  // Its generation stays in SQLite, and no other.
  await expect
    .poll(async () => (await statsOf(shard)).segments.r2Bytes, patience)
    .toBeGreaterThan(generationBytes / 2);
  forgetBodies();
  const page = await gatherPage(shard, { from: { segment: 1, index: 1 } });
  expect(page.records.slice(0, 3).map(({ data }) => data[0])).toEqual([2, 3, 4]);
  await expect(gatherPage(shard)).rejects.toMatchObject({ code: "corrupt" });
  errors.mockRestore();
});
