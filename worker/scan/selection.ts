// What a reader asks for: the records that a condition selects, ready to be run by the engine. A selection is made of a
// pattern, of partition keys, or of both. It is the one thing of this room that readers use.
import { utf8 } from "../codec/bytes.ts";
import { costlyComparisonsMin } from "../limits.ts";
import type { Clauses, Matcher, RecordCondition } from "./condition.ts";
import { readPattern } from "./pattern.ts";
import { compileProgram } from "./program.ts";

export interface Selection {
  /** For the engine: worker/engine/scanner.ts. */
  readonly program: Uint8Array;
  /** Records of other keys do not match; undefined if any key may. */
  readonly keys: readonly Uint8Array[] | undefined;
  /** False if keys and times alone decide. */
  readonly readsData: boolean;
  /** True if a record may take a hundred times as long as with one comparison. */
  readonly isCostly: boolean;
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
    isCostly: comparisonsIn(condition) > costlyComparisonsMin,
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

/** Comparisons with a value of data, but for texts that it may equal. */
function comparisonsIn(clauses: Clauses): number {
  return clauses.reduce((sum, clause) => {
    if (clause.kind === "any")
      return sum + clause.of.reduce((all, each) => all + comparisonsIn(each), 0);
    if (clause.kind === "object") return sum + comparisonsIn(clause.clauses);
    return sum + clause.matchers.filter(({ kind }) => kind !== "equals").length;
  }, 0);
}

function readsData(condition: RecordCondition): boolean {
  return condition.some((clause) =>
    clause.kind === "any" ? clause.of.some(readsData) : clause.field === "data",
  );
}
