// Evaluates conditions and updates, without storage or clock. An expression that names a missing
// attribute has no value: as a condition it is false, whatever surrounds the name, and as an update
// it fails. Of if_else and if_not_exists only the chosen branch is computed. Source: Iguazio
// data-layer reference, Expressions.
import { StreamError } from "../errors.ts";
import { expressionBytesMax, rowBodyBytesMax } from "../limits.ts";
import { NumberArray } from "./arrays.ts";
import { functions } from "./functions.ts";
import type { Attributes, AttributeValue, Expression, Update } from "../core/itemTypes.ts";
import {
  arrayOf,
  attributeOf,
  bytesIn,
  compare,
  compute,
  failed,
  indexOf,
  numberOf,
  truthOf,
  type Value,
  valueOf,
} from "./values.ts";

export type Lookup = (name: string) => AttributeValue | undefined;

type ValueLookup = (name: string) => Value | undefined;

class Missing extends Error {}

/**
 * What an evaluation costs: the bytes of all values that it names or computes, because every operation takes as long
 * as its values are.
 */
export class Work {
  spentBytes = 0;

  /** Throws `expressionFailed` beyond the bound. */
  spend(value: Value): void {
    this.spentBytes += bytesIn(value);
    if (this.spentBytes > expressionBytesMax) throw failed("an expression of too many bytes");
  }
}

/** Throws `expressionFailed`. */
export function isTrue(condition: Expression, find: Lookup, work = new Work()): boolean {
  try {
    return truthOf(evaluate(condition, valuesIn(find), work));
  } catch (error) {
    if (error instanceof Missing) return false;
    throw error;
  }
}

/** Names of the attributes that an expression uses. */
export function attributesIn(expression: Expression): string[] {
  const own = "name" in expression && expression.kind !== "call" ? [expression.name] : [];
  return [...own, ...partsOf(expression).flatMap(attributesIn)];
}

/**
 * Executes the updates in order; each sees the results of those before. Throws `expressionFailed`.
 */
export function applyUpdates(updates: readonly Update[], user: Attributes, system: Lookup): void {
  /** Values that updates have set so far; arrays among them may be changed in place. */
  const changed = new Map<string, Value>();
  const stored = valuesIn((name) => user.get(name) ?? system(name));
  const find: ValueLookup = (name) => changed.get(name) ?? stored(name);
  const work = new Work();
  for (const update of updates) {
    if (update.kind === "remove") {
      changed.delete(update.name);
      user.delete(update.name);
      continue;
    }
    try {
      changed.set(update.name, updated(update, find, changed, work));
    } catch (error) {
      if (error instanceof Missing) throw failed(error.message);
      throw error;
    }
  }
  // A few updates could make copies of a large attribute that exceed the memory.
  let left = rowBodyBytesMax;
  for (const [name, value] of changed) {
    const attribute = attributeOf(value);
    left -= charactersOf(attribute);
    if (left < 0) throw new StreamError("tooLarge", { bytesMax: rowBodyBytesMax });
    user.set(name, attribute);
  }
}

function charactersOf(attribute: AttributeValue): number {
  const [content] = Object.values(attribute) as (string | boolean)[];
  return typeof content === "string" ? content.length : 1;
}

/** The new value of an attribute, if an update sets it or some of its elements. */
function updated(
  { name, at, value }: Extract<Update, { kind: "set" }>,
  find: ValueLookup,
  changed: ReadonlyMap<string, Value>,
  work: Work,
): Value {
  const result = evaluate(value, find, work);
  if (at === undefined) return result instanceof NumberArray ? result.copy() : result;
  const own = changed.get(name);
  const array = own instanceof NumberArray ? own : arrayOf(found(name, find)).copy();
  const first = indexOf(evaluate(at.first, find, work));
  if (at.last === undefined) array.put(first, numberOf(result));
  else array.replace(first, indexOf(evaluate(at.last, find, work)), arrayOf(result));
  return array;
}

function evaluate(expression: Expression, find: ValueLookup, work: Work): Value {
  const value = valueIn(expression, find, work);
  work.spend(value);
  return value;
}

function valueIn(expression: Expression, find: ValueLookup, work: Work): Value {
  const value = (part: Expression) => evaluate(part, find, work);
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "constant":
      return valueOf(expression.value);
    case "attribute":
      return found(expression.name, find);
    case "element":
      return arrayOf(found(expression.name, find)).at(indexOf(value(expression.first)));
    case "slice": {
      const [first, last] = [indexOf(value(expression.first)), indexOf(value(expression.last))];
      return arrayOf(found(expression.name, find)).slice(first, last);
    }
    case "exists":
      return find(expression.name) !== undefined;
    case "ifNotExists":
      return find(expression.name) ?? value(expression.otherwise);
    case "ifElse":
      return value(
        truthOf(value(expression.condition)) ? expression.whenTrue : expression.whenFalse,
      );
    case "not":
      return !truthOf(value(expression.of));
    case "both":
      return truthOf(value(expression.left)) && truthOf(value(expression.right));
    case "either":
      return truthOf(value(expression.left)) || truthOf(value(expression.right));
    case "compare":
      return compare(expression.operator, value(expression.left), value(expression.right));
    case "compute":
      return compute(expression.operator, value(expression.left), value(expression.right));
    case "call":
      return functions[expression.name].run(...expression.operands.map(value));
  }
}

function partsOf(expression: Expression): Expression[] {
  switch (expression.kind) {
    case "element":
      return [expression.first];
    case "slice":
      return [expression.first, expression.last];
    case "ifNotExists":
      return [expression.otherwise];
    case "ifElse":
      return [expression.condition, expression.whenTrue, expression.whenFalse];
    case "not":
      return [expression.of];
    case "both":
    case "either":
    case "compare":
    case "compute":
      return [expression.left, expression.right];
    case "call":
      return expression.operands;
    default:
      return [];
  }
}

function found(name: string, find: ValueLookup): Value {
  const value = find(name);
  if (value === undefined) throw new Missing(name);
  return value;
}

function valuesIn(find: Lookup): ValueLookup {
  return (name) => {
    const attribute = find(name);
    return attribute && valueOf(attribute);
  };
}
