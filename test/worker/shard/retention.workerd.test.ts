// Retention: a record is returned until its time is up and never after, whatever is cached, evicted or
// not yet cleared away, and however retention is changed. What is expired goes, rows and objects, by
// the alarm alone. A shard that has lost every record still knows its place and its time, and one
// that is removed leaves nothing.

import { noonMs, setClock } from "../../support/clock.ts";
import { runDurableObjectAlarm } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { generationBytes, sealAgeMs, viewTtlMs } from "../../../worker/limits.ts";
import { catalogOf } from "../../../worker/stream/directory.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { Random } from "../../engine/random.ts";
import { base64, kinesisOver, textIn } from "../kinesis/client.ts";
import { v3ioOver } from "../v3io/client.ts";
import {
  append,
  openShard,
  readPage,
  record,
  sabotage,
  type ShardStub,
} from "../../support/shards.ts";
import {
  evictAll,
  gatherAll,
  gatherPage,
  objectsOf,
  rebind,
  ringAlarm,
  START,
  statsOf,
  tidyUp,
  untilTiered,
} from "../../support/storage.ts";
import { patience } from "../../support/patience.ts";

const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const kinesis = kinesisOver((init) => exports.default.fetch("http://localhost/", init));
const v3io = v3ioOver((path, init) => exports.default.fetch(`http://localhost${path}`, init));
const scope = { account: "000000000000", region: "us-east-1" };

afterEach(tidyUp);

test("a stream of few records does not keep them much longer than its retention", async () => {
  const shard = await openShard(24);
  const hours = 72;
  for (let hour = 0; hour < hours; hour += 3) {
    setClock(noonMs + hour * hourMs);
    await append(shard, `${hour}`);
    await ringAlarm(shard, noonMs + hour * hourMs + sealAgeMs + 1);
  }
  expect((await statsOf(shard)).records).toBeLessThanOrEqual(24 / 3 + 2);
});

test("the clock that a test sets is the one that shards go by", async () => {
  const shard = await openShard();
  setClock(noonMs);
  expect(await append(shard, "x")).toEqual({ firstIndex: 0, timeMs: noonMs });
});

describe("a record is returned until its time is up, and never after", () => {
  const states: [state: string, prepare: (shard: ShardStub) => Promise<unknown>][] = [
    ["in the tail", async () => {}],
    ["in segments", (shard) => ringAlarm(shard, Date.now() + sealAgeMs)],
    [
      "in segments, evicted",
      (shard) => ringAlarm(shard, Date.now() + sealAgeMs).then(() => evictAll(shard)),
    ],
    ["in every cache", (shard) => gatherAll(shard)],
  ];

  test.each(states)("%s", async (_, prepare) => {
    const shard = await openShard();
    // A record each minute, some of them in one commit with others.
    const times: number[] = [];
    for (let minute = 0; minute < 30; minute++) {
      setClock(noonMs + minute * minuteMs);
      const texts = Array.from({ length: (minute % 3) + 1 }, (_, i) => `${minute}.${i}`);
      await append(shard, ...texts);
      for (const _ of texts) times.push(Date.now());
    }
    await prepare(shard);
    for (let step = 0; step <= 32; step++) {
      const nowMs = noonMs + dayMs + step * minuteMs - (step % 2);
      setClock(nowMs);
      const kept = times.flatMap((timeMs, index) => (timeMs >= nowMs - dayMs ? [index] : []));
      const seen = await gatherAll(shard);
      expect(seen.map(({ index }) => index)).toEqual(kept);
      const page = await readPage(shard);
      expect(page.records.every(({ timeMs }) => timeMs >= nowMs - dayMs)).toBe(true);
      if (step % 10 === 0) await evictAll(shard);
    }
  });

  test("by the thousandth of a second, also by readers who asked a moment before", async () => {
    const shard = await openShard();
    for (let i = 0; i < 1000; i += 20) {
      setClock(noonMs + i);
      await append(shard, `${i}`);
    }
    await ringAlarm(shard, noonMs + sealAgeMs);
    for (let i = 0; i < 1000; i += 70) {
      setClock(noonMs + dayMs + i);
      const seen = (await gatherAll(shard)).map(({ timeMs }) => timeMs - noonMs);
      expect(seen).toEqual(Array.from({ length: 50 }, (_, k) => k * 20).filter((ms) => ms >= i));
    }
  });

  test("after the segment has gone under a reader who knows it", async () => {
    const shard = await openShard();
    setClock(noonMs);
    await append(shard, large(1));
    await append(shard, large(2));
    setClock(noonMs + hourMs);
    await append(shard, large(3));
    await untilTiered(shard);
    const first = await gatherPage(shard, { limits: { recordsMax: 1 } });
    expect(first.next).toEqual({ segment: 1, index: 1 });
    setClock(noonMs + dayMs);
    await gatherPage(shard, { from: first.next, limits: { recordsMax: 1 } });
    // The reader's view is younger than a second, and shows what goes now.
    await evictAll(shard);
    await ringAlarm(shard, noonMs + dayMs + viewTtlMs / 2);
    const { records } = await gatherPage(shard, { from: first.next });
    expect(records.map(({ index }) => index)).toEqual([2]);
  });
});

describe("what has expired goes", () => {
  test("rows and objects, whole generations, by the alarm alone", async () => {
    const shard = await openShard();
    for (let hour = 0; hour < 4; hour++) {
      setClock(noonMs + hour * hourMs);
      for (let i = 0; i < 9; i++) await append(shard, large(i));
      await append(shard, `${hour}`);
      await untilTiered(shard);
    }
    const sizes: number[] = [];
    let rings = 0;
    for (let nextMs = await alarmOf(shard); nextMs < Infinity; nextMs = await alarmOf(shard)) {
      await ringAlarm(shard, Math.max(nextMs, Date.now()));
      sizes.push((await objectsOf(shard)).size);
      expect(++rings).toBeLessThan(40);
    }
    expect(sizes[0]).toBeGreaterThanOrEqual(36);
    expect(sizes.at(-1)).toBe(0);
    expect(sizes.filter((size) => size > 0 && size < 36).length).toBeGreaterThan(0);
    expect(Date.now()).toBeLessThan(noonMs + dayMs + 3 * hourMs + 2 * sealAgeMs);
    const { records, segments, databaseBytes } = await statsOf(shard);
    expect([records, segments.count]).toEqual([0, 0]);
    expect(databaseBytes).toBeLessThan(100_000);
  });

  test("without a bucket too", async () => {
    const shard = await openShard();
    await rebind(shard, undefined);
    setClock(noonMs);
    for (let i = 0; i < 20; i++) await append(shard, large(i));
    expect((await statsOf(shard)).databaseBytes).toBeGreaterThan(2 * generationBytes);
    await ringAlarm(shard, noonMs + dayMs + 1);
    const { records, databaseBytes } = await statsOf(shard);
    expect(records).toBe(0);
    expect(databaseBytes).toBeLessThan(100_000);
  });

  test("and the shard goes on with the next index, and no earlier time", async () => {
    const shard = await openShard();
    setClock(noonMs);
    await append(shard, "a", "b");
    setClock(noonMs + hourMs);
    await append(shard, "c");
    await ringAlarm(shard, noonMs + 2 * dayMs);
    const view = unwrap(await shard.view());
    expect(view).toMatchObject({ firstIndex: 3, nextIndex: 3, lastTimeMs: noonMs + hourMs });
    await evictAll(shard);
    expect(unwrap(await shard.view())).toEqual(view);
    // A clock that is wrong after a restart does not take the shard back in time.
    setClock(noonMs);
    expect(await append(shard, "d")).toEqual({ firstIndex: 3, timeMs: noonMs + hourMs });
    const [stored] = await gatherAll(shard);
    expect(stored).toMatchObject({ index: 3, ordinal: 1 });
  });
});

describe("a cursor whose record has gone", () => {
  test("Kinesis: goes on at the oldest record that is kept", async () => {
    const { stream, cutMs } = await streamWithTwoDays();
    setClock(cutMs - minuteMs);
    const { output } = await kinesis("GetShardIterator", {
      StreamName: stream,
      ShardId: "shardId-000000000000",
      ShardIteratorType: "TRIM_HORIZON",
    });
    const before = await kinesis("GetRecords", { ShardIterator: output.ShardIterator });
    expect(before.output.Records.map(textIn)).toEqual(["old 0", "old 1"]);
    setClock(cutMs + minuteMs);
    const after = await kinesis("GetRecords", { ShardIterator: output.ShardIterator });
    expect(after.status).toBe(200);
    expect(after.output.Records.map(textIn)).toEqual(["young"]);
    expect(after.output.MillisBehindLatest).toBe(0);
  });

  test("Kinesis: an old sequence number is as good as the trim horizon", async () => {
    const { stream, cutMs, numbers } = await streamWithTwoDays();
    setClock(cutMs + minuteMs);
    for (const ShardIteratorType of ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"]) {
      const { output } = await kinesis("GetShardIterator", {
        StreamName: stream,
        ShardId: "shardId-000000000000",
        ShardIteratorType,
        StartingSequenceNumber: numbers[0],
      });
      const { output: page } = await kinesis("GetRecords", { ShardIterator: output.ShardIterator });
      expect(page.Records.map(textIn)).toEqual(["young"]);
    }
  });

  test("v3io: IllegalLocation; EARLIEST is the oldest record that is kept", async () => {
    const { stream, cutMs } = await streamWithTwoDays();
    const shard = `/bigdata/${stream}/0`;
    setClock(cutMs - minuteMs);
    const seek = await v3io("SeekShard", shard, { Type: "EARLIEST" });
    const Location = seek.output["Location"];
    expect((await v3io("GetRecords", shard, { Location })).status).toBe(200);
    await ringStream(stream, cutMs + minuteMs);
    const gone = await v3io("GetRecords", shard, { Location });
    expect(gone.status).toBe(400);
    expect(gone.text).toContain("IllegalLocation");
    const again = await v3io("SeekShard", shard, { Type: "EARLIEST" });
    const page = await v3io("GetRecords", shard, { Location: again.output["Location"] });
    expect(page.output["Records"]).toMatchObject([{ SequenceNumber: 3 }]);
  });
});

describe("retention that changes", () => {
  test("shorter: older records are not returned any more, and go soon", async () => {
    const shard = await shardWithHours(10);
    unwrap(await shard.retain(4));
    expect((await readPage(shard)).records.map(({ index }) => index)).toEqual([5, 6, 7, 8, 9]);
    setClock(Date.now() + viewTtlMs + 1);
    expect((await gatherAll(shard)).map(({ index }) => index)).toEqual([6, 7, 8, 9]);
    expect(await alarmOf(shard)).toBeLessThanOrEqual(Date.now() + 1000);
  });

  test("longer: what is kept is kept longer", async () => {
    const shard = await shardWithHours(10);
    unwrap(await shard.retain(48));
    setClock(noonMs + dayMs + 5 * hourMs);
    expect((await gatherAll(shard)).length).toBe(10);
    await ringAlarm(shard, noonMs + dayMs + 5 * hourMs);
    expect((await gatherAll(shard)).length).toBe(10);
    setClock(noonMs + 2 * dayMs + 5 * hourMs);
    expect((await gatherAll(shard)).map(({ index }) => index)).toEqual([5, 6, 7, 8, 9]);
  });

  test("longer again: what had expired does not come back", async () => {
    const shard = await shardWithHours(10);
    unwrap(await shard.retain(4));
    setClock(Date.now() + hourMs);
    unwrap(await shard.retain(48));
    setClock(Date.now() + viewTtlMs + 1);
    expect((await gatherAll(shard)).map(({ index }) => index)).toEqual([6, 7, 8, 9]);
    expect((await readPage(shard)).records.map(({ index }) => index)).toEqual([6, 7, 8, 9]);
    await evictAll(shard);
    expect((await gatherAll(shard)).map(({ index }) => index)).toEqual([6, 7, 8, 9]);
  });
});

describe("DeleteStream", () => {
  test("removes every byte, of every shard, from SQLite and R2", async () => {
    const { stream, shards } = await filledStream();
    expect((await kinesis("DeleteStream", { StreamName: stream })).status).toBe(200);
    for (const shard of shards) await expectNothing(shard);
  });

  test("that is cut off in a shard is finished by the alarm", async () => {
    const { stream, shards } = await filledStream();
    const [first] = shards as [ShardStub];
    await sabotage(first, (storage, state) => {
      storage.deleteAll = async () => state.abort("cut off");
    });
    await kinesis("DeleteStream", { StreamName: stream });
    await runDurableObjectAlarm(catalogOf(env, scope));
    await vi.waitUntil(async () => {
      await runDurableObjectAlarm(catalogOf(env, scope));
      const { error } = await kinesis("DescribeStream", { StreamName: stream });
      return error.name === "ResourceNotFoundException";
    }, patience);
    for (const shard of shards) await expectNothing(env.SHARD.getByName(shard.name ?? ""));
  });
});

/** Two records on one day and one on the next; the two expire at `cutMs`. */
async function streamWithTwoDays() {
  const stream = crypto.randomUUID();
  setClock(noonMs);
  await kinesis("CreateStream", { StreamName: stream, ShardCount: 1 });
  const numbers: string[] = [];
  const put = async (text: string) => {
    const input = { StreamName: stream, PartitionKey: "key", Data: base64(text) };
    numbers.push((await kinesis("PutRecord", input)).output.SequenceNumber);
  };
  await put("old 0");
  await put("old 1");
  await ringStream(stream, noonMs + sealAgeMs);
  setClock(noonMs + 20 * hourMs);
  await put("young");
  return { stream, numbers, cutMs: noonMs + dayMs };
}

/** A record at noon and one at each of the hours after it. */
async function shardWithHours(count: number): Promise<ShardStub> {
  const shard = await openShard();
  for (let hour = 0; hour < count; hour++) {
    setClock(noonMs + hour * hourMs);
    await append(shard, `${hour}`);
  }
  return shard;
}

async function filledStream() {
  const stream = crypto.randomUUID();
  await kinesis("CreateStream", { StreamName: stream, ShardCount: 2 });
  const description = unwrap(await catalogOf(env, scope).describeStream(stream)).stream;
  const shards = description.shards.map(({ uid }) => env.SHARD.getByName(uid));
  for (const shard of shards) {
    for (let i = 0; i < 10; i++) await append(shard, large(i));
    await append(shard, "small");
    await untilTiered(shard);
    expect((await objectsOf(shard)).size).toBe(10);
  }
  await tidyUp();
  return { stream, shards };
}

function large(seed: number) {
  return record(new Random(seed).bytes(1_000_000));
}

async function ringStream(stream: string, timeMs: number): Promise<void> {
  const { shards } = unwrap(await catalogOf(env, scope).describeStream(stream)).stream;
  for (const { uid } of shards) await ringAlarm(env.SHARD.getByName(uid), timeMs);
}

async function alarmOf(shard: ShardStub): Promise<number> {
  return (await sabotage(shard, (storage) => storage.getAlarm())) ?? Infinity;
}

async function expectNothing(shard: ShardStub): Promise<void> {
  expect((await objectsOf(shard)).size).toBe(0);
  expect(await shard.view()).toMatchObject({ failed: "shardNotFound" });
  const left = await sabotage(shard, async (storage) => ({
    tables: storage.sql
      .exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'")
      .toArray(),
    keys: (await storage.list()).size,
    alarm: await storage.getAlarm(),
  }));
  expect(left).toEqual({ tables: [], keys: 0, alarm: null });
  await expect(gatherPage(shard, { from: START })).rejects.toThrow("shardNotFound");
}
