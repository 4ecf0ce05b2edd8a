// Shards that end, and shards that continue them: inside workerd, with the real catalog. A change is
// cut off at each of its steps by aborting the catalog's object there, and must be taken up; writers
// with an old map must lose nothing and misplace nothing.

import { setClock } from "../../support/clock.ts";
import { createHash } from "node:crypto";
import type { ReshardOrder } from "../../../worker/core/control.ts";
import {
  abortAllDurableObjects,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { KnownStream } from "../../../worker/stream/directory.ts";
import { findShard, hashHex, routesOf } from "../../../worker/core/hashRange.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import type { Scope, ShardDescription, StreamDescription } from "../../../worker/core/types.ts";
import { batchOf, type RecordPut } from "../../../worker/engine/recordBatch.ts";
import { putRecords, type PutResult } from "../../../worker/stream/writer.ts";
import {
  append,
  chunkOf,
  holdCommits,
  openShard,
  readAll,
  readPage,
  seek,
  textOf,
} from "../../support/shards.ts";
import { ringAlarmSetFor } from "../../support/storage.ts";

const NOTHING = new Uint8Array(0);
const half = hashHex(1n << 127n);
const split: ReshardOrder = { kind: "split", shard: 0, hash: half };
const encoder = new TextEncoder();

let scope: Scope;
let catalog: ReturnType<typeof env.CATALOG.getByName>;

beforeEach(() => {
  scope = { account: String(Math.floor(Math.random() * 1e12)).padStart(12, "0"), region: "r" };
  catalog = env.CATALOG.getByName(`${scope.account}/${scope.region}`);
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a shard that is closed", () => {
  test("says where and when it ended, keeps its records, and takes no more", async () => {
    const shard = await openShard();
    await append(shard, "a", "b");
    const end = unwrap(await shard.close());
    expect(end.endIndex).toBe(2);
    expect(await shard.append([chunkOf("c")])).toMatchObject({ failed: "shardClosed" });
    const { records, view } = await readPage(shard);
    expect(records.map(textOf)).toEqual(["a", "b"]);
    expect(view).toMatchObject({ nextIndex: 2, closedMs: end.closedMs });
    expect(unwrap(await shard.close())).toEqual(end);
    await evictDurableObject(shard);
    expect(unwrap(await shard.close())).toEqual(end);
    expect(unwrap(await shard.view()).closedMs).toBe(end.closedMs);
    expect(await shard.append([chunkOf("c")])).toMatchObject({ failed: "shardClosed" });
    expect((await readAll(shard)).map(textOf)).toEqual(["a", "b"]);
  });

  test("takes nothing more while it closes, though earlier appends are still being written", async () => {
    const shard = await openShard();
    const release = await holdCommits(shard);
    const early = shard.append([chunkOf("early")]);
    const closing = shard.close();
    const late = shard.append([chunkOf("late")]);
    await release();
    expect(await late).toMatchObject({ failed: "shardClosed" });
    expect(await early).toMatchObject({ receipts: [{ firstIndex: 0 }] });
    expect(unwrap(await closing).endIndex).toBe(1);
  });

  test("has written every append that it acknowledged, and acknowledges none after its end", async () => {
    const shard = await openShard();
    const appends = Array.from({ length: 50 }, (_, i) => shard.append([chunkOf(`${i}`)]));
    const closing = shard.close();
    appends.push(...Array.from({ length: 50 }, (_, i) => shard.append([chunkOf(`late ${i}`)])));
    const replies = await Promise.all(appends);
    const { endIndex } = unwrap(await closing);
    const taken = replies.filter((reply) => "receipts" in reply).length;
    expect(taken).toBe(endIndex);
    expect(taken).toBeGreaterThanOrEqual(50);
    expect(await readAll(shard)).toHaveLength(endIndex);
  });

  test("ends no earlier than its last record, though the clock has gone back", async () => {
    const shard = await openShard();
    const { timeMs } = await append(shard, "a");
    setClock(timeMs - 60_000);
    expect(unwrap(await shard.close()).closedMs).toBe(timeMs);
  });

  test("without a record is as empty as it was", async () => {
    const shard = await openShard();
    expect(unwrap(await shard.close()).endIndex).toBe(0);
    expect(await readAll(shard)).toEqual([]);
    for (const kind of ["earliest", "latest"] as const) expect(await seek(shard, { kind })).toBe(0);
  });
});

describe("a split", () => {
  test("is UPDATING with the old shards, then ACTIVE with new ones that continue the old", async () => {
    const stream = await create(1);
    const going = Promise.all([
      catalog.reshardStream("orders", split),
      catalog.reshardStream("orders", split),
    ]);
    const [reply, second] = await going;
    const begun = unwrap(reply).stream;
    expect(begun).toMatchObject({ status: "UPDATING", shards: stream.shards });
    expect(second).toMatchObject({ failed: "streamNotActive", detail: { status: "UPDATING" } });
    const after = await settled();
    expect(after).toMatchObject({ status: "ACTIVE" });
    expect(after.resharding).toBeUndefined();
    const [parent, left, right] = after.shards as [Shard, Shard, Shard];
    expect(parent).toMatchObject({ index: 0, endIndex: 0 });
    expect(left).toMatchObject({ index: 1, parents: [0], hashEnd: hashHex((1n << 127n) - 1n) });
    expect(right).toMatchObject({ index: 2, parents: [0], hashStart: half });
    expect(left.createdMs - (parent.endMs ?? 0)).toBe(1000);
    const { timeMs } = await append(stub(left), "y");
    expect(timeMs).toBeGreaterThanOrEqual(parent.closedMs ?? Infinity);
    expect(timeMs).toBeLessThanOrEqual(Date.now());
  });

  test("and a merge: records go to the merged shard, and to no other", async () => {
    await create(2);
    await reshard({ kind: "merge", shard: 0, adjacent: 1 });
    const after = await reshard({ kind: "split", shard: 2, hash: hashHex(99n) });
    expect(after.shards.map(({ parents }) => parents)).toEqual([
      undefined,
      undefined,
      [0, 1],
      [2],
      [2],
    ]);
    const results = await putTexts(known(after), texts(20));
    expect(results.every(({ shard }) => shard.index >= 3)).toBe(true);
  });

  test("waits for no clock: the time stands still, and ten splits are done", async () => {
    setClock(Date.now());
    await create(1);
    let stream = unwrap(await catalog.describeStream("orders")).stream;
    for (let i = 0; i < 10; i++) {
      const { index, hashStart, hashEnd } = openShards(stream)[0] as Shard;
      const hash = hashHex((BigInt(`0x${hashStart}`) + BigInt(`0x${hashEnd}`)) / 2n + 1n);
      stream = await reshard({ kind: "split", shard: index, hash });
      const { timeMs } = await append(stub(openShards(stream)[0] as Shard), `${i}`);
      expect(timeMs).toBe(Date.now());
    }
    expect(stream.shards).toHaveLength(21);
  });

  test("is done at once when its shards were made before the clock was set back", async () => {
    await create(1);
    setClock(Date.now() - 3 * 86_400_000);
    expect(openShards(await reshard(split))).toHaveLength(2);
    vi.setSystemTime(Date.now() - 3 * 86_400_000);
    const after = await reshard({ kind: "recount", from: 2, to: 3 });
    expect(openShards(after)).toHaveLength(3);
  });

  test("refuses by name what cannot be done, and changes nothing", async () => {
    const stream = await create(2);
    const refused = async (order: ReshardOrder) => {
      const reply = await catalog.reshardStream("orders", order);
      expect(unwrap(await catalog.describeStream("orders")).stream).toEqual(stream);
      return "failed" in reply && reply.failed;
    };
    expect(await refused({ ...split, shard: 2 })).toBe("shardNotFound");
    expect(await refused({ ...split, shard: 1, hash: hashHex(0n) })).toBe("hashOutOfRange");
    expect(await refused({ kind: "merge", shard: 1, adjacent: 0 })).toBe("shardsNotAdjacent");
    expect(await refused({ kind: "recount", from: 2, to: 5000 })).toBe("tooManyShards");
    expect(await catalog.reshardStream("other", split)).toMatchObject({ failed: "streamNotFound" });
  });
});

describe("a writer with an old map", () => {
  test("loses nothing and misplaces nothing while shards split and merge", async () => {
    const stale = known(await create(2));
    const orders: ReshardOrder[] = [
      { kind: "split", shard: 0, hash: hashHex(1n << 126n) },
      { kind: "merge", shard: 2, adjacent: 3 },
      { kind: "recount", from: 2, to: 3 },
    ];
    const state = { resharding: true };
    const acknowledged: PutResult[] = [];
    const sent: string[] = [];
    const write = async (producer: number) => {
      for (let i = 0; state.resharding; i++) {
        const batch = Array.from({ length: 8 }, (_, j) => `${producer}/${i % 5}/${i * 8 + j}`);
        acknowledged.push(...(await putTexts(stale, batch)));
        sent.push(...batch);
        // Calls within one process alone would keep its loop from looking at the clock.
        await scheduler.wait(0);
      }
    };
    const writers = Array.from({ length: 4 }, (_, producer) => write(producer));
    for (const order of orders) await reshard(order);
    state.resharding = false;
    await Promise.all(writers);
    expect(acknowledged.filter((result) => "failure" in result)).toEqual([]);
    const { shards } = unwrap(await catalog.describeStream("orders")).stream;
    const found = await linesOf(shards);
    expect(found.map(({ text }) => text).sort()).toEqual(sent.sort());
    for (const { text, shard } of found) {
      const hash = hashOf(keyOf(text));
      expect(shard.hashStart <= hash && hash <= shard.hashEnd).toBe(true);
    }
    expectOrder(found);
  }, 30_000);

  test("keeps the order of one call's records of a key", async () => {
    const stale = known(await create(1));
    await reshard(split);
    await putTexts(stale, texts(100));
    const { shards } = unwrap(await catalog.describeStream("orders")).stream;
    const found = await linesOf(shards);
    expect(found).toHaveLength(100);
    expect(found.every(({ shard }) => shard.index > 0)).toBe(true);
    expectOrder(found);
  });

  test("and a shard's number: its records go to the shards that continue it", async () => {
    const stale = known(await create(1));
    const after = await reshard(split);
    for (const stream of [stale, known(after)]) {
      const puts = texts(20).map((text) => putOf(text, 0));
      const results = await putRecords(env, stream, batchOf(puts));
      for (const [i, result] of results.entries()) {
        const route = hashOf(keyOf(texts(20)[i] as string)) < half ? 1 : 2;
        expect(result).toMatchObject({ shard: { index: route } });
      }
    }
  });

  test("of a stream that is gone: told so", async () => {
    const stale = known(await create(1));
    unwrap(await catalog.deleteStream("orders"));
    await expect(putTexts(stale, ["x"])).rejects.toThrow(/streamNotFound/);
  });
});

describe("what is cut off", () => {
  test.each([
    ["after it was written down", "setAlarm"],
    ["when new shards are opened", "open"],
    ["when old shards are closed", "close"],
  ] as const)(
    "%s: the alarm takes it up",
    async (_, step) => {
      const stale = known(await create(2));
      await putTexts(stale, texts(10));
      await cutOff(step);
      const order: ReshardOrder = { kind: "recount", from: 2, to: 3 };
      await catalog.reshardStream("orders", order).catch(() => {});
      const gone = catalog;
      await vi
        .waitUntil(
          () =>
            gone.describeStream("orders").then(
              () => false,
              () => true,
            ),
          {
            timeout: 10_000,
            interval: 50,
          },
        )
        .catch(() => {});
      catalog = env.CATALOG.getByName(`${scope.account}/${scope.region}`);
      const begun = unwrap(await catalog.describeStream("orders")).stream;
      expect(begun.status).toBe("UPDATING");
      await runDurableObjectAlarm(catalog);
      const after = unwrap(await catalog.describeStream("orders")).stream;
      expect(after).toMatchObject({ status: "ACTIVE" });
      expect(after.shards.map(({ uid }) => uid)).toEqual(
        [...begun.shards, ...(begun.resharding?.made ?? [])].map(({ uid }) => uid),
      );
      await putTexts(stale, texts(10));
      expect(await linesOf(after.shards)).toHaveLength(20);
    },
    30_000,
  );

  test("a transition that is stretched is not sat out by the alarm, and ends in its time", async () => {
    env.MILLRACE_TRANSITION_MS = "60000";
    try {
      await create(1);
      setClock(Date.now() + 60_000);
      const begun = unwrap(await catalog.reshardStream("orders", split)).stream;
      await abortAllDurableObjects();
      catalog = env.CATALOG.getByName(`${scope.account}/${scope.region}`);
      await runDurableObjectAlarm(catalog);
      const settledNow = async () => unwrap(await catalog.settledStream("orders")).stream.status;
      expect(await settledNow()).toBe("UPDATING");
      vi.setSystemTime(begun.resharding?.notBeforeMs as number);
      await runDurableObjectAlarm(catalog);
      expect(await settledNow()).toBe("ACTIVE");
    } finally {
      delete env.MILLRACE_TRANSITION_MS;
    }
  });

  test("a transition is over when the clock is set back, and taken up as soon as somebody asks", async () => {
    env.MILLRACE_TRANSITION_MS = "60000";
    try {
      await create(1);
      setClock(Date.now() + 60_000);
      unwrap(await catalog.reshardStream("orders", split));
      await abortAllDurableObjects();
      catalog = env.CATALOG.getByName(`${scope.account}/${scope.region}`);
      await runInDurableObject(catalog, async (_, { storage }) => {
        await storage.setAlarm(Date.now() + 60_000);
      });
      vi.setSystemTime(Date.now() - 3 * 86_400_000);
      expect(await statusNow()).toBe("UPDATING");
      // The alarm is set for three days ago now, by the runtime's clock.
      await vi.waitUntil(async () => (await statusNow()) === "ACTIVE", { timeout: 10_000 });
    } finally {
      delete env.MILLRACE_TRANSITION_MS;
    }
  });

  test("a deletion in the middle leaves no shard behind", async () => {
    await create(1);
    const begun = unwrap(await catalog.reshardStream("orders", split)).stream;
    unwrap(await catalog.deleteStream("orders"));
    expect(await catalog.describeStream("orders")).toMatchObject({ failed: "streamNotFound" });
    for (const shard of [...begun.shards, ...(begun.resharding?.made ?? [])]) {
      expect(await stub(shard).view()).toMatchObject({ failed: "shardNotFound" });
    }
    await create(1);
  });
});

describe("a deletion that takes its time", () => {
  test("leaves alone a new stream that has got the name meanwhile", async () => {
    const old = await create(1);
    const { isReached, letGo } = await holdNext("destroy");
    const late = catalog.deleteStream("orders");
    await vi.waitUntil(isReached);
    unwrap(await catalog.deleteStream("orders"));
    const stream = await create(1);
    expect(stream.uid).not.toBe(old.uid);
    letGo();
    unwrap(await late);
    expect(unwrap(await catalog.describeStream("orders")).stream.uid).toBe(stream.uid);
    await putTexts(known(stream), ["x"]);
  });

  test("is not undone by a change of shards that was under way", async () => {
    await create(1);
    const { isReached, letGo } = await holdNext("close");
    unwrap(await catalog.reshardStream("orders", split));
    await vi.waitUntil(isReached);
    env.MILLRACE_TRANSITION_MS = "60000";
    try {
      const deletion = catalog.deleteStream("orders");
      await vi.waitUntil(async () => (await statusNow()) === "DELETING");
      letGo();
      unwrap(await deletion);
      expect(await statusNow()).toBe("DELETING");
    } finally {
      delete env.MILLRACE_TRANSITION_MS;
    }
  });
});

test("a closed shard goes from the list, and altogether, when retention has passed it", async () => {
  await create(1);
  const { shards } = await reshard(split);
  const closedMs = shards[0]?.closedMs as number;
  setClock(closedMs + 24 * 3_600_000 - 1000);
  await runDurableObjectAlarm(catalog);
  const indexes = async () =>
    unwrap(await catalog.describeStream("orders")).stream.shards.map(({ index }) => index);
  expect(await indexes()).toEqual([0, 1, 2]);
  // Not by an alarm that was set for an earlier time: the clock may be wrong.
  await ringAlarmSetFor(catalog, closedMs, closedMs + 24 * 3_600_000 + 1);
  expect(await indexes()).toEqual([0, 1, 2]);
  await runDurableObjectAlarm(catalog);
  expect(await indexes()).toEqual([1, 2]);
  expect(await stub(shards[0] as Shard).view()).toMatchObject({ failed: "shardNotFound" });
  const { stream } = unwrap(await catalog.describeStream("orders"));
  expect(findShard(stream.shards, 2)?.index).toBe(2);
  expect(findShard(stream.shards, 0)).toBeUndefined();
  const results = await putTexts(known(stream), texts(10));
  expect(new Set(results.map(({ shard }) => shard.index))).toEqual(new Set([1, 2]));
});

type Shard = ShardDescription;

async function create(shardCount: number): Promise<StreamDescription> {
  const spec = { name: "orders", shardCount, mode: "PROVISIONED" as const, retentionHours: 24 };
  return unwrap(await catalog.createStream(scope, spec));
}

/** Does all of it; the stream afterwards. */
async function reshard(order: ReshardOrder): Promise<StreamDescription> {
  unwrap(await catalog.reshardStream("orders", order));
  return settled();
}

/** The stream once its shards have changed. */
async function settled(): Promise<StreamDescription> {
  for (;;) {
    const { stream } = unwrap(await catalog.settledStream("orders"));
    if (stream.resharding === undefined) return stream;
    await scheduler.wait(Math.max(stream.resharding.notBeforeMs - Date.now(), 0));
  }
}

function openShards({ shards }: StreamDescription): Shard[] {
  return shards.filter(({ closedMs }) => closedMs === undefined);
}

function known(description: StreamDescription): KnownStream {
  return { description, routes: routesOf(description.shards), askedMs: 0, freshUntilMs: Infinity };
}

function stub({ uid }: Pick<Shard, "uid">) {
  return env.SHARD.getByName(uid);
}

/** A record's text is its producer, its key's number and a count: `1/4/17`. */
function keyOf(text: string): string {
  return text.slice(0, text.lastIndexOf("/"));
}

function texts(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `p/${i % 7}/${i}`);
}

function putOf(text: string, shard?: number): RecordPut {
  const key = encoder.encode(keyOf(text));
  return { key, info: NOTHING, data: encoder.encode(text), shard };
}

async function putTexts(stream: KnownStream, batch: readonly string[]): Promise<PutResult[]> {
  return putRecords(env, stream, batchOf(batch.map((text) => putOf(text))));
}

function hashOf(key: string): string {
  return createHash("md5").update(key).digest("hex");
}

interface Found {
  text: string;
  shard: Shard;
}

/** All records, parents before children. */
async function linesOf(shards: readonly Shard[]): Promise<Found[]> {
  const pages = await Promise.all(
    shards.map(async (shard) =>
      (await readAll(stub(shard))).map((record) => ({ text: textOf(record), shard })),
    ),
  );
  return pages.flat();
}

/** Records of a key are found in the order in which they were sent. */
function expectOrder(found: readonly Found[]): void {
  const last = new Map<string, number>();
  for (const { text } of found) {
    const count = Number(text.slice(text.lastIndexOf("/") + 1));
    expect(count).toBeGreaterThan(last.get(keyOf(text)) ?? -1);
    last.set(keyOf(text), count);
  }
}

async function statusNow(): Promise<string> {
  return unwrap(await catalog.describeStream("orders")).stream.status;
}

/** The objects of a catalog by which its jobs call shards. */
interface JobsWithin {
  env: typeof env;
  reshardings: { env: typeof env };
}

/** The next of these calls to a shard is held, until it is let go. */
async function holdNext(
  step: "close" | "destroy",
): Promise<{ isReached: () => boolean; letGo: () => void }> {
  const gate = Promise.withResolvers<void>();
  let isFirst = true;
  const { SHARD } = env;
  const held = (shard: ReturnType<typeof stub>) => async () => {
    const wait = isFirst;
    isFirst = false;
    if (wait) await gate.promise;
    return step === "close" ? shard.close() : shard.destroy();
  };
  await runInDurableObject(catalog, (instance) => {
    const object = (instance as unknown as { jobs: JobsWithin }).jobs;
    const shards = {
      getByName: (name: string) =>
        new Proxy(SHARD.getByName(name), {
          get: (target, member) =>
            member === step ? held(target) : (Reflect.get(target, member, target) as unknown),
        }),
    };
    object.env = object.reshardings.env = new Proxy(env, {
      get: (target, member) =>
        member === "SHARD" ? shards : (Reflect.get(target, member, target) as unknown),
    });
  });
  return { isReached: () => !isFirst, letGo: gate.resolve };
}

/** The catalog's object ends when it comes to that step for the first time. */
async function cutOff(step: "setAlarm" | "open" | "close"): Promise<void> {
  await runInDurableObject(catalog, (instance, state) => {
    const end = async (): Promise<never> => {
      await state.storage.sync();
      state.abort("cut off");
      throw new Error("cut off");
    };
    if (step === "setAlarm") {
      const setAlarm = state.storage.setAlarm.bind(state.storage);
      state.storage.setAlarm = async (...when) => {
        await setAlarm(...when);
        await end();
      };
      return;
    }
    const { reshardings } = (instance as unknown as { jobs: JobsWithin }).jobs;
    const { SHARD } = reshardings.env;
    reshardings.env = {
      ...reshardings.env,
      SHARD: {
        getByName: (name: string) =>
          new Proxy(SHARD.getByName(name), {
            get: (target, member) =>
              member === step ? end : (Reflect.get(target, member, target) as unknown),
          }),
      } as unknown as typeof SHARD,
    };
  });
}
