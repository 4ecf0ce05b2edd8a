// Who waits at a shard, and who takes whose slot: the waiting list by itself, with a clock that is
// the test's.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { waitersMax } from "../../../worker/limits.ts";
import { WaitList } from "../../../worker/shard/waitList.ts";

let list: WaitList;

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  list = new WaitList();
});

afterEach(() => {
  // A spy upon a timer of the test would put it back over the real one later.
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("a wait", () => {
  test("ends when its record is published, not before", async () => {
    const slot = list.take("a", 0);
    const done = watch(list.wait(slot, 7, 1000));
    list.published(7);
    expect(await done()).toBe(false);
    list.published(8);
    expect(await done()).toBe(true);
    expect(list.waiting).toBe(0);
  });

  test("ends when its time is up, and leaves no timer behind", async () => {
    const slot = list.take("a", 0);
    const done = watch(list.wait(slot, 7, 1000));
    await vi.advanceTimersByTimeAsync(999);
    expect(await done()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await done()).toBe(true);
    expect([list.waiting, vi.getTimerCount()]).toEqual([0, 0]);
    void list.wait(slot, 7, 1000);
    list.published(8);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("ends for all when there will be no more records", async () => {
    const waits = ["a", "b", "c"].map((name) => watch(list.wait(list.take(name, 0), 7, 1000)));
    list.ended();
    for (const done of waits) expect(await done()).toBe(true);
  });

  test("sets no timer for a commit", () => {
    void list.wait(list.take("a", 0), 1000, 5000);
    const setTimer = vi.spyOn(globalThis, "setTimeout");
    for (let next = 0; next < 500; next++) list.published(next);
    expect(setTimer).not.toHaveBeenCalled();
  });
});

describe("a consumer's slot", () => {
  test("is taken over after five seconds, and its wait ends with it", async () => {
    const old = list.take("a", 0);
    const done = watch(list.wait(old, 7, 60_000));
    expect(() => list.take("a", 4999)).toThrow(/subscriptionTaken/);
    expect([old.held, await done()]).toEqual([true, false]);
    const slot = list.take("a", 5000);
    expect([old.held, slot.held, await done()]).toEqual([false, true, true]);
    expect(await watch(list.wait(old, 7, 60_000))()).toBe(true);
  });

  test("is not kept for as long as the clock was set back", () => {
    const old = list.take("a", 3_600_000);
    expect(list.take("a", 0).held).toBe(true);
    expect(old.held).toBe(false);
  });

  test("is its own: another consumer's is not touched", () => {
    const slot = list.take("a", 0);
    list.take("b", 1);
    expect(slot.held).toBe(true);
  });

  test("is left: its wait ends, and nobody else's", async () => {
    const [a, b] = [list.take("a", 0), list.take("b", 0)];
    const [first, second] = [watch(list.wait(a, 7, 1000)), watch(list.wait(b, 7, 1000))];
    list.leave(a);
    expect([await first(), await second(), a.held, b.held]).toEqual([true, false, false, true]);
  });

  test("that was left stays young for five seconds", () => {
    list.leave(list.take("a", 0));
    expect(() => list.take("a", 4999)).toThrow(/subscriptionTaken/);
    expect(list.take("a", 5000).held).toBe(true);
  });

  test("is one of so many; those that were left make list", () => {
    const places = Array.from({ length: waitersMax }, (_, i) => list.take(`${i}`, 0));
    expect(() => list.take("one more", 0)).toThrow(/tooManyWaiting/);
    list.leave(places[0]!);
    expect(() => list.take("one more", 4999)).toThrow(/tooManyWaiting/);
    expect(list.take("one more", 5000).held).toBe(true);
  });
});

/** Asks whether the promise has resolved by now. */
function watch(promise: Promise<void>): () => Promise<boolean> {
  let isDone = false;
  void promise.then(() => (isDone = true));
  return async () => {
    await vi.advanceTimersByTimeAsync(0);
    return isDone;
  };
}
