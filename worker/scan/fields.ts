// The fields that a condition names, as a tree: alternatives about one field meet in one place, so that a record's JSON
// is walked once. Every condition on a value, and every one on an object as a whole, gets a bit.
import { StreamError } from "../errors.ts";
import { conditionsMax, matchersMax } from "../limits.ts";
import type { Clauses, Matcher } from "./condition.ts";
import { evaluate, type Expression } from "./expression.ts";

export interface Leaf {
  bit: number;
  matchers: readonly Matcher[];
}

export interface Field {
  leaves: Leaf[];
  /** The fields below it, where it is an object that is asked for more. */
  fields: Fields | undefined;
  /** Conditions on the object as a whole. */
  objects: { bit: number; expression: Expression; holdsIfMissing: boolean }[];
}

export type Fields = Map<string, Field>;

/** Gives out bits, and counts what a condition costs. Throws `invalidCondition`. */
export class Bits {
  private next = 0;
  private matchers = 0;

  take(): number {
    if (this.next === conditionsMax) throw tooMuch(`more than ${conditionsMax} conditions`);
    return this.next++;
  }

  /** Texts that a value may equal are found by bisection, and are as cheap as one. */
  count(matchers: readonly Matcher[]): void {
    for (const matcher of matchers) {
      if (matcher.kind === "noneOf") this.count(matcher.matchers);
      this.matchers += matcher.kind === "equals" ? 0 : 1;
    }
    if (this.matchers > matchersMax) throw tooMuch(`more than ${matchersMax} comparisons`);
  }
}

/** Adds the conditions on an object to its fields; returns what must hold of their bits. */
export function addClauses(fields: Fields, clauses: Clauses, bits: Bits): Expression {
  const of = clauses.map((clause): Expression => {
    switch (clause.kind) {
      case "any":
        return { kind: "or", of: clause.of.map((each) => addClauses(fields, each, bits)) };
      case "value":
        return addMatchers(fieldOf(fields, clause.field).leaves, clause.matchers, bits);
      case "object": {
        const field = fieldOf(fields, clause.field);
        field.fields ??= new Map();
        const expression = addClauses(field.fields, clause.clauses, bits);
        const holdsIfMissing = evaluate(expression, bitsIfMissing(field.fields));
        const bit = bits.take();
        field.objects.push({ bit, expression, holdsIfMissing });
        return { kind: "bit", bit };
      }
    }
  });
  return { kind: "and", of };
}

/** Adds a list of alternatives for a value; returns what must hold of its bits. */
export function addMatchers(leaves: Leaf[], matchers: readonly Matcher[], bits: Bits): Expression {
  bits.count(matchers);
  const present = matchers.filter(({ kind }) => kind !== "missing");
  const of: Expression[] = [];
  if (present.length > 0) of.push(addLeaf(leaves, present, bits));
  if (present.length < matchers.length) {
    of.push({ kind: "not", of: addLeaf(leaves, [{ kind: "exists" }], bits) });
  }
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind: "or", of };
}

function addLeaf(leaves: Leaf[], matchers: readonly Matcher[], bits: Bits): Expression {
  const bit = bits.take();
  leaves.push({ bit, matchers });
  return { kind: "bit", bit };
}

/** The bits that are set for an object that has none of these fields. */
export function bitsIfMissing(fields: Fields): Set<number> {
  const all = [...fields.values()].flatMap(({ objects }) => objects);
  return new Set(all.filter(({ holdsIfMissing }) => holdsIfMissing).map(({ bit }) => bit));
}

function fieldOf(fields: Fields, name: string): Field {
  const known = fields.get(name);
  if (known !== undefined) return known;
  const field: Field = { leaves: [], fields: undefined, objects: [] };
  fields.set(name, field);
  return field;
}

function tooMuch(what: string): StreamError {
  return new StreamError("invalidCondition", { at: 1, path: "", what });
}
