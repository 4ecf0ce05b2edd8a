// R2 that fails, hangs, lies or comes too late, and storage that refuses a change: what was
// acknowledged is read and goes on being acknowledged, nothing is freed that R2 has not given back,
// nothing is left behind that was to go, and all is well when the fault is over.

import { noonMs, setClock } from "../../support/clock.ts";
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { crc32 } from "node:zlib";
import { CHUNK_HEADER_BYTES } from "../../../worker/engine/chunk.ts";
import { afterEach, describe, expect, test, vi } from "vitest";
import { confirmSegments, type ExpectedObject } from "../../../worker/core/segmentBucket.ts";
import { generationBytes } from "../../../worker/limits.ts";
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
  gatherPage,
  hold,
  letGo,
  objectsOf,
  rebind,
  ringAlarm,
  runtimeWith,
  statsOf,
  tidyUp,
  untilTiered,
} from "../../support/storage.ts";
import { patience } from "../../support/patience.ts";

const hourMs = 3_600_000;

afterEach(tidyUp);

describe("R2 on the way in", () => {
  const lies: [what: string, told: (body: Uint8Array) => Uint8Array | null][] = [
    ["nothing", () => null],
    ["a short object", (body) => body.subarray(0, body.length >> 1)],
    ["an altered object", (body) => body.map((byte, i) => (i === 100 ? byte ^ 1 : byte))],
    ["an altered header", (body) => body.map((byte, i) => (i === 16 ? byte ^ 1 : byte))],
  ];

  test("hangs: appends are acknowledged, sealed and read all the same", async () => {
    const shard = await openShard();
    await rebind(shard, faultyBucket({ put: () => new Promise(() => {}) }));
    const offered = await fill(shard, 12);
    await expectStored(shard, offered);
    const { segments } = await statsOf(shard);
    expect([segments.count, segments.r2Bytes]).toEqual([12, 0]);
    await expectRecovery(shard, offered);
  });

  test("fails: it is tried again, and nothing is freed before", async () => {
    const shard = await openShard();
    const put = vi.fn<() => Promise<never>>(() => Promise.reject(new Error("R2 is down")));
    await rebind(shard, faultyBucket({ put }));
    const offered = await fill(shard, 10);
    for (let ring = 0; ring < 3; ring++) await runDurableObjectAlarm(shard);
    expect(put.mock.calls.length).toBeGreaterThanOrEqual(3);
    expect((await statsOf(shard)).segments.r2Bytes).toBe(0);
    await expectRecovery(shard, offered);
  });

  test.each(lies)("gives back %s: nothing is freed, and it is put again", async (_, told) => {
    const shard = await openShard();
    await rebind(
      shard,
      faultyBucket({
        get: async (key: string) => {
          const object = await env.SEGMENTS!.get(key);
          const body = object && told(new Uint8Array(await object.arrayBuffer()));
          return body && { arrayBuffer: async () => body.slice().buffer };
        },
      } as unknown as Faults),
    );
    const offered = await fill(shard, 10);
    for (let ring = 0; ring < 2; ring++) await runDurableObjectAlarm(shard);
    const { segments } = await statsOf(shard);
    expect(segments.r2Bytes).toBe(0);
    expect(segments.sqliteBytes).toBeGreaterThan(generationBytes);
    await expectRecovery(shard, offered);
  });

  test("cannot make objects outlast a loss of power: nothing is freed, and they are put again", async () => {
    const shard = await openShard();
    const confirm = vi.fn<() => Promise<never>>(() => Promise.reject(new Error("the disk is ill")));
    await rebind(shard, faultyBucket({ confirm }));
    const offered = await fill(shard, 10);
    for (let count = 1; count <= 3; count++) {
      await vi.waitUntil(() => confirm.mock.calls.length >= count, patience);
      await runDurableObjectAlarm(shard);
    }
    const { segments } = await statsOf(shard);
    expect(segments.r2Bytes).toBe(0);
    expect(segments.sqliteBytes).toBeGreaterThan(generationBytes);
    await expectRecovery(shard, offered);
  });

  test("cannot make objects outlast a loss of power: those objects are removed, and no others", async () => {
    const shard = await openShard();
    const uid = shard.name ?? "";
    for (const segment of [0, 1, 2]) await env.SEGMENTS!.put(`segments/${uid}/${segment}`, "x");
    const ill = faultyBucket({ confirm: () => Promise.reject(new Error("the disk is ill")) });
    const expected = [0, 1].map((segment) => ({
      key: `segments/${uid}/${segment}`,
      bytes: 1,
      head: "eA==",
      restCrc: 0,
    }));
    await expect(confirmSegments(ill, expected)).rejects.toThrow("ill");
    expect([...(await objectsOf(shard)).keys()]).toEqual([2]);
  });

  test("does not lose the objects that are the only copy of their records", async () => {
    const shard = await openShard();
    const uid = shard.name ?? "";
    for (const segment of [0, 1]) await env.SEGMENTS!.put(`segments/${uid}/${segment}`, "x");
    const ill = faultyBucket({ confirm: () => Promise.reject(new Error("the disk is ill")) });
    const expected = [0, 1].map((segment) => ({
      key: `segments/${uid}/${segment}`,
      bytes: 1,
      head: "eA==",
      restCrc: 0,
      isOnlyCopy: segment === 1,
    }));
    await expect(confirmSegments(ill, expected)).rejects.toThrow("ill");
    expect([...(await objectsOf(shard)).keys()]).toEqual([1]);
  });

  test("takes its time to make them last: rows are there until it has, and go then", async () => {
    const shard = await openShard();
    const synced = Promise.withResolvers<void>();
    const confirm = vi.fn<(_: readonly ExpectedObject[]) => Promise<void>>(() => synced.promise);
    await rebind(shard, faultyBucket({ confirm }));
    await fill(shard, 10);
    await vi.waitUntil(() => confirm.mock.calls.length > 0, patience);
    const expected = confirm.mock.calls.flatMap(([objects]) => objects);
    expect(expected.map(({ key }) => key)).toEqual(
      expected.map((_, i) => `segments/${shard.name}/${i}`),
    );
    for (const { key, bytes, head, restCrc } of expected) {
      const body = new Uint8Array(await (await env.SEGMENTS!.get(key))!.arrayBuffer());
      const [first, rest] = [
        body.subarray(0, CHUNK_HEADER_BYTES),
        body.subarray(CHUNK_HEADER_BYTES),
      ];
      expect([bytes, head]).toEqual([body.length, Buffer.from(first).toString("base64")]);
      expect(restCrc).toBe(crc32(rest));
    }
    expect((await statsOf(shard)).segments.r2Bytes).toBe(0);
    synced.resolve();
    const movedBytes = async () => (await statsOf(shard)).segments.r2Bytes;
    await vi.waitUntil(async () => (await movedBytes()) >= generationBytes, patience);
  });

  test("has an object of another shard's life under the key: it is replaced", async () => {
    const shard = await openShard();
    await env.SEGMENTS!.put(`segments/${shard.name}/1`, "left behind");
    const offered = await fill(shard, 3);
    await vi.waitUntil(async () => !(await objectsOf(shard)).has(1), patience);
    await expectRecovery(shard, offered);
  });
});

describe("R2 on the way out", () => {
  const broken = {
    ...env,
    SEGMENTS: faultyBucket({ get: () => Promise.reject(new Error("R2 is down")) }),
  };

  test("fails: what it alone has cannot be read now, and can be later", async () => {
    const shard = await openShard();
    const offered = await fill(shard, 9);
    await untilTiered(shard);
    forgetBodies();
    const read = gatherPage(shard, { runtime: runtimeWith(broken) });
    await expect(read).rejects.toThrow("R2 is down");
    await append(shard, "written meanwhile");
    await expectStored(shard, [...offered, record("written meanwhile")]);
  });

  test("fails: what the shard still has is read from there", async () => {
    const shard = await openShard();
    const offered = await fill(shard, 5);
    await untilTiered(shard);
    forgetBodies();
    await expectStored(shard, offered, runtimeWith(broken));
  });
});

describe("R2 when records go", () => {
  test("fails: trimmed records are not returned; they go when it is back", async () => {
    const shard = await openShard();
    setClock(noonMs);
    await fill(shard, 9);
    await untilTiered(shard);
    await rebind(shard, faultyBucket({ delete: () => Promise.reject(new Error("R2 is down")) }));
    await ringAlarm(shard, noonMs + 25 * hourMs);
    expect(await gatherAll(shard)).toEqual([]);
    expect((await objectsOf(shard)).size).toBe(9);
    await rebind(shard, env.SEGMENTS);
    expect(await runDurableObjectAlarm(shard)).toBe(true);
    expect((await objectsOf(shard)).size).toBe(0);
    expect((await statsOf(shard)).records).toBe(0);
  });

  test("is still taking a segment that is trimmed meanwhile: nothing of it stays", async () => {
    const shard = await openShard();
    setClock(noonMs);
    const put = await lateput(shard);
    await fill(shard, 2);
    await put.begun();
    setClock(noonMs + 25 * hourMs);
    await runDurableObjectAlarm(shard);
    expect((await statsOf(shard)).records).toBe(0);
    await put.finish();
    await append(shard, large(1));
    await untilTiered(shard);
    expect([...(await objectsOf(shard)).keys()]).toEqual([2]);
  });

  test("is still taking a segment of a shard that is removed: nothing of it stays", async () => {
    const shard = await openShard();
    const put = await lateput(shard);
    await fill(shard, 2);
    await put.begun();
    const destroyed = shard.destroy();
    expect(await shard.view()).toMatchObject({ failed: "shardNotFound" });
    // Time enough for a removal that does not wait for the segment.
    for (let calls = 0; calls < 10; calls++) await objectsOf(shard);
    await put.finish();
    await Promise.all([destroyed, put.ended()]);
    expect((await objectsOf(shard)).size).toBe(0);
  });

  test("fails when a shard is removed: it is gone for everyone, and whole when it is asked again", async () => {
    const shard = await openShard();
    await fill(shard, 9);
    await untilTiered(shard);
    await rebind(shard, faultyBucket({ list: () => Promise.reject(new Error("R2 is down")) }));
    await expect(destroy(shard)).rejects.toThrow("R2 is down");
    expect(await shard.view()).toMatchObject({ failed: "shardNotFound" });
    await letGo(shard);
    await evictAll(shard);
    expect(await shard.view()).toMatchObject({ failed: "shardNotFound" });
    await shard.destroy();
    expect((await objectsOf(shard)).size).toBe(0);
  });

  test("ends with the object when a shard is removed: the alarm ends the removal", async () => {
    const shard = await openShard();
    await fill(shard, 9);
    await untilTiered(shard);
    const crash = await sabotage(shard, (_, state) => () => {
      state.abort("crash");
      throw new Error("crash");
    });
    await rebind(shard, faultyBucket({ delete: crash }));
    await expect(destroy(shard)).rejects.toThrow("crash");
    await letGo(shard);
    expect((await objectsOf(shard)).size).toBe(9);
    const again = env.SHARD.getByName(shard.name ?? "");
    expect(await again.view()).toMatchObject({ failed: "shardNotFound" });
    await runDurableObjectAlarm(again);
    expect((await objectsOf(shard)).size).toBe(0);
  });
});

describe("storage that refuses", () => {
  const refusals: [what: string, statement: RegExp][] = [
    ["to seal", /^INSERT OR REPLACE/],
    ["to close a generation", /^INSERT INTO generation/],
    ["to begin a generation", /^CREATE TABLE log_/],
    ["to say where a generation begins", /^UPDATE shard/],
    ["to note that a generation is in R2", /^UPDATE generation/],
    ["to free a generation's rows", /^DROP TABLE/],
  ];

  test.each(refusals)("%s: what is acknowledged is there, then and later", async (_, statement) => {
    const shard = await openShard();
    await refuse(shard, statement);
    const offered: Offered[] = [];
    for (let seed = 0; seed < 30; seed++) {
      // Two of these are a segment, sixteen a generation.
      // One that needs what is refused is refused too.
      const next = record(new Random(seed).bytes(500_000));
      const receipt = await append(shard, next).catch(() => undefined);
      if (receipt !== undefined) offered.push(next);
    }
    expect(offered.length).toBeGreaterThan(0);
    await expectStored(shard, offered);
    await expectRecovery(shard, offered);
  });

  test.each([
    ["one row", 1000],
    ["a segment", 500_000],
    ["several rows", 2_000_000],
  ])(
    "a commit of %s: it is refused, and those before and after it are stored",
    async (_, bytes) => {
      const shard = await openShard();
      await hold(shard);
      await sabotage(shard, ({ sql }) => {
        const exec = sql.exec.bind(sql);
        let inserts = 0;
        sql.exec = (query, ...bindings) => {
          // The second row of a body fails too, after the first one was written.
          if (query.startsWith("INSERT INTO log_") && ++inserts % 4 === 0)
            throw new Error("disk I/O error");
          return exec(query, ...bindings);
        };
      });
      const offered: Offered[] = [];
      for (let seed = 0; seed < 9; seed++) {
        const next = record(new Random(seed).bytes(bytes));
        const receipt = await append(shard, next).catch(() => undefined);
        if (receipt !== undefined) offered.push(next);
      }
      expect(offered.length).toBeGreaterThan(2);
      expect(offered.length).toBeLessThan(9);
      await expectStored(shard, offered);
      await expectRecovery(shard, offered);
    },
  );

  test.each<[string, RegExp]>([
    ["to forget a generation", /^DELETE FROM generation/],
    ["to drop its rows", /^DROP TABLE/],
    ["to close the last one", /^INSERT INTO generation/],
  ])("%s: its records are not returned; they go later", async (_, statement) => {
    const shard = await openShard();
    setClock(noonMs);
    await fill(shard, 9);
    await append(shard, "small");
    await untilTiered(shard);
    await refuse(shard, statement);
    await ringAlarm(shard, noonMs + 25 * hourMs);
    expect(await gatherAll(shard)).toEqual([]);
    expect((await append(shard, "next")).firstIndex).toBe(10);
    await evictAll(shard);
    expect(await runDurableObjectAlarm(shard)).toBe(true);
    // An old one may be left beside the new one, unseen, until both can go.
    expect((await statsOf(shard)).records).toBeLessThanOrEqual(2);
    expect((await gatherAll(shard)).map(({ index }) => index)).toEqual([10]);
  });
});

/** Records that are a segment each. */
async function fill(shard: ShardStub, count: number): Promise<Offered[]> {
  const offered = Array.from({ length: count }, (_, seed) => large(seed));
  for (const each of offered) await append(shard, each);
  return offered;
}

function large(seed: number): Offered {
  return record(new Random(seed).bytes(1_000_000));
}

async function destroy(shard: ShardStub): Promise<void> {
  await shard.destroy();
}

async function expectStored(
  shard: ShardStub,
  offered: readonly Offered[],
  runtime = runtimeWith(env),
): Promise<void> {
  const stored = await gatherAll(shard, { runtime });
  expect(stored.map(({ index }) => index)).toEqual(offered.map((_, i) => i));
  for (const [i, { data }] of stored.entries()) expectBytes(data, offered[i]?.data ?? "");
}

/** After the fault everything is read, moves to R2, and is read from there. */
async function expectRecovery(shard: ShardStub, offered: readonly Offered[]): Promise<void> {
  await evictAll(shard);
  await expectStored(shard, offered);
  for (let ring = 0; ring < 2; ring++) await runDurableObjectAlarm(shard);
  await append(shard, "after the fault");
  await untilTiered(shard);
  const { segments } = await statsOf(shard);
  expect((await objectsOf(shard)).size).toBe(segments.count);
  expect(segments.sqliteBytes).toBeLessThan(1.5 * generationBytes);
  await evictAll(shard);
  await expectStored(shard, [...offered, record("after the fault")]);
}

/** From now on the object cannot run such statements. */
async function refuse(shard: ShardStub, statement: RegExp): Promise<void> {
  await hold(shard);
  await sabotage(shard, ({ sql }) => {
    const exec = sql.exec.bind(sql);
    sql.exec = (query, ...bindings) => {
      if (statement.test(query)) throw new Error("disk I/O error");
      return exec(query, ...bindings);
    };
  });
}

/** Puts wait until they may finish; both ends are in the object. */
async function lateput(shard: ShardStub) {
  const gate = Promise.withResolvers<void>();
  let [count, endedCount] = [0, 0];
  await rebind(
    shard,
    faultyBucket({
      put: async (...args: [string, Uint8Array]) => {
        count++;
        await gate.promise;
        const object = await env.SEGMENTS!.put(...args);
        endedCount++;
        return object;
      },
    } as unknown as Faults),
  );
  return {
    begun: () => vi.waitUntil(() => count > 0, patience),
    finish: () => sabotage(shard, () => gate.resolve()),
    ended: () => vi.waitUntil(() => endedCount === count, patience),
  };
}
