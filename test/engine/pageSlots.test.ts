// Slots for the texts of pages: each has one holder at a time, and is taken again only when its reply
// has ended, or when its holder has been collected.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { type PageSlot, PageSlots } from "../../worker/engine/pageSlots.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

test("slots lie one after the other, and no two takers have the same", () => {
  const slots = new PageSlots(1000, 3, 100, 110, "longest free");
  const taken = [slots.take(), slots.take(), slots.take()];
  const places = taken.map((slot) => [slot?.start, slot?.end]);
  expect(places).toEqual([
    [1000, 1100],
    [1110, 1210],
    [1220, 1320],
  ]);
  expect(slots.take()).toBeUndefined();
});

test("a slot that was released is taken again, after those that are free for longer", () => {
  const slots = new PageSlots(0, 2, 100, 100, "longest free");
  const first = slots.take();
  first?.release();
  const second = slots.take();
  expect(second).not.toBe(first);
  expect(slots.take()).toBe(first);
  expect(slots.take()).toBeUndefined();
});

test("the latest one is taken where that was asked for", () => {
  const slots = new PageSlots(0, 3, 100, 100, "latest");
  const [first, second] = [slots.take(), slots.take()];
  first?.release();
  expect(slots.take()).toBe(first);
  second?.release();
  first?.release();
  expect(slots.take()).toBe(first);
  expect(slots.take()).toBe(second);
});

test("a slot that is released twice is one slot", () => {
  const slots = new PageSlots(0, 1, 100, 100, "longest free");
  const slot = slots.take();
  slot?.release();
  slot?.release();
  expect(slots.take()).toBe(slot);
  expect(slots.take()).toBeUndefined();
});

test("a slot whose holder was collected is taken again; one whose holder lives is not", async () => {
  const slots = new PageSlots(0, 2, 100, 100, "longest free");
  const holder = {};
  const held = slots.take()!;
  held.holdBy(holder);
  const lost = slots.take()!;
  holdByNobody(lost);
  // A holder lives at least until the turn in which it was looked at has ended.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  expect(slots.take()).toBe(lost);
  expect(slots.take()).toBeUndefined();
  expect(holder).toBeDefined();
});

test("a slot that nobody has named a holder of is not taken for lost", async () => {
  const slots = new PageSlots(0, 1, 100, 100, "longest free");
  slots.take();
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  expect(slots.take()).toBeUndefined();
});

function holdByNobody(slot: PageSlot): void {
  slot.holdBy({});
}
