// A queue's object that ends: after an eviction, and after a crash at the worst moments. What was
// acknowledged stays so; what was in flight is taken up, or can be received again.

import { noonMs, setClock } from "../../support/clock.ts";
import { runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, test, vi } from "vitest";
import { isCode } from "../../../worker/errors.ts";
import { queueSaveDelayMs } from "../../../worker/limits.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import {
  acknowledge,
  crash,
  evict,
  indexesOf,
  inside,
  openQueue,
  receive,
  settle,
  statsOf,
} from "./shardQueues.ts";

afterEach(() => {
  vi.useRealTimers();
});

test("acknowledged records never come back, those in flight keep their time and count", async () => {
  setClock(noonMs);
  const { queue } = await openQueue(30);
  const first = await receive(queue);
  const second = await receive(queue, { visibilityMs: 5000 });
  await acknowledge(queue, first.slice(0, 7));
  await evict(queue);
  expect(await statsOf(queue)).toMatchObject({ next: 20, inFlight: 13, waiting: 0 });
  expect(indexesOf(await receive(queue, { limit: 5 }))).toEqual([20, 21, 22, 23, 24]);
  setClock(noonMs + 4999);
  expect((await statsOf(queue)).waiting).toBe(0);
  setClock(noonMs + 5000);
  expect((await statsOf(queue)).waiting).toBe(10);
  const again = await receive(queue);
  expect(indexesOf(again)).toEqual(indexesOf(second));
  expect(new Set(again.map(({ receives }) => receives))).toEqual(new Set([2]));
  expect(await acknowledge(queue, second.slice(0, 1))).toEqual(["stale"]);
  expect(await acknowledge(queue, again)).toEqual(again.map(() => "done"));
});

test("deliveries that no commit has stored are stored by themselves, before an eviction", async () => {
  setClock(noonMs);
  const { queue } = await openQueue(10);
  await inside(queue, async (own) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now: noonMs });
    const before = await statsOf(own);
    expect(await receive(own)).toHaveLength(10);
    expect((await statsOf(own)).rowsWritten).toBe(before.rowsWritten);
    await vi.advanceTimersByTimeAsync(queueSaveDelayMs);
    expect((await statsOf(own)).rowsWritten).toBe(before.rowsWritten + 1);
  });
  await evict(queue);
  expect(await statsOf(queue)).toMatchObject({ next: 10, inFlight: 10 });
});

describe("a crash", () => {
  test("makes records visible whose delivery was not stored; their receipts stay good", async () => {
    const { queue } = await openQueue(30);
    const stored = await receive(queue);
    await acknowledge(queue, stored.slice(0, 1));
    const lost = await receive(queue);
    const ended = await crash(queue);
    expect(await statsOf(ended)).toMatchObject({ next: 10, inFlight: 9 });
    // One that was not received again: the worker has done its work.
    expect(await acknowledge(ended, lost.slice(9))).toEqual(["done"]);
    expect(await statsOf(ended)).toMatchObject({ next: 20, waiting: 9 });
    // One more delivery: the old receipts are of an earlier one now.
    const again = await receive(ended, { limit: 9 });
    expect(indexesOf(again)).toEqual(indexesOf(lost.slice(0, 9)));
    expect(await acknowledge(ended, lost.slice(0, 1))).toEqual(["stale"]);
    expect(await acknowledge(ended, again)).toEqual(again.map(() => "done"));
  });

  test("lets a lost delivery be prolonged, and ended", async () => {
    setClock(noonMs);
    const { queue } = await openQueue(5);
    const [first, second] = await receive(queue);
    if (first === undefined || second === undefined) throw new Error("nothing was received");
    const ended = await crash(queue);
    const orders = [
      { kind: "hide" as const, receipt: second, visibilityMs: 60_000 },
      { kind: "hide" as const, receipt: first, visibilityMs: 0 },
    ];
    expect(await settle(ended, orders)).toEqual(["done", "done"]);
    const again = [...(await receive(ended)), ...(await receive(ended))];
    expect(again.map(({ index, receives }) => [index, receives])).toEqual([
      [0, 2],
      [2, 1],
      [3, 1],
      [4, 1],
    ]);
  });
});

describe("a commit that fails", () => {
  test("is told to everybody in it; the state is that of the rows again", async () => {
    const { queue } = await openQueue(20);
    const receipts = await receive(queue);
    await acknowledge(queue, receipts.slice(0, 2));
    await runInDurableObject(queue, (_, { storage }) => {
      storage.sql.exec(
        "CREATE TRIGGER full BEFORE INSERT ON delivery BEGIN SELECT RAISE(ABORT, 'full'); END",
      );
    });
    const replies = await Promise.all(
      [2, 3].map((i) => {
        const [receipt] = receipts.slice(i);
        return queue.settle(receipt === undefined ? [] : [{ kind: "acknowledge", receipt }]);
      }),
    );
    for (const reply of replies) {
      expect(() => unwrap(reply)).toThrow(/commitFailed/);
    }
    await runInDurableObject(queue, (_, { storage }) => {
      storage.sql.exec("DROP TRIGGER full");
    });
    expect(await statsOf(queue)).toMatchObject({ next: 10, inFlight: 8 });
    expect(await acknowledge(queue, receipts)).toEqual(receipts.map(() => "done"));
  });
});

describe("rows that are not as they were stored", () => {
  test.each([
    ["a byte was changed", "UPDATE delivery SET body = zeroblob(100) WHERE id = 1"],
    ["a change is missing", "DELETE FROM delivery WHERE id = 1"],
    ["the settings are no JSON", "UPDATE queue SET settings = '{'"],
  ])("%s: corrupt, and nothing is handed out", async (_, statement) => {
    const { queue } = await openQueue(30);
    for (let i = 0; i < 3; i++) await acknowledge(queue, await receive(queue));
    await runInDurableObject(queue, (_, { storage }) => {
      storage.sql.exec(statement);
    });
    await evict(queue);
    const error = await receive(queue).catch((caught: unknown) => caught);
    expect(isCode(error, "corrupt")).toBe(true);
  });
});
