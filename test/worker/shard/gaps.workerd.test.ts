// Rows of a shard that are gone: by a fault of ours, or with a backup that is older than a part of what was
// written. Their records are missed by name, where they should be. They are never passed over in
// silence, their indexes are not given again, and what is around them is read as before.

import { noonMs, setClock } from "../../support/clock.ts";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import { readHeader } from "../../../worker/engine/chunk.ts";
import { sealAgeMs } from "../../../worker/limits.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { Random } from "../../engine/random.ts";
import { expectDamaged, expectMissing } from "../../support/damage.ts";
import {
  append,
  openShard,
  record,
  sabotage,
  seek,
  type ShardStub,
  textOf,
} from "../../support/shards.ts";
import {
  evictAll,
  forgetBodies,
  gatherAll,
  gatherPage,
  rebind,
  ringAlarm,
  statsOf,
  tidyUp,
} from "../../support/storage.ts";

afterEach(tidyUp);

describe("a row of the tail that is gone", () => {
  test("is missed where it was, and nowhere else", async () => {
    const shard = await openTail("a", "b", "c", "d");
    await loseRows(shard, "log_0 WHERE id = 8");
    const before = await gatherPage(shard);
    expect([before.records.map(textOf), before.next.index]).toEqual([["a"], 1]);
    await expectMissing(shard, 1, 0);
    expect(await textsFrom(shard, 0, 2)).toEqual(["c", "d"]);
    expect((await statsOf(shard)).records).toBe(4);
    expect((await append(shard, "e")).firstIndex).toBe(4);
  });

  test.each([
    ["the first", "id = 0", 0, 1],
    ["several in a row", "id IN (8, 16)", 1, 3],
  ])("%s", async (_, which, first, end) => {
    const shard = await openTail("a", "b", "c", "d");
    await loseRows(shard, `log_0 WHERE ${which}`);
    for (let index = first; index < end; index++) await expectMissing(shard, index, 0);
    expect(await textsFrom(shard, 0, end)).toEqual(["a", "b", "c", "d"].slice(end));
    expect((await append(shard, "e")).firstIndex).toBe(4);
  });

  test("is a part of a body: the body is damaged, and no other", async () => {
    const shard = await openLarge(0);
    await append(shard, "a");
    await append(shard, record(new Random(1).bytes(5_000_000)));
    await append(shard, "c");
    for (const row of [9, 8]) {
      await loseRows(shard, `log_0 WHERE id = ${row}`);
      await expectDamaged(shard, 1, 1);
      expect(await textsFrom(shard, 2, 2)).toEqual(["c"]);
    }
  });

  test("becomes a segment by itself when the tail is sealed, which an operator can skip", async () => {
    setClock(noonMs);
    const shard = await openTail("a", "b", "c", "d");
    await rebind(shard, undefined);
    await loseRows(shard, "log_0 WHERE id = 8");
    await ringAlarm(shard, noonMs + sealAgeMs);
    const { segments, tail } = await statsOf(shard);
    expect([segments.count, segments.damaged, tail.chunks]).toEqual([3, 1, 0]);
    await evictAll(shard);
    await expectMissing(shard, 1, 1);
    expect(await textsFrom(shard, 2, 2)).toEqual(["c", "d"]);
    expect((await append(shard, "e")).firstIndex).toBe(4);
    const { skipped } = unwrap(await shard.skip(1));
    expect(skipped).toEqual({ segment: 1, index: 1, count: 1 });
    expect((await gatherAll(shard)).map(textOf)).toEqual(["a", "c", "d", "e"]);
  });

  test("is the last one of a shard that has been closed", async () => {
    const shard = await openLarge(1);
    for (const text of ["b", "c"]) await append(shard, text);
    expect(unwrap(await shard.close()).endIndex).toBe(3);
    await loseRows(shard, "log_0 WHERE id >= 8");
    expect(await seek(shard, { kind: "latest" })).toBe(3);
    for (const index of [1, 2]) await expectMissing(shard, index, 1);
    expect((await gatherPage(shard)).records.map(({ index }) => index)).toEqual([0]);
  });
});

describe("a sealed segment whose row is gone", () => {
  test("is missed, also where rows of its chunks are left", async () => {
    setClock(noonMs);
    const shard = await openTail("a", "b", "c");
    await rebind(shard, undefined);
    await ringAlarm(shard, noonMs + sealAgeMs);
    for (const text of ["d", "e"]) await append(shard, text);
    await ringAlarm(shard, noonMs + 2 * sealAgeMs);
    await append(shard, "f");
    await loseRows(shard, "log_0 WHERE id = 0");
    for (const index of [0, 1, 2]) await expectMissing(shard, index, 0);
    expect(await textsFrom(shard, 1, 3)).toEqual(["d", "e", "f"]);
    expect((await append(shard, "g")).firstIndex).toBe(6);
  });

  test("of several that are gone: each number is kept, and so are those after them", async () => {
    const shard = await openLarge(5);
    await loseRows(shard, "log_0 WHERE id IN (8, 16)");
    for (const index of [1, 2]) await expectMissing(shard, index, index);
    const after = await gatherAll(shard, { from: { segment: 3, index: 3 } });
    expect(after.map(({ index }) => index)).toEqual([3, 4]);
    expect((await statsOf(shard)).segments.count).toBe(5);
  });

  test.each([
    ["another segment's number", "UPDATE log_0 SET segment = 1 WHERE id = 16"],
    ["a number that leaves one out", "UPDATE log_0 SET segment = 4 WHERE id = 24"],
    ["more records than fit before the next", "UPDATE log_0 SET count = 3 WHERE id = 8"],
  ])("rows out of order are refused as a whole: %s", async (_, change) => {
    const shard = await openLarge(4);
    await sabotage(shard, (storage) => storage.sql.exec(change));
    await evictAll(shard);
    await expectCorrupt(shard);
    expect(await shard.append([])).toMatchObject({ failed: "corrupt" });
  });
});

describe("a closed generation whose row is gone", () => {
  test("is missed, and the ones before and after it are read", async () => {
    const shard = await openGenerations();
    const [first, second, third] = await generationsOf(shard);
    await loseRows(shard, `generation WHERE number = ${second!.number}`);
    const at = { segment: second!.segment, index: second!.index };
    await expectDamaged(shard, at.index, at.segment);
    expect((await gatherPage(shard)).records[0]?.index).toBe(first!.index);
    const after = { segment: third!.segment, index: third!.index };
    expect((await gatherPage(shard, { from: after })).records[0]?.index).toBe(third!.index);
    expect(await seek(shard, { kind: "earliest" })).toBe(first!.index);
  });

  test.each(["the second", "the last"])("can be skipped as a whole: %s", async (which) => {
    const shard = await openGenerations();
    await append(shard, "after");
    const generations = await generationsOf(shard);
    const at = which === "the last" ? generations.length - 1 : 1;
    const lost = generations[at]!;
    const all = (await gatherAll(shard)).map(({ index }) => index);
    const end = generations[at + 1] ?? (await logStart(shard));
    await loseRows(shard, `generation WHERE number = ${lost.number}`);
    const gone = {
      segment: lost.segment,
      index: lost.index,
      count: end.index - lost.index,
      segments: end.segment - lost.segment,
    };
    expect(gone.segments).toBeGreaterThan(1);
    // By the number of the error, and again by another one of the same generation.
    for (const segment of [lost.segment, end.segment - 1]) {
      expect(unwrap(await shard.skip(segment)).skipped).toEqual(gone);
    }
    const left = all.filter((index) => index < lost.index || index >= end.index);
    for (let round = 0; round < 2; round++) {
      expect((await gatherAll(shard)).map(({ index }) => index)).toEqual(left);
      for (const index of [lost.index, end.index - 1]) {
        const from = { segment: lost.segment, index };
        expect((await gatherPage(shard, { from })).records[0]?.index).toBe(end.index);
      }
      await evictAll(shard);
    }
    const skipped = { segments: { skipped: gone.segments } };
    expect(await statsOf(shard)).toMatchObject(skipped);
    expect(await failedSkip(shard, end.segment)).toBe("segmentSound");
    expect(await failedSkip(shard, lost.segment - 1)).toBe("segmentSound");
  });

  test("is skipped up to the segments that the bucket still has", async () => {
    const shard = await openGenerations();
    const [, lost, next] = await generationsOf(shard);
    const all = (await gatherAll(shard)).map(({ index }) => index);
    const kept = lost!.segment + 2;
    const body = unwrap(await shard.segment(kept)).body!;
    const { firstIndex, count } = readHeader(body);
    await env.SEGMENTS!.put(`segments/${shard.name}/${kept}`, body);
    await loseRows(shard, `generation WHERE number = ${lost!.number}`);
    await rebind(shard, env.SEGMENTS);
    const skip = async (segment: number) => unwrap(await shard.skip(segment)).skipped;
    expect(await skip(lost!.segment)).toEqual({
      segment: lost!.segment,
      index: lost!.index,
      count: firstIndex - lost!.index,
      segments: 2,
    });
    expect(await failedSkip(shard, kept)).toBe("segmentSound");
    expect(await skip(next!.segment - 1)).toEqual({
      segment: kept + 1,
      index: firstIndex + count,
      count: next!.index - firstIndex - count,
      segments: next!.segment - kept - 1,
    });
    forgetBodies();
    const inBucket = (index: number) => index >= firstIndex && index < firstIndex + count;
    const isKept = (index: number) =>
      index < lost!.index || index >= next!.index || inBucket(index);
    expect((await gatherAll(shard)).map(({ index }) => index)).toEqual(all.filter(isKept));
  });

  test.each([
    ["that is no JSON", "'['"],
    ["that lacks a segment", "json_remove(segments, '$[0]')"],
    [
      "that counts a record twice",
      "json_set(segments, '$[0][0]', json_extract(segments, '$[0][0]') + 1)",
    ],
  ])("a list of segments %s is refused", async (_, segments) => {
    const shard = await openGenerations();
    await sabotage(shard, (storage) =>
      storage.sql.exec(`UPDATE generation SET segments = ${segments} WHERE number = 0`),
    );
    await evictAll(shard);
    await expectCorrupt(shard);
  });
});

/** The shard is read from its start, and says that it cannot be. */
async function expectCorrupt(shard: ShardStub): Promise<void> {
  const read = await gatherPage(shard).then(
    () => "a page",
    (error: unknown) => error,
  );
  expect(read).toMatchObject({ code: "corrupt", detail: { shard: shard.name } });
}

/** Where the newest generation begins. */
async function logStart(shard: ShardStub): Promise<{ segment: number; index: number }> {
  const query = "SELECT first_segment AS segment, first_index AS 'index' FROM shard";
  return await sabotage(shard, ({ sql }) =>
    sql.exec<{ segment: number; index: number }>(query).one(),
  );
}

async function failedSkip(shard: ShardStub, segment: number): Promise<string | undefined> {
  const reply = await shard.skip(segment);
  return "failed" in reply ? reply.failed : undefined;
}

/** A shard with a chunk for each text. */
async function openTail(...texts: string[]): Promise<ShardStub> {
  const shard = await openShard();
  for (const text of texts) await append(shard, text);
  return shard;
}

/** A shard without a bucket and with so many segments of one record each. */
async function openLarge(count: number): Promise<ShardStub> {
  const shard = await openShard();
  await rebind(shard, undefined);
  for (let i = 0; i < count; i++) await append(shard, record(new Random(i).bytes(900_000)));
  return shard;
}

/** A shard without a bucket whose records are in three closed generations and a tail. */
async function openGenerations(): Promise<ShardStub> {
  const shard = await openLarge(0);
  while ((await generationsOf(shard)).length < 3) {
    await append(shard, record(new Random(0).bytes(900_000)));
  }
  return shard;
}

function generationsOf(shard: ShardStub) {
  const query =
    "SELECT number, first_segment AS segment, first_index AS 'index' FROM generation ORDER BY number";
  return sabotage(shard, (storage) =>
    storage.sql.exec<{ number: number; segment: number; index: number }>(query).toArray(),
  );
}

async function loseRows(shard: ShardStub, where: string): Promise<void> {
  const lost = await sabotage(shard, ({ sql }) => sql.exec(`DELETE FROM ${where}`).rowsWritten);
  expect(lost).toBeGreaterThan(0);
  await evictAll(shard);
  await rebind(shard, undefined);
}

async function textsFrom(shard: ShardStub, segment: number, index: number): Promise<string[]> {
  return (await gatherAll(shard, { from: { segment, index } })).map(textOf);
}
