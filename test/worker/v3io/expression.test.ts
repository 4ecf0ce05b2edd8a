// Expressions of conditions and updates: what they mean on an item, those that consumer groups send
// (v3io-go streamconsumergroup.go) among them, and what is refused. Rules from the Iguazio data-layer
// reference, Expressions.

import { describe, expect, test } from "vitest";
import { StreamError } from "../../../worker/errors.ts";
import { applyUpdates, isTrue } from "../../../worker/items/evaluate.ts";
import type { Attributes, AttributeValue } from "../../../worker/items/types.ts";
import { V3ioError } from "../../../worker/v3io/errors.ts";
import { parseCondition, parseUpdates } from "../../../worker/v3io/expression.ts";

const item = new Map<string, AttributeValue>([
  ["age", { N: "42" }],
  ["ratio", { N: "2.5" }],
  ["big", { N: "18446744073709551615" }],
  ["name", { S: "bob" }],
  ["quote", { S: "it's" }],
  ["on", { BOOL: true }],
  ["off", { BOOL: false }],
  ["blob", { B: "AAEC" }],
  ["time", { TS: "1:2" }],
  ["or", { N: "1" }],
]);
const system = new Map<string, AttributeValue>([
  ["__obj_type", { N: "3" }],
  ["__mtime_secs", { N: "1795298627" }],
  ["__mtime_nsecs", { N: "351000000" }],
]);
const find = (name: string) => item.get(name) ?? system.get(name);

describe("conditions", () => {
  test.each([
    "age == 42",
    "age==42",
    "42 == age",
    "age == 42.0",
    "age != 41",
    "age > 41 and age < 43 and age >= 42 and age <= 42",
    "ratio * 2 == 5",
    "age / 5 == 8 and age % 5 == 2",
    "-age + 43 == 1",
    "age - 2 * 10 == 22",
    "(age - 2) * 10 == 400",
    "big == 18446744073709551615",
    "name == 'bob'",
    'name == "bob"',
    "quote == 'it\\'s'",
    "name < 'c' AND name > 'a'",
    "name + 'by' == 'bobby'",
    "on",
    "on == true",
    "not off",
    "not not on",
    "NOT (age == 41)",
    "exists(age) and not(exists(nothing))",
    "Exists(blob)",
    "age == 1 or name == 'bob'",
    "age == 1 OR age == 2 AND age == 3 or on",
    "`or` == 1",
    "1 == 1",
    "age",
    "if_not_exists(nothing, 7) == 7",
    "if_not_exists(age, 7) == 42",
    "__obj_type == 3",
    "(__mtime_nsecs == 351000000) AND (__mtime_secs == 1795298627)",
    "__mtime_secs==1795298627 and __mtime_nsecs==351000000",
    "not(exists(state))",
  ])("%s holds", (text) => {
    const condition = parseCondition(text);
    expect(condition && isTrue(condition, find)).toBe(true);
  });

  test.each([
    "age == 41",
    "age == '42'",
    "name == 42",
    "on == 1",
    "blob == blob",
    "time == time",
    "off",
    "not on",
    "nothing == 1",
    "nothing != 1",
    "not (nothing == 1)",
    "nothing == 1 or on",
    "0",
    "'text'",
    "exists(nothing)",
    "not(exists(age))",
    "(__mtime_nsecs == 351000001) AND (__mtime_secs == 1795298627)",
  ])("%s does not hold", (text) => {
    const condition = parseCondition(text);
    expect(condition && isTrue(condition, find)).toBe(false);
  });

  test.each(["", "  ", "\n\t"])("%j is no condition", (text) => {
    expect(parseCondition(text)).toBeUndefined();
  });

  test.each([
    "age ==",
    "== 42",
    "age = 42",
    "age == 42 43",
    "age == 42)",
    "(age == 42",
    "age && on",
    "and",
    "exists()",
    "exists(1)",
    "exists(age, name)",
    "length(name) == 3",
    "name == 'bob",
    "name == bob'",
    "age < 1 < 2",
    "@age == 1",
    "age == 42;",
    `${"(".repeat(60)}1${")".repeat(60)}`,
    `${"- ".repeat(60)}1`,
    `1${" + 1".repeat(1000)}`,
  ])("%s is refused", (text) => {
    expect(() => parseCondition(text)).toThrow(V3ioError);
  });
});

describe("updates", () => {
  test.each<[string, [string, AttributeValue | undefined][]]>([
    ["age = 43", [["age", { N: "43" }]]],
    ["SET age = age + 1", [["age", { N: "43" }]]],
    [
      "a=1; b='x';c=true;",
      [
        ["a", { N: "1" }],
        ["b", { S: "x" }],
        ["c", { BOOL: true }],
      ],
    ],
    ["a = 1; a = a + 1; a = a * 10", [["a", { N: "20" }]]],
    ["remove age", [["age", undefined]]],
    [
      "REMOVE age; delete(name)",
      [
        ["age", undefined],
        ["name", undefined],
      ],
    ],
    [
      "copy = blob; when = time",
      [
        ["copy", { B: "AAEC" }],
        ["when", { TS: "1:2" }],
      ],
    ],
    ["n = if_not_exists(n, 0) + 1", [["n", { N: "1" }]]],
    ["age = if_not_exists(age, 0) + 1", [["age", { N: "43" }]]],
    ["same = age == 42", [["same", { BOOL: true }]]],
    ["half = age / 4.0", [["half", { N: "10.5" }]]],
    ["type = __obj_type", [["type", { N: "3" }]]],
    ["", []],
    [" ; ; ", []],
  ])("%s", (text, expected) => {
    const user: Attributes = new Map(item);
    applyUpdates(parseUpdates(text), user, (name) => system.get(name));
    const after = new Map(item);
    for (const [name, value] of expected) {
      if (value === undefined) after.delete(name);
      else after.set(name, value);
    }
    expect(user).toEqual(after);
  });

  test.each(["a = nothing", "a = age / 0", "a = name * 2", "a = big + 1", "a = blob + 1"])(
    "%s fails as it is carried out",
    (text) => {
      const updates = parseUpdates(text);
      expect(() => applyUpdates(updates, new Map(item), () => undefined)).toThrow(StreamError);
    },
  );

  test.each([
    "age",
    "age == 42",
    "a = ",
    "= 1",
    "a = 1 b = 2",
    "remove",
    "delete()",
    "a.b = 1",
    "1 = a",
  ])("%s is refused", (text) => {
    expect(() => parseUpdates(text)).toThrow(V3ioError);
  });
});
