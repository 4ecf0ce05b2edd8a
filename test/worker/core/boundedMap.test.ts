// The map that everything an isolate learns by name is kept in.
import { expect, test } from "vitest";
import { BoundedMap } from "../../../worker/core/boundedMap.ts";

const names = ["a", "b", "c", "d"];

function filled(countMax: number): BoundedMap<number> {
  const map = new BoundedMap<number>(countMax);
  names.forEach((name, i) => map.set(name, i));
  return map;
}

test("it holds no more than it has room for: the one that was set longest ago goes", () => {
  const map = filled(3);
  expect(map.size).toBe(3);
  expect(names.map((name) => map.get(name))).toEqual([undefined, 1, 2, 3]);
});

test("setting one again makes it the newest, and takes no room", () => {
  const map = filled(4);
  map.set("a", 9);
  expect(map.size).toBe(4);
  map.set("e", 4);
  expect(names.map((name) => map.get(name))).toEqual([9, undefined, 2, 3]);
});

test("looking makes none newer, and one that is deleted leaves room", () => {
  const map = filled(4);
  expect(map.has("a") && map.get("a")).toBe(0);
  map.delete("b");
  map.set("e", 4);
  expect(names.map((name) => map.has(name))).toEqual([true, false, true, true]);
  map.set("f", 5);
  expect(names.map((name) => map.has(name))).toEqual([false, false, true, true]);
});

test("a name may be any text, and a value undefined", () => {
  const map = new BoundedMap<undefined>(1);
  map.set("__proto__", undefined);
  map.set("", undefined);
  expect([map.size, map.has("__proto__"), map.has("")]).toEqual([1, false, true]);
});
