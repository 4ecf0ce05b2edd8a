// The values of expressions, and the arithmetic and comparisons on them. Whole numbers have 64
// bits, other numbers are doubles. Times can be compared but not used in arithmetic. A blob may be
// an array of numbers. Values of different types never compare as true. Source: Iguazio data-layer
// reference, Expressions.
import { Buffer } from "node:buffer";
import { StreamError } from "../errors.ts";
import { rowBodyBytesMax } from "../limits.ts";
import { NumberArray } from "./arrays.ts";
import type { Arithmetic, AttributeValue, Comparison, Literal } from "../core/itemTypes.ts";

/** Blobs and times stay in their written form until they are used. */
export type Value = Literal | NumberArray | { opaque: AttributeValue };

/** Whole numbers are of 64 bits, signed or not. */
const integerMin = -(1n << 63n);
const integerMax = (1n << 64n) - 1n;

const NANOSECONDS = 1_000_000_000n;

/** Unpacked arrays by the attribute that holds them: one expression may use many elements. */
const arrays = new WeakMap<AttributeValue, NumberArray>();

export function valueOf(attribute: AttributeValue): Value {
  if ("N" in attribute) return parseNumber(attribute.N);
  if ("S" in attribute) return attribute.S;
  if ("BOOL" in attribute) return attribute.BOOL;
  return { opaque: attribute };
}

/** Throws `expressionFailed` if the text is not a number. */
export function attributeOf(value: Value): AttributeValue {
  if (isNumber(value)) {
    if (typeof value === "number" && !Number.isFinite(value)) throw failed("a number out of range");
    return { N: String(value) };
  }
  if (typeof value === "string") return { S: value };
  if (typeof value === "boolean") return { BOOL: value };
  return value instanceof NumberArray ? { B: value.encode() } : value.opaque;
}

/** A whole number of 64 bits, or the nearest double. */
export function parseNumber(text: string): bigint | number {
  if (!/^[+-]?\d{1,20}$/.test(text)) return Number(text);
  const whole = BigInt(text.startsWith("+") ? text.slice(1) : text);
  return whole < integerMin || whole > integerMax ? Number(whole) : whole;
}

export function isNumber(value: Value): value is bigint | number {
  return typeof value === "bigint" || typeof value === "number";
}

/** True counts as 1 and false as 0, except in comparisons. Throws `expressionFailed`. */
export function numberOf(value: Value): bigint | number {
  if (isNumber(value)) return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  throw failed("arithmetic on what is no number");
}

/** Throws `expressionFailed`. */
export function indexOf(value: Value): number {
  const index = Number(numberOf(value));
  if (!Number.isSafeInteger(index)) throw failed("an index that is no whole number");
  return index;
}

/** Throws `expressionFailed`. */
export function arrayOf(value: Value): NumberArray {
  const array = findArray(value);
  if (array === undefined) throw failed("elements of what is no array");
  return array;
}

export function findArray(value: Value): NumberArray | undefined {
  if (value instanceof NumberArray) return value;
  if (typeof value !== "object" || !("B" in value.opaque)) return undefined;
  const known = arrays.get(value.opaque);
  if (known !== undefined) return known;
  const array = NumberArray.decode(value.opaque.B);
  if (array !== undefined) arrays.set(value.opaque, array);
  return array;
}

export function truthOf(value: Value): boolean {
  if (typeof value === "boolean") return value;
  return isNumber(value) && Number(value) !== 0;
}

export function compare(operator: Comparison, left: Value, right: Value): boolean {
  const a = comparable(left);
  const b = comparable(right);
  const isAlike = (isNumber(left) && isNumber(right)) || kindOf(left) === kindOf(right);
  if (a === undefined || b === undefined || !isAlike) return false;
  switch (operator) {
    case "==":
      // oxlint-disable-next-line eslint/eqeqeq -- 1n and 1 are the same number
      return a == b;
    case "!=":
      // oxlint-disable-next-line eslint/eqeqeq -- 1n and 1 are the same number
      return a != b;
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
  }
}

/** Adding texts or blobs joins them. Throws `expressionFailed`. */
export function compute(operator: Arithmetic, left: Value, right: Value): Value {
  if (operator === "+" && typeof left === "string" && typeof right === "string") {
    if (left.length + right.length > rowBodyBytesMax) throw failed("a text too long to store");
    return left + right;
  }
  const [before, after] = [bytesOf(left), bytesOf(right)];
  if (operator === "+" && before !== undefined && after !== undefined) {
    if (before.length + after.length > rowBodyBytesMax) throw failed("a blob too long to store");
    return { opaque: { B: Buffer.concat([before, after]).toString("base64") } };
  }
  const [a, b] = [numberOf(left), numberOf(right)];
  return typeof a === "bigint" && typeof b === "bigint"
    ? computeWhole(operator, a, b)
    : computeFloat(operator, Number(a), Number(b));
}

/** About the size of a value. */
export function bytesIn(value: Value): number {
  if (typeof value === "string") return value.length;
  if (value instanceof NumberArray) return value.elements.byteLength;
  if (typeof value !== "object") return 8;
  const [content] = Object.values(value.opaque) as (string | boolean)[];
  return typeof content === "string" ? content.length : 8;
}

export function failed(what: string): StreamError {
  return new StreamError("expressionFailed", { what });
}

function kindOf(value: Value): string {
  return typeof value === "object" && isTime(value) ? "time" : typeof value;
}

function isTime(value: Value): value is { opaque: { TS: string } } {
  return typeof value === "object" && !(value instanceof NumberArray) && "TS" in value.opaque;
}

/** A time in nanoseconds. */
function comparable(value: Value): Literal | undefined {
  if (typeof value !== "object") return value;
  if (!isTime(value)) return undefined;
  const [seconds = "0", nanoseconds = "0"] = value.opaque.TS.split(":");
  return BigInt(seconds) * NANOSECONDS + BigInt(nanoseconds);
}

function bytesOf(value: Value): Uint8Array | undefined {
  if (typeof value !== "object") return undefined;
  const attribute = attributeOf(value);
  return "B" in attribute ? Buffer.from(attribute.B, "base64") : undefined;
}

function computeWhole(operator: Arithmetic, a: bigint, b: bigint): bigint {
  if ((operator === "/" || operator === "%") && b === 0n) throw failed("a division by zero");
  const result = {
    "+": () => a + b,
    "-": () => a - b,
    "*": () => a * b,
    "/": () => a / b,
    "%": () => a % b,
  }[operator]();
  if (result < integerMin || result > integerMax) throw failed("a number out of range");
  return result;
}

/**
 * A result that is not a number is refused if the operands are numbers: arrays may contain
 * infinities.
 */
function computeFloat(operator: Arithmetic, a: number, b: number): number {
  const result = {
    "+": () => a + b,
    "-": () => a - b,
    "*": () => a * b,
    "/": () => a / b,
    "%": () => a % b,
  }[operator]();
  const isNew = Number.isFinite(a) && Number.isFinite(b) && !Number.isFinite(result);
  if (isNew) throw failed("a number out of range");
  return result;
}
