// The functions in expressions that take values and return one. Source: Iguazio data-layer
// reference, expression functions. The element-wise functions, isnan and the third parameter of
// init_array are as storey's drivers.py sends them.
import { NumberArray } from "./arrays.ts";
import { isWithin } from "./textSearch.ts";
import type { FunctionName } from "../core/itemTypes.ts";
import {
  arrayOf,
  compare,
  compute,
  failed,
  findArray,
  indexOf,
  isNumber,
  numberOf,
  type Value,
} from "./values.ts";

interface FunctionRow {
  /** Number of operands. */
  least: number;
  most: number;
  run(...operands: Value[]): Value;
}

export const functions: Readonly<Record<FunctionName, FunctionRow>> = {
  contains: { least: 2, most: 2, run: textTest(isWithin) },
  ends: { least: 2, most: 2, run: textTest((text, part) => text.endsWith(part)) },
  starts: { least: 2, most: 2, run: textTest((text, part) => text.startsWith(part)) },
  in: {
    least: 1,
    most: Infinity,
    run: (value = false, ...among) => among.some((each) => compare("==", value, each)),
  },
  init_array: { least: 2, most: 3, run: initArray },
  isnan: { least: 1, most: 1, run: (value = 0n) => Number.isNaN(Number(numberOf(value))) },
  length: { least: 1, most: 1, run: (value = "") => BigInt(lengthOf(value)) },
  max: { least: 1, most: 2, run: extreme(">") },
  min: { least: 1, most: 2, run: extreme("<") },
  pmax: { least: 2, most: 2, run: combined((a, b) => (a > b ? a : b)) },
  pmin: { least: 2, most: 2, run: combined((a, b) => (a < b ? a : b)) },
  psum: { least: 2, most: 2, run: combined((a, b) => numberOf(compute("+", a, b))) },
};

export function isFunctionName(name: string): name is FunctionName {
  return Object.hasOwn(functions, name);
}

function textTest(test: (text: string, part: string) => boolean) {
  return (text?: Value, part?: Value): boolean =>
    typeof text === "string" && typeof part === "string" && test(text, part);
}

function initArray(size: Value = 0n, type: Value = "", value: Value = 0n): NumberArray {
  if (type !== "int" && type !== "double") throw failed("an array of an unknown type");
  return NumberArray.filled(indexOf(size), type === "int", numberOf(value));
}

/** Number of characters or elements. */
function lengthOf(value: Value): number {
  if (typeof value !== "string") return arrayOf(value).length;
  let characters = 0;
  for (const _ of value) characters++;
  return characters;
}

/**
 * The extreme of the elements of an array, or of two comparable values; true counts as 1 and false
 * as 0.
 */
function extreme(operator: "<" | ">") {
  return (first: Value = 0n, second?: Value): Value => {
    if (second === undefined) {
      const { elements } = arrayOf(first);
      const all: (bigint | number)[] = [...elements];
      const [found] = all;
      if (found === undefined) throw failed("the extreme of an empty array");
      return all.reduce((best, each) => (compare(operator, each, best) ? each : best), found);
    }
    const isText = typeof first === "string" && typeof second === "string";
    const [a, b] = isText ? [first, second] : [numberOf(first), numberOf(second)];
    const chosen = compare(operator, b, a) ? second : first;
    // The result has the wider of the two types: max(1.0, 9) is a double.
    const isMixed = isNumber(first) && isNumber(second) && typeof first !== typeof second;
    return isMixed ? Number(chosen) : chosen;
  };
}

function combined(choose: (a: bigint | number, b: bigint | number) => bigint | number) {
  return (first: Value = 0n, second: Value = 0n): NumberArray => {
    const other = findArray(second);
    if (other === undefined) throw failed("elements of what is no array");
    return arrayOf(first).combine(other, choose);
  };
}
