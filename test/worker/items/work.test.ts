// What an expression may cost: as much as the values that it names are long, up to a bound.

import { expect, test } from "vitest";
import { Random } from "../../engine/random.ts";
import { applyUpdates, isTrue } from "../../../worker/items/evaluate.ts";
import { expressionBytesMax } from "../../../worker/limits.ts";
import type { Attributes, AttributeValue, Expression } from "../../../worker/core/itemTypes.ts";

const attribute = (name: string): Expression => ({ kind: "attribute", name });
const either = (left: Expression, right: Expression): Expression => ({
  kind: "either",
  left,
  right,
});
const contains = (name: string, part: string): Expression => ({
  kind: "call",
  name: "contains",
  operands: [attribute(name), { kind: "literal", value: part }],
});
/** A condition that names `s` this often. */
const times = (count: number) =>
  Array.from({ length: count }, () => contains("s", "b")).reduce(either);
const has = (text: string, part: string) =>
  isTrue(contains("s", part), () => ({ S: text }) satisfies AttributeValue);

test("contains finds what there is, in long texts of few letters too", () => {
  const random = new Random(7);
  const letters = (count: number) =>
    Array.from({ length: count }, () => "ab"[random.below(2)]).join("");
  for (let round = 0; round < 200; round++) {
    const text = letters(6000);
    const at = random.below(3000);
    const part =
      random.below(2) === 0 ? text.slice(at, at + 2500) : letters(8) + text.slice(at, at + 2500);
    expect(has(text, part)).toBe(text.includes(part));
  }
  for (const [text, part] of [
    ["", ""],
    ["a", ""],
    ["", "a"],
    ["ab", "ab"],
    ["aab", "ab"],
  ] as const) {
    expect(has(text, part)).toBe(text.includes(part));
  }
});

// The search of the platform compares nearly all characters of one with nearly all of the other: minutes.
test("contains takes no longer for texts that nearly fit everywhere", () => {
  const half = "a".repeat(400_000);
  expect(has("a".repeat(1_500_000), `${half}b${half}`)).toBe(false);
  expect(has(`${half}${half}b${half}`, `${half}b${half}`)).toBe(true);
});

test("a condition that names a long value too often fails", () => {
  const long: AttributeValue = { S: "a".repeat(1_800_000) };
  expect(isTrue(times(8), () => long)).toBe(false);
  expect(() => isTrue(times(10), () => long)).toThrow(
    expect.objectContaining({ code: "expressionFailed" }),
  );
});

test("an update that makes more than may be fails before it has", () => {
  const array: Expression = {
    kind: "call",
    name: "init_array",
    operands: [
      { kind: "literal", value: 100_000n },
      { kind: "literal", value: "double" },
    ],
  };
  const updates = Array.from(
    { length: 900 },
    (_, i) => ({ kind: "set", name: `a${i}`, value: array }) as const,
  );
  const user: Attributes = new Map();
  expect(() => applyUpdates(updates, user, () => undefined)).toThrow(
    expect.objectContaining({ code: "expressionFailed" }),
  );
  expect(expressionBytesMax).toBeLessThan(900 * 8 * 100_000);
});
