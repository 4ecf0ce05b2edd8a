// Rows written, which Cloudflare bills whatever they hold: one for a commit, one for a sealed
// segment however many chunks it is made of, and a handful for a generation of segments that is
// closed, moved or dropped. Each number here is a budget: docs/COST.md multiplies it.

import { noonMs, setClock } from "../../support/clock.ts";
import { runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, test } from "vitest";
import { generationBytes, sealAgeMs, segmentBytes, tailChunksMax } from "../../../worker/limits.ts";
import type { ShardApi } from "../../../worker/core/rpc.ts";
import { append, chunkOf, openShard, record, type ShardStub } from "../../support/shards.ts";
import {
  gatherAll,
  objectsOf,
  rebind,
  ringAlarm,
  rowsOf,
  statsOf,
  tidyUp,
  untilTiered,
  type Watch,
  watchStorage,
} from "../../support/storage.ts";

const hourMs = 3_600_000;

/** Data and key of one record. */
const KIB = record(new Uint8Array(1021).fill(7));

/** What a generation costs beyond its segments: its row, the next one's table, and the shard's row. */
const rowsOfRoll = 4;

afterEach(tidyUp);

interface Workload {
  name: string;
  /** Puts enough for a segment, and some more. */
  put: (shard: ShardStub) => Promise<unknown>;
  /** Puts that share a commit, on average, at least: a disk that is as fast as here lets few gather. */
  share: number;
}

const batch = Array.from({ length: 500 }, () => KIB);
/** Two of these have a segment's size, and none is one by itself. */
const halfBatch = batch.slice(0, 300);

const workloads: Workload[] = [
  { name: "single puts, one at a time", put: (shard) => putInTurn(shard, 1100), share: 1 },
  {
    name: "single puts, 64 at once",
    put: (shard) => Promise.all(Array.from({ length: 64 }, () => putInTurn(shard, 18))),
    share: 4,
  },
  { name: "batches of 300", put: (shard) => putInTurn(shard, 16, halfBatch), share: 1 },
];

describe.each(workloads)("$name", ({ put, share }) => {
  test("one row for a commit, one for a sealed segment, and no other", async () => {
    const shard = await openShard();
    await rebind(shard, undefined);
    const before = await statsOf(shard);
    const watch = await watchStorage(shard);
    await put(shard);
    const after = await statsOf(shard);
    const segments = after.segments.count - before.segments.count;
    const commits = after.commits - before.commits;
    expect(segments).toBeGreaterThanOrEqual(1);
    expect(rowsOf(watch, /^INSERT INTO log_/)).toBe(commits);
    expect(rowsOf(watch, /^INSERT OR REPLACE INTO log_/)).toBe(segments);
    expect(rowsOf(watch)).toBe(commits + segments);
    expect(after.rowsWritten - before.rowsWritten).toBe(rowsOf(watch) + watch.alarms);
    expect(watch.alarms).toBeLessThanOrEqual(1);
    expect(watch.commits).toBe(commits);
    if (share > 1) expect(commits).toBeLessThanOrEqual(after.records / share);
    expect((await gatherAll(shard)).length).toBe(after.records);
  });
});

test("batches of 500: one row for a commit, which is a segment, and no other", async () => {
  const shard = await openShard();
  await rebind(shard, undefined);
  const watch = await watchStorage(shard);
  await putInTurn(shard, 8, batch);
  const { segments, commits, records } = await statsOf(shard);
  expect([segments.count, commits, records]).toEqual([8, 8, 4000]);
  expect(rowsOf(watch, /^INSERT INTO log_/)).toBe(8);
  expect(rowsOf(watch)).toBe(8);
});

describe("a sealed segment costs one row", () => {
  test.each([1, 2, 10, 1000])("when its tail has %i chunks", async (chunks) => {
    const shard = await openShard();
    setClock(noonMs);
    await commitMany(shard, chunks);
    const watch = await watchStorage(shard);
    await ringAlarm(shard, noonMs + sealAgeMs);
    expect((await statsOf(shard)).tail.chunks).toBe(0);
    expect(rowsOf(watch, /log_/)).toBe(1);
    expect(rowsOf(watch)).toBe(1);
  });

  test("when its tail is full of chunks, not of bytes", async () => {
    const shard = await openShard();
    await rebind(shard, undefined);
    const watch = await watchStorage(shard);
    await commitMany(shard, tailChunksMax);
    expect((await statsOf(shard)).tail.chunks).toBe(0);
    expect(rowsOf(watch, /^INSERT INTO log_/)).toBe(tailChunksMax);
    expect(rowsOf(watch, /^INSERT OR REPLACE INTO log_/)).toBe(1);
    expect(rowsOf(watch)).toBe(tailChunksMax + 1 + rowsOfRoll);
  });
});

test("a chunk of a segment's size is written once, as the segment", async () => {
  const shard = await openShard();
  await rebind(shard, undefined);
  const watch = await watchStorage(shard);
  const large = record(new Uint8Array(segmentBytes).fill(1));
  for (let i = 0; i < 4; i++) await append(shard, large);
  expect(rowsOf(watch)).toBe(4);
  expect((await statsOf(shard)).segments.count).toBe(4);
});

describe("a generation", () => {
  test("closes for four rows, moves to R2 for one, and goes for one", async () => {
    const shard = await openShard();
    setClock(noonMs);
    const watch = await watchStorage(shard);
    await fillGeneration(shard);
    await untilTiered(shard);
    const { segments, commits } = await statsOf(shard);
    expect(segments.count).toBeGreaterThanOrEqual(generationBytes / (2 * segmentBytes));
    expect(kindsOf(watch)).toEqual({
      "INSERT INTO log_": commits,
      "INSERT OR REPLACE INTO log_": segments.count,
      "INSERT INTO generation": 1,
      "CREATE TABLE log_": 2,
      "UPDATE shard": 1,
      "UPDATE generation": 1,
      "DROP TABLE": 0,
    });
    const trim = await watchStorage(shard);
    await ringAlarm(shard, noonMs + 25 * hourMs);
    expect(kindsOf(trim)).toEqual({ "DELETE FROM generation": 1, "DROP TABLE": 0 });
    expect(await objectsOf(shard)).toEqual(new Map());
  });

  test("without a bucket: the same, and its rows go with its table", async () => {
    const shard = await openShard();
    await rebind(shard, undefined);
    setClock(noonMs);
    await fillGeneration(shard);
    const before = await statsOf(shard);
    const watch = await watchStorage(shard);
    await ringAlarm(shard, noonMs + 25 * hourMs);
    expect(kindsOf(watch)).toEqual({ "DELETE FROM generation": 1, "DROP TABLE": 0 });
    const after = await statsOf(shard);
    expect(after.databaseBytes).toBeLessThan(before.databaseBytes - generationBytes);
  });
});

test("an idle shard writes nothing: its alarm is not set again", async () => {
  const shard = await openShard();
  setClock(noonMs);
  await append(shard, "x");
  await ringAlarm(shard, noonMs + sealAgeMs);
  await ringAlarm(shard, noonMs + 25 * hourMs);
  const watch = await watchStorage(shard);
  await ringAlarm(shard, noonMs + 50 * hourMs);
  expect(watch).toMatchObject({ statements: [], alarms: 0 });
});

/** A producer that waits for each reply. */
async function putInTurn(shard: ShardStub, times: number, records = [KIB]): Promise<void> {
  for (let i = 0; i < times; i++) await append(shard, ...records);
}

/** Commits of one small record each, without waiting for a disk. */
async function commitMany(shard: ShardStub, count: number): Promise<void> {
  await runInDurableObject(shard, async (instance, { storage }) => {
    const object: Pick<ShardApi, "append"> = instance;
    const sync = storage.sync.bind(storage);
    storage.sync = async () => {};
    for (let i = 0; i < count; i++) await object.append([chunkOf(`${i}`)]);
    storage.sync = sync;
  });
}

/** Batches until one generation is closed. */
async function fillGeneration(shard: ShardStub): Promise<void> {
  while ((await statsOf(shard)).segments.sqliteBytes < generationBytes) {
    await append(shard, ...halfBatch);
  }
}

/** Rows written by kind of statement: its first words, without numbers. */
function kindsOf({ statements }: Watch): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const { query, rowsWritten } of statements) {
    const [kind] =
      /^(INSERT (OR REPLACE )?INTO|UPDATE|DELETE FROM|CREATE TABLE|DROP TABLE)( [a-z_]+)?/.exec(
        query,
      ) ?? [];
    if (kind === undefined) continue;
    const name = kind.replace(/^DROP TABLE.*/, "DROP TABLE").trim();
    kinds[name] = (kinds[name] ?? 0) + rowsWritten;
  }
  return kinds;
}
