// Which conditions must hold together: and, or, not over bits. The engine evaluates it for each record and object.
import { concatBytes } from "../codec/bytes.ts";

export type Expression =
  | { readonly kind: "bit"; readonly bit: number }
  | { readonly kind: "not"; readonly of: Expression }
  | { readonly kind: "and" | "or"; readonly of: readonly Expression[] };

const NOT = 0x40;
const AND = 0x41;
const OR = 0x42;

/** The bits that must all be set, if that is all; else undefined. */
export function bitsOfAll(expression: Expression): readonly number[] | undefined {
  if (expression.kind === "bit") return [expression.bit];
  if (expression.kind !== "and") return undefined;
  const parts = expression.of.map(bitsOfAll);
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
}

/** The steps of a stack machine: a byte each. */
export function stepsOf(expression: Expression): Uint8Array {
  switch (expression.kind) {
    case "bit":
      return Uint8Array.of(expression.bit);
    case "not":
      return concatBytes([stepsOf(expression.of), Uint8Array.of(NOT)]);
    case "and":
    case "or": {
      const join = Uint8Array.of(expression.kind === "and" ? AND : OR);
      return concatBytes(
        expression.of.flatMap((part, i) => [stepsOf(part), ...(i > 0 ? [join] : [])]),
      );
    }
  }
}

/** What it is when only these bits are set. */
export function evaluate(expression: Expression, bits: ReadonlySet<number>): boolean {
  switch (expression.kind) {
    case "bit":
      return bits.has(expression.bit);
    case "not":
      return !evaluate(expression.of, bits);
    case "and":
      return expression.of.every((part) => evaluate(part, bits));
    case "or":
      return expression.of.some((part) => evaluate(part, bits));
  }
}
