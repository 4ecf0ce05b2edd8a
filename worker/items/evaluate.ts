// What conditions and updates mean, without storage or clock. An expression that names an attribute
// which is not there has no value: as a condition it is false, whatever stands around the name, and as
// an update it fails. Values of different types never compare as true. Source: Iguazio data-layer
// reference, Expressions.
import { StreamError } from "../errors.ts";
import type {
  Arithmetic,
  Attributes,
  AttributeValue,
  Comparison,
  Expression,
  Literal,
  Update,
} from "./types.ts";

/** Blobs and times can be copied and looked for, and nothing else. */
type Value = Literal | { opaque: AttributeValue };

export type Lookup = (name: string) => AttributeValue | undefined;

class Missing extends Error {}

/** Whole numbers are of 64 bits, signed or not. */
const integerMin = -(1n << 63n);
const integerMax = (1n << 64n) - 1n;

export function isTrue(condition: Expression, find: Lookup): boolean {
  try {
    return truthOf(evaluate(condition, find));
  } catch (error) {
    if (error instanceof Missing) return false;
    throw error;
  }
}

/** Names of the attributes that an expression asks for. */
export function attributesIn(expression: Expression): string[] {
  switch (expression.kind) {
    case "literal":
      return [];
    case "attribute":
    case "exists":
      return [expression.name];
    case "ifNotExists":
      return [expression.name, ...attributesIn(expression.otherwise)];
    case "not":
      return attributesIn(expression.of);
    default:
      return [...attributesIn(expression.left), ...attributesIn(expression.right)];
  }
}

/** Carries out the updates in order, each seeing what the ones before it did. */
export function applyUpdates(updates: readonly Update[], user: Attributes, system: Lookup): void {
  const find: Lookup = (name) => user.get(name) ?? system(name);
  for (const update of updates) {
    if (update.kind === "remove") {
      user.delete(update.name);
      continue;
    }
    try {
      user.set(update.name, attributeOf(evaluate(update.value, find)));
    } catch (error) {
      if (error instanceof Missing) throw failed(error.message);
      throw error;
    }
  }
}

function evaluate(expression: Expression, find: Lookup): Value {
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "attribute": {
      const attribute = find(expression.name);
      if (attribute === undefined) throw new Missing(expression.name);
      return valueOf(attribute);
    }
    case "exists":
      return find(expression.name) !== undefined;
    case "ifNotExists": {
      const attribute = find(expression.name);
      return attribute === undefined ? evaluate(expression.otherwise, find) : valueOf(attribute);
    }
    case "not":
      return !truthOf(evaluate(expression.of, find));
    case "both":
      return truthOf(evaluate(expression.left, find)) && truthOf(evaluate(expression.right, find));
    case "either":
      return truthOf(evaluate(expression.left, find)) || truthOf(evaluate(expression.right, find));
    case "compare":
      return compare(
        expression.operator,
        evaluate(expression.left, find),
        evaluate(expression.right, find),
      );
    case "compute":
      return compute(
        expression.operator,
        evaluate(expression.left, find),
        evaluate(expression.right, find),
      );
  }
}

function compare(operator: Comparison, left: Value, right: Value): boolean {
  const numbers = isNumber(left) && isNumber(right);
  const alike = numbers || typeof left === typeof right;
  if (!alike || typeof left === "object" || typeof right === "object") return false;
  switch (operator) {
    case "==":
      // oxlint-disable-next-line eslint/eqeqeq -- 1n and 1 are the same number
      return left == right;
    case "!=":
      // oxlint-disable-next-line eslint/eqeqeq -- 1n and 1 are the same number
      return left != right;
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
  }
}

function compute(operator: Arithmetic, left: Value, right: Value): Value {
  if (operator === "+" && typeof left === "string" && typeof right === "string") {
    return left + right;
  }
  const [a, b] = [numberOf(left), numberOf(right)];
  const result =
    typeof a === "bigint" && typeof b === "bigint"
      ? computeWhole(operator, a, b)
      : computeFloat(operator, Number(a), Number(b));
  const tooLarge =
    typeof result === "bigint"
      ? result < integerMin || result > integerMax
      : !Number.isFinite(result);
  if (tooLarge) throw failed("a number out of range");
  return result;
}

function computeWhole(operator: Arithmetic, a: bigint, b: bigint): bigint {
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
    case "%":
      if (b === 0n) throw failed("a division by zero");
      return operator === "/" ? a / b : a % b;
  }
}

function computeFloat(operator: Arithmetic, a: number, b: number): number {
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "%":
      return a % b;
  }
}

function isNumber(value: Value): value is bigint | number {
  return typeof value === "bigint" || typeof value === "number";
}

/** True counts as one and false as nothing, except in comparisons. */
function numberOf(value: Value): bigint | number {
  if (isNumber(value)) return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  throw failed("arithmetic on what is no number");
}

function truthOf(value: Value): boolean {
  if (typeof value === "boolean") return value;
  return isNumber(value) && Number(value) !== 0;
}

function valueOf(attribute: AttributeValue): Value {
  if ("N" in attribute) return parseNumber(attribute.N);
  if ("S" in attribute) return attribute.S;
  if ("BOOL" in attribute) return attribute.BOOL;
  return { opaque: attribute };
}

function attributeOf(value: Value): AttributeValue {
  if (isNumber(value)) return { N: String(value) };
  if (typeof value === "string") return { S: value };
  return typeof value === "boolean" ? { BOOL: value } : value.opaque;
}

/** A whole number of 64 bits, or the nearest double. */
export function parseNumber(text: string): bigint | number {
  if (!/^[+-]?\d{1,20}$/.test(text)) return Number(text);
  const whole = BigInt(text.startsWith("+") ? text.slice(1) : text);
  return whole < integerMin || whole > integerMax ? Number(whole) : whole;
}

function failed(what: string): StreamError {
  return new StreamError("expressionFailed", { what });
}
