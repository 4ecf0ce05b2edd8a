// Who waits at a shard, and who takes whose place: the waiting room by itself, with a clock that is
// the test's.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { waitersMax } from "../../../worker/limits.ts";
import { WaitList } from "../../../worker/shard/waitList.ts";

let room: WaitList;

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  room = new WaitList();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a wait", () => {
  test("ends when its record is published, not before", async () => {
    const place = room.take("a", 0);
    const done = watch(room.wait(place, 7, 1000));
    room.published(7);
    expect(await done()).toBe(false);
    room.published(8);
    expect(await done()).toBe(true);
    expect(room.waiting).toBe(0);
  });

  test("ends when its time is up, and leaves no timer behind", async () => {
    const place = room.take("a", 0);
    const done = watch(room.wait(place, 7, 1000));
    await vi.advanceTimersByTimeAsync(999);
    expect(await done()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await done()).toBe(true);
    expect([room.waiting, vi.getTimerCount()]).toEqual([0, 0]);
    void room.wait(place, 7, 1000);
    room.published(8);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("ends for all when there will be no more records", async () => {
    const waits = ["a", "b", "c"].map((name) => watch(room.wait(room.take(name, 0), 7, 1000)));
    room.ended();
    for (const done of waits) expect(await done()).toBe(true);
  });

  test("sets no timer for a commit", () => {
    void room.wait(room.take("a", 0), 1000, 5000);
    const setTimer = vi.spyOn(globalThis, "setTimeout");
    for (let next = 0; next < 500; next++) room.published(next);
    expect(setTimer).not.toHaveBeenCalled();
  });
});

describe("a consumer's place", () => {
  test("is taken over after five seconds, and its wait ends with it", async () => {
    const old = room.take("a", 0);
    const done = watch(room.wait(old, 7, 60_000));
    expect(() => room.take("a", 4999)).toThrow(/subscriptionTaken/);
    expect([old.held, await done()]).toEqual([true, false]);
    const place = room.take("a", 5000);
    expect([old.held, place.held, await done()]).toEqual([false, true, true]);
    expect(await watch(room.wait(old, 7, 60_000))()).toBe(true);
  });

  test("is not kept for as long as the clock was set back", () => {
    const old = room.take("a", 3_600_000);
    expect(room.take("a", 0).held).toBe(true);
    expect(old.held).toBe(false);
  });

  test("is its own: another consumer's is not touched", () => {
    const place = room.take("a", 0);
    room.take("b", 1);
    expect(place.held).toBe(true);
  });

  test("is left: its wait ends, and nobody else's", async () => {
    const [a, b] = [room.take("a", 0), room.take("b", 0)];
    const [first, second] = [watch(room.wait(a, 7, 1000)), watch(room.wait(b, 7, 1000))];
    room.leave(a);
    expect([await first(), await second(), a.held, b.held]).toEqual([true, false, false, true]);
  });

  test("that was left stays young for five seconds", () => {
    room.leave(room.take("a", 0));
    expect(() => room.take("a", 4999)).toThrow(/subscriptionTaken/);
    expect(room.take("a", 5000).held).toBe(true);
  });

  test("is one of so many; those that were left make room", () => {
    const places = Array.from({ length: waitersMax }, (_, i) => room.take(`${i}`, 0));
    expect(() => room.take("one more", 0)).toThrow(/tooManyWaiting/);
    room.leave(places[0]!);
    expect(() => room.take("one more", 4999)).toThrow(/tooManyWaiting/);
    expect(room.take("one more", 5000).held).toBe(true);
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
