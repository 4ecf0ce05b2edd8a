// Sealed segments on their way to R2: all of them arrive, in whatever state the shard is left on
// the way. A crash at any step leaves a segment in SQLite, in R2 or in both, and never in neither;
// rows go only when R2 has given the whole generation back; and an object in R2 is written once.

import { noonMs, setClock } from "../../support/clock.ts";
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { generationBytes, sealAgeMs, segmentBytes, tierRetryMs } from "../../../worker/limits.ts";
import { noBytes } from "../../../worker/codec/bytes.ts";
import { decodeFilters } from "../../../worker/core/keyFilter.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { verifyBody } from "../../../worker/engine/chunk.ts";
import { keyFilterOf } from "../../../worker/shard/keyIndexer.ts";
import { expectBytes } from "../../engine/expect-bytes.ts";
import { Random } from "../../engine/random.ts";
import {
  append,
  type Offered,
  openShard,
  record,
  sabotage,
  type ShardStub,
} from "../../support/shards.ts";
import {
  evictAll,
  faultyBucket,
  type Faults,
  forgetBodies,
  gatherAll,
  letGo,
  objectsOf,
  rebind,
  ringAlarm,
  statsOf,
  tidyUp,
  untilTiered,
} from "../../support/storage.ts";
import { patience } from "../../support/patience.ts";

afterEach(tidyUp);

describe("what is sealed", () => {
  test("arrives in R2, every segment once, whole and in order; rows are freed", async () => {
    const shard = await openShard();
    const offered = await fill(shard, 2.5 * generationBytes);
    await untilTiered(shard);
    const { segments, tail } = await statsOf(shard);
    const objects = await objectsOf(shard);
    expect([...objects.keys()].toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: segments.count }, (_, i) => i),
    );
    let index = 0;
    for (let segment = 0; segment < segments.count; segment++) {
      const { firstIndex, count } = verifyBody(await readObject(shard, segment), shard.name ?? "");
      expect(firstIndex).toBe(index);
      index += count;
    }
    expect(index).toBe(offered.length - tail.chunks);
    expect(segments.r2Bytes).toBeGreaterThanOrEqual(generationBytes);
    expect(segments.sqliteBytes).toBeLessThan(1.5 * generationBytes);
    await expectStored(shard, offered);
  });

  test("moves while appends wait, so that under a steady load it need not be read again", async () => {
    const shard = await openShard();
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await sabotage(shard, (storage) => {
      const sync = storage.sync.bind(storage);
      const waiting = gates.map(({ promise }) => promise);
      storage.sync = async () => {
        await waiting.shift();
        await sync();
      };
    });
    const [first, second] = [append(shard, large(1)), append(shard, large(2))];
    await vi.waitUntil(async () => (await statsOf(shard)).pendingBytes > 2_000_000, patience);
    await sabotage(shard, () => gates[0]?.resolve());
    await first;
    await vi.waitUntil(async () => (await objectsOf(shard)).size === 1, patience);
    expect((await statsOf(shard)).pendingBytes).toBeGreaterThan(1_000_000);
    await sabotage(shard, () => gates[1]?.resolve());
    await second;
    await untilTiered(shard);
    await expectStored(shard, [large(1), large(2)]);
  });

  test("has filters of its own keys, also when the object ended before they were stored", async () => {
    const shard = await openShard();
    await fill(shard, 0.6 * generationBytes, "a");
    await evictAll(shard);
    await fill(shard, 0.9 * generationBytes, "b");
    await untilTiered(shard);
    const [{ counts, filters: bytes } = { counts: [], filters: null }] = unwrap(
      await shard.filters(0),
    ).generations;
    expect(bytes).not.toBeNull();
    const filters = decodeFilters(bytes ?? noBytes);
    expect(filters.length).toBe(counts.length);
    for (const [segment, filter] of filters.entries())
      expect(filter).toEqual(keyFilterOf(await readObject(shard, segment)));
  });

  test("does not make the database grow with what is stored", async () => {
    const shard = await openShard();
    const sizes: number[] = [];
    for (let round = 0; round < 3; round++) {
      await fill(shard, 1.5 * generationBytes);
      await untilTiered(shard);
      sizes.push((await statsOf(shard)).databaseBytes);
    }
    // 12, 24 and 36 MiB of records.
    expect(Math.max(...sizes)).toBeLessThan(1.6 * generationBytes);
  });

  test("is read when nothing of it is left in memory, and the shard serves only what is not in R2", async () => {
    const shard = await openShard();
    const offered = await fill(shard, 1.5 * generationBytes);
    await untilTiered(shard);
    await expectStored(shard, offered);
    const before = await statsOf(shard);
    await evictAll(shard);
    await expectStored(shard, offered);
    const { segmentReads, segments } = await statsOf(shard);
    expect(before.segments.r2Bytes).toBeGreaterThan(generationBytes);
    expect(segmentReads).toBeLessThan(segments.count / 2);
  });

  test("stays where it is while there is no bucket, and moves when there is one", async () => {
    const shard = await openShard();
    await rebind(shard, undefined);
    const offered = await fill(shard, 1.5 * generationBytes);
    expect((await objectsOf(shard)).size).toBe(0);
    expect((await statsOf(shard)).segments.r2Bytes).toBe(0);
    await expectStored(shard, offered);
    await evictAll(shard);
    await runDurableObjectAlarm(shard);
    await untilTiered(shard);
    const { segments } = await statsOf(shard);
    expect((await objectsOf(shard)).size).toBe(segments.count);
    await expectStored(shard, offered);
  });
});

describe("a crash", () => {
  /** Where the object ends, and how many segments R2 has by then. */
  const steps: [step: string, faultsUntil: (crash: () => never) => object, inR2: number][] = [
    ["before the object is put", (crash) => ({ put: crash }), 0],
    [
      "after the object is put",
      (crash) => ({
        put: async (...args: [string, Uint8Array]) => {
          await env.SEGMENTS!.put(...args);
          crash();
        },
      }),
      1,
    ],
    ["before the object is read back", (crash) => ({ get: crash }), 1],
    [
      "after the object is read back",
      (crash) => ({
        get: async (key: string) => {
          const object = await env.SEGMENTS!.get(key);
          await object?.arrayBuffer();
          crash();
        },
      }),
      1,
    ],
  ];

  test.each(steps)("%s: no hole, then and later", async (_, faultsUntil, inR2) => {
    const shard = await openShard();
    const offered = await fill(shard, 0.5 * generationBytes);
    await untilTiered(shard);
    const done = (await objectsOf(shard)).size;
    await rebind(shard, faultyBucket(faultsUntil(await crasher(shard))));
    const stored = await appendUntilGone(shard, offered);
    expect((await objectsOf(shard)).size).toBe(done + inR2);
    await expectStored(shard, stored);
    await expectWhole(shard, stored);
  });

  test.each(["before", "after"])("%s the rows are freed: no hole, then and later", async (when) => {
    const shard = await openShard();
    const offered = await fill(shard, generationBytes - 2 * segmentBytes);
    await untilTiered(shard);
    const crash = await crasher(shard);
    await sabotage(shard, ({ sql }) => {
      const exec = sql.exec.bind(sql);
      sql.exec = (query, ...bindings) => {
        const drops = /^drop table/i.test(query);
        if (drops && when === "before") crash();
        const cursor = exec(query, ...bindings);
        if (drops) crash();
        return cursor as never;
      };
    });
    const stored = await appendUntilGone(shard, offered);
    await expectStored(shard, stored);
    await expectWhole(shard, stored);
    expect((await statsOf(again(shard))).segments.r2Bytes).toBeGreaterThanOrEqual(generationBytes);
  });

  test("again and again, whatever is on its way: what is acknowledged is there", async () => {
    const shard = await openShard();
    const stored: Offered[] = [];
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 4; i++) {
        stored.push(large(round * 10 + i));
        await append(again(shard), stored.at(-1) as Offered);
      }
      await sabotage(again(shard), (_, state) => state.abort("crash")).catch(() => {});
    }
    await expectStored(shard, stored);
    await expectWhole(shard, stored);
  });
});

describe("the alarm", () => {
  test("takes up a move that ended with its object", async () => {
    const shard = await openShard();
    const { put } = neverEnding();
    await rebind(shard, faultyBucket({ put }));
    await append(shard, large(1));
    await evictAll(shard);
    expect((await objectsOf(shard)).size).toBe(0);
    expect(await alarmOf(shard)).toBeLessThanOrEqual(Date.now() + sealAgeMs);
    await runDurableObjectAlarm(shard);
    await untilTiered(shard);
    expect((await objectsOf(shard)).size).toBe(1);
  });

  test("comes soon when R2 fails, and again while it does", async () => {
    const shard = await openShard();
    await rebind(shard, faultyBucket({ put: () => Promise.reject(new Error("R2 is down")) }));
    await append(shard, large(1));
    for (let round = 0; round < 2; round++) {
      await vi.waitUntil(async () => (await alarmOf(shard)) <= Date.now() + tierRetryMs, patience);
      await runDurableObjectAlarm(shard);
    }
    await rebind(shard, env.SEGMENTS);
    await runDurableObjectAlarm(shard);
    await untilTiered(shard);
    expect((await objectsOf(shard)).size).toBe(1);
  });

  test("seals every tail by its age, also one that begins when the shard was idle", async () => {
    const shard = await openShard();
    for (let round = 0; round < 3; round++) {
      setClock(noonMs + round * 3 * sealAgeMs);
      await append(shard, `${round}`);
      expect(await alarmOf(shard)).toBeLessThanOrEqual(Date.now() + sealAgeMs);
      await ringAlarm(shard, Date.now() + sealAgeMs);
      expect((await statsOf(shard)).tail.chunks).toBe(0);
      await untilTiered(shard);
    }
    expect((await objectsOf(shard)).size).toBe(3);
  });
});

/** Puts records of several sizes, some of them segments by themselves. */
async function fill(shard: ShardStub, bytes: number, keys = "key"): Promise<Offered[]> {
  const random = new Random(7);
  const offered: Offered[] = [];
  for (let sum = 0; sum < bytes;) {
    const size = random.pick([1000, 60_000, 200_000, 500_000, 1_200_000]);
    offered.push(record(random.bytes(size), `${keys} ${offered.length}`));
    await append(shard, offered.at(-1) as Offered);
    sum += size;
  }
  return offered;
}

/** A record that is a segment. */
function large(seed: number): Offered {
  return record(new Random(seed).bytes(1_100_000));
}

/** Puts segments until the object crashes; returns what is there then: all that was acknowledged. */
async function appendUntilGone(shard: ShardStub, offered: readonly Offered[]): Promise<Offered[]> {
  const acknowledged = [...offered];
  for (let seed = 90; ; seed++) {
    const next = large(seed);
    const outcome = await append(shard, next).catch(() => undefined);
    if (outcome !== undefined) {
      acknowledged.push(next);
      await vi.waitUntil(async () => (await isGone(shard)) || (await isTiered(shard)), patience);
    }
    if (!(await isGone(shard))) continue;
    await letGo(shard);
    forgetBodies();
    const found = (await gatherAll(again(shard))).length;
    // An append that ended with the object is there as a whole, or not at all.
    const doubtful = outcome === undefined && found === acknowledged.length + 1;
    return doubtful ? [...acknowledged, next] : acknowledged;
  }
}

async function expectStored(shard: ShardStub, offered: readonly Offered[]): Promise<void> {
  const stored = await gatherAll(again(shard));
  expect(stored.map(({ index }) => index)).toEqual(offered.map((_, i) => i));
  for (const [i, { data }] of stored.entries()) expectBytes(data, offered[i]?.data ?? "");
}

/** Everything is in R2 soon, and read back when nothing is left in memory. */
async function expectWhole(shard: ShardStub, offered: readonly Offered[]): Promise<void> {
  await runDurableObjectAlarm(again(shard));
  await untilTiered(again(shard));
  const { segments } = await statsOf(again(shard));
  expect((await objectsOf(shard)).size).toBe(segments.count);
  await evictAll(again(shard));
  await expectStored(shard, offered);
}

/** A stub that does not remember how its object ended. */
function again(shard: ShardStub): ShardStub {
  return env.SHARD.getByName(shard.name ?? "");
}

async function isGone(shard: ShardStub): Promise<boolean> {
  return shard.view().then(
    () => false,
    () => true,
  );
}

async function isTiered(shard: ShardStub): Promise<boolean> {
  const view = await shard.view();
  return "segment" in view && view.tieredSegment >= view.segment;
}

/** Ends the object as a crash does. */
async function crasher(shard: ShardStub): Promise<() => never> {
  return sabotage(shard, (_, state) => () => {
    state.abort("crash");
    throw new Error("crash");
  });
}

function neverEnding(): Faults & { put: R2Bucket["put"] } {
  return { put: () => new Promise(() => {}) };
}

async function alarmOf(shard: ShardStub): Promise<number> {
  return (await sabotage(shard, (storage) => storage.getAlarm())) ?? Infinity;
}

async function readObject(shard: ShardStub, segment: number): Promise<Uint8Array> {
  const object = await env.SEGMENTS!.get(`segments/${shard.name}/${segment}`);
  return new Uint8Array((await object?.arrayBuffer()) ?? new ArrayBuffer(0));
}
