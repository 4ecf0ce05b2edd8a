// What a reader asks for: the records that a condition selects, ready to be run by the engine. A selection is made of a
// pattern, of partition keys, or of both. It is the one thing of this room that readers use.
import { utf8 } from "../codec/bytes.ts";
import type { Matcher, RecordCondition } from "./condition.ts";
import { readPattern } from "./pattern.ts";
import { compileProgram } from "./program.ts";

export interface Selection {
  /** For the engine: worker/engine/scanner.ts. */
  readonly program: Uint8Array;
  /** Records of other keys do not match; undefined if any key may. */
  readonly keys: readonly Uint8Array[] | undefined;
  /** False if keys and times alone decide. */
  readonly readsData: boolean;
}

export interface SelectionRequest {
  /** A pattern: docs/SCAN.md. */
  where?: string | undefined;
  /** The partition key is one of these. */
  keys?: readonly string[] | undefined;
}

/** Undefined if nothing is asked for: then all records match. Throws `invalidCondition`. */
export function compileSelection({ where, keys = [] }: SelectionRequest): Selection | undefined {
  const condition: RecordCondition = [
    ...(where === undefined ? [] : readPattern(where)),
    ...(keys.length === 0 ? [] : [keyClause(keys)]),
  ];
  if (condition.length === 0) return undefined;
  return {
    program: compileProgram(condition),
    keys: keysOf(condition),
    readsData: readsData(condition),
  };
}

function keyClause(keys: readonly string[]): RecordCondition[number] {
  const matchers = keys.map((key): Matcher => ({ kind: "equals", text: utf8(key) }));
  return { kind: "value", field: "partitionKey", matchers };
}

/** The keys of a clause that allows no others. */
function keysOf(condition: RecordCondition): readonly Uint8Array[] | undefined {
  for (const clause of condition) {
    if (clause.kind !== "value" || clause.field !== "partitionKey") continue;
    const texts = clause.matchers.map((matcher) =>
      matcher.kind === "equals" ? matcher.text : undefined,
    );
    if (texts.every((text) => text !== undefined)) return texts;
  }
  return undefined;
}

function readsData(condition: RecordCondition): boolean {
  return condition.some((clause) =>
    clause.kind === "any" ? clause.of.some(readsData) : clause.field === "data",
  );
}
