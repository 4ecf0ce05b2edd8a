// Shards that end, and shards that continue them: inside workerd, with the real catalog. Writers with
// an old map must lose nothing and misplace nothing.

import { createHash } from "node:crypto";
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ReshardOrder } from "../../../worker/core/control.ts";
import { findShard, hashHex } from "../../../worker/core/hashRange.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import type { Scope, StreamDescription } from "../../../worker/core/types.ts";
import { batchOf } from "../../../worker/engine/recordBatch.ts";
import { putRecords, type PutResult } from "../../../worker/stream/writer.ts";
import { setClock } from "../../support/clock.ts";
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
import { ringAlarmSetFor, runtimeWith } from "../../support/storage.ts";
import {
  expectOrder,
  half,
  keyOf,
  known,
  linesOf,
  orders,
  putOf,
  putTexts,
  type Shard,
  split,
  stub,
  texts,
} from "./resharding.ts";

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
      const results = await putRecords(runtimeWith(env), stream, batchOf(puts));
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

async function create(shardCount: number): Promise<StreamDescription> {
  return unwrap(await catalog.createStream(scope, orders(shardCount)));
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

function hashOf(key: string): string {
  return createHash("md5").update(key).digest("hex");
}
