// Where a reader begins and what one page holds. The shard that most claims are about has seven
// records in four commits, two of them in the same millisecond, so that every boundary between
// chunks and between arrival times is met; each claim is made of the shard in memory and of the
// same shard after an eviction.

import { noonMs, setClock } from "../../support/clock.ts";
import { evictDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { unwrap } from "../../../worker/core/rpc.ts";
import type { SeekRequest } from "../../../worker/core/types.ts";
import { expectBytes } from "../../engine/expect-bytes.ts";
import { Random } from "../../engine/random.ts";
import {
  append,
  openShard,
  readAll,
  readPage,
  record,
  seek,
  type ShardStub,
  textOf,
} from "../../support/shards.ts";

/** Records of 4 payload bytes each, by the time of their commit. */
const commits: [timeMs: number, texts: string[]][] = [
  [noonMs, ["a", "b"]],
  [noonMs + 10, ["c"]],
  [noonMs + 10, ["d", "e", "f"]],
  [noonMs + 25, ["g"]],
];
const texts = commits.flatMap(([, texts]) => texts);

afterEach(() => {
  vi.useRealTimers();
});

describe.each(["in memory", "after an eviction"])("a shard %s", (state) => {
  let shard: ShardStub;

  beforeAll(async () => {
    shard = await openShard();
    for (const [timeMs, texts] of commits) {
      setClock(timeMs);
      await append(shard, ...texts);
    }
    vi.useRealTimers();
    if (state === "after an eviction") await evictDurableObject(shard);
  });

  test("read: from any index on, any number of records, in order", async () => {
    for (let index = 0; index <= texts.length; index++) {
      for (let recordsMax = 1; recordsMax <= texts.length + 1; recordsMax++) {
        const { records, next } = await readPage(shard, { index, recordsMax });
        const expected = texts.slice(index, index + recordsMax);
        expect(records.map(textOf)).toEqual(expected);
        expect(records.map((record) => record.index)).toEqual(expected.map((_, i) => index + i));
        expect(next.index).toBe(index + expected.length);
      }
    }
  });

  test.each([
    [0, ["a"]],
    [3, ["a"]],
    [4, ["a"]],
    [7, ["a"]],
    [8, ["a", "b"]],
    [12, ["a", "b", "c"]],
    [15, ["a", "b", "c"]],
    [16, ["a", "b", "c", "d"]],
    [28, texts],
  ])("read: as many records as %i bytes hold, and one in any case", async (bytesMax, expected) => {
    const { records, next } = await readPage(shard, { bytesMax });
    expect(records.map(textOf)).toEqual(expected);
    expect(next.index).toBe(expected.length);
  });

  test("read: at the end an empty page, which says to stay there", async () => {
    const { records, next, view } = await readPage(shard, { index: 7 });
    expect(records).toEqual([]);
    expect(next.index).toBe(7);
    expect(view).toMatchObject({ firstIndex: 0, nextIndex: 7, lastTimeMs: noonMs + 25 });
  });

  test("read: beyond the end is refused", async () => {
    const reply = await shard.read({ index: 8, recordsMax: 1, bytesMax: 1 });
    expect(reply).toMatchObject({ failed: "locationNotFound" });
  });

  test.each<[string, SeekRequest, number]>([
    ["earliest", { kind: "earliest" }, 0],
    ["latest", { kind: "latest" }, 7],
    ["the first index", { kind: "index", index: 0 }, 0],
    ["an index within a commit", { kind: "index", index: 4 }, 4],
    ["the index that comes next", { kind: "index", index: 7 }, 7],
    ["a time before all", { kind: "time", timeMs: 0, ordinal: 0 }, 0],
    ["the time of the first", { kind: "time", timeMs: noonMs, ordinal: 0 }, 0],
    ["a time between two", { kind: "time", timeMs: noonMs + 1, ordinal: 0 }, 2],
    ["the millisecond before", { kind: "time", timeMs: noonMs + 9, ordinal: 0 }, 2],
    ["a time of two commits", { kind: "time", timeMs: noonMs + 10, ordinal: 0 }, 2],
    ["the time of the last", { kind: "time", timeMs: noonMs + 25, ordinal: 0 }, 6],
    ["a time after all", { kind: "time", timeMs: noonMs + 26, ordinal: 0 }, 7],
    ["the second of a millisecond", { kind: "time", timeMs: noonMs, ordinal: 1 }, 1],
    ["one more than it has", { kind: "time", timeMs: noonMs, ordinal: 2 }, 2],
    ["the second of two commits", { kind: "time", timeMs: noonMs + 10, ordinal: 1 }, 3],
    ["the fourth of two commits", { kind: "time", timeMs: noonMs + 10, ordinal: 3 }, 5],
    ["one more than both have", { kind: "time", timeMs: noonMs + 10, ordinal: 4 }, 6],
    ["more than the last has", { kind: "time", timeMs: noonMs + 25, ordinal: 1 }, 7],
    ["the largest ordinal", { kind: "time", timeMs: noonMs, ordinal: 999_999 }, 2],
    ["an ordinal between times", { kind: "time", timeMs: noonMs + 3, ordinal: 5 }, 2],
  ])("seek: %s", async (_, request, expected) => {
    expect(await seek(shard, request)).toBe(expected);
  });

  test("seek: an index beyond the end is refused", async () => {
    const reply = await shard.seek({ kind: "index", index: 8 });
    expect(reply).toMatchObject({ failed: "locationNotFound" });
  });

  test("seek: what it finds is where a read begins, and the view is the same", async () => {
    const found = unwrap(await shard.seek({ kind: "time", timeMs: noonMs + 10, ordinal: 2 }));
    const { records, view } = await readPage(shard, { index: found.location.index });
    expect(records.map(textOf)).toEqual(["e", "f", "g"]);
    expect(view).toEqual(found.view);
  });
});

test("an empty shard: every seek finds its only place, and a read there is an empty page", async () => {
  const shard = await openShard();
  const requests: SeekRequest[] = [
    { kind: "earliest" },
    { kind: "latest" },
    { kind: "index", index: 0 },
    { kind: "time", timeMs: 0, ordinal: 0 },
    { kind: "time", timeMs: noonMs, ordinal: 7 },
  ];
  for (const request of requests) {
    expect(unwrap(await shard.seek(request)).location).toEqual({ segment: 0, index: 0 });
  }
  const { records, next, view } = await readPage(shard);
  expect(records).toEqual([]);
  expect(next).toEqual({ segment: 0, index: 0 });
  expect(view).toMatchObject({ firstIndex: 0, nextIndex: 0, lastTimeMs: 0 });
});

test("a page holds at least one record, even one that is larger than the page", async () => {
  const shard = await openShard();
  const large = new Random(1).bytes(5_000_000);
  await append(shard, "before");
  await append(shard, record(large));
  await append(shard, "after");
  const first = await readPage(shard, { bytesMax: 1000 });
  expect(first.records.map(textOf)).toEqual(["before"]);
  const second = await readPage(shard, { index: 1, bytesMax: 1000 });
  expect(second.records).toHaveLength(1);
  expectBytes(second.records[0]?.data ?? new Uint8Array(), large);
  const third = await readPage(shard, { index: 2, bytesMax: 1000 });
  expect(third.records.map(textOf)).toEqual(["after"]);
});

test("a record of 10 MiB comes back byte for byte, also from the rows alone", async () => {
  const shard = await openShard();
  const data = new Random(2).bytes(10_485_760);
  const key = "語".repeat(256);
  await append(shard, { ...record(data, key), info: new Uint8Array(16).fill(9) });
  for (let round = 0; round < 2; round++) {
    const [stored] = await readAll(shard);
    expectBytes(stored?.data ?? new Uint8Array(), data);
    expect(Buffer.from(stored?.key ?? []).toString()).toBe(key);
    expect(stored?.info).toEqual(new Uint8Array(16).fill(9));
    await evictDurableObject(shard);
  }
});

test("pages of any bounds, one after another, are the whole shard", async () => {
  const seed = 20_261_121;
  const random = new Random(seed);
  const shard = await openShard();
  const offered: string[] = [];
  for (let commit = 0; commit < 60; commit++) {
    const texts = Array.from({ length: random.between(1, 12) }, () =>
      Buffer.from(random.bytes(random.below(40))).toString("hex"),
    );
    offered.push(...texts);
    await append(shard, ...texts);
  }
  for (let round = 0; round < 10; round++) {
    const page = { recordsMax: random.between(1, 90), bytesMax: random.below(3000) };
    const stored = await readAll(shard, page);
    expect(stored.map(textOf), `seed ${seed}, ${JSON.stringify(page)}`).toEqual(offered);
  }
});
