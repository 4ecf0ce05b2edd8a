// The front's copies of segments: one that is forgotten while a page of it is being sent stays where it
// is until that page has left.

import { beforeEach, expect, test } from "vitest";
import { PageStore } from "../../local/pageStore.ts";
import { compileEngine } from "../engine/compile.ts";
import { Engine } from "../../worker/engine/engine.ts";

const unit = 65_536;
const module = compileEngine("engine.wasm");

/** Has room for three units. */
let engine: Engine;
let store: PageStore;

beforeEach(() => {
  engine = new Engine(module, {}, 4 * unit);
  store = new PageStore(() => engine);
});

test("copies are in the engine's memory while there is room, and elsewhere then", () => {
  for (const number of [1, 2, 3, 4, 5]) give(number);
  expect([1, 2, 3, 4, 5].map((number) => isHot(number))).toEqual([true, true, true, false, false]);
  expect([1, 2, 3, 4, 5].map(lettersOf)).toEqual([[1], [2], [3], [4], [5]]);
  expect(store.bytes).toBe(5 * unit);
  give(6, [2, 4]);
  expect(isHot(6)).toBe(true);
  expect([1, 3, 5, 6].map(lettersOf)).toEqual([[1], [3], [5], [6]]);
  expect(() => store.use("life", 2)).toThrow("no copy 2");
});

test("a copy that is in use is not written over, also if it was forgotten", () => {
  for (const number of [1, 2, 3]) give(number);
  const [first, second] = [store.use("life", 1), store.use("life", 1)];
  give(4, [1]);
  expect(isHot(4)).toBe(false);
  expect(new Set(first.chunk)).toEqual(new Set([1]));
  store.release(first);
  give(5);
  expect(isHot(5)).toBe(false);
  expect(new Set(second.chunk)).toEqual(new Set([1]));
  store.release(second);
  give(6);
  expect(isHot(6)).toBe(true);
  expect([2, 3, 4, 5, 6].map(lettersOf)).toEqual([[2], [3], [4], [5], [6]]);
});

test("all copies of a workerd that was killed give their room free, but for those in use", () => {
  for (const number of [1, 2, 3]) give(number);
  const used = store.use("life", 2);
  for (const number of [1, 2, 3]) give(number, [], "another");
  expect([1, 2, 3].map((number) => isHot(number, "another"))).toEqual([true, true, false]);
  expect(new Set(used.chunk)).toEqual(new Set([2]));
  store.release(used);
  give(4, [], "another");
  expect(isHot(4, "another")).toBe(true);
});

function give(number: number, forgotten: readonly number[] = [], life = "life"): void {
  const body = Buffer.alloc(unit, number);
  const answer = store.serve({ path: `${life}/${number}/${forgotten.join(",")}`, body });
  expect(answer.status).toBe(204);
}

function lettersOf(number: number): number[] {
  const stored = store.use("life", number);
  store.release(stored);
  return [...new Set(stored.chunk)];
}

function isHot(number: number, life = "life"): boolean {
  const stored = store.use(life, number);
  store.release(stored);
  return stored.chunk.buffer === engine.raw.memory.buffer;
}
