// Reads a pattern: JSON in the syntax of AWS Lambda's event filtering, about a record's partition key, arrival time and
// data. docs/SCAN.md describes it. A pattern that says nothing, or something that no record could be asked, is refused
// with the place of the mistake.
import type { Clause, Clauses, RecordCondition, RecordField } from "./condition.ts";
import { readMatchers, type Subject } from "./matchers.ts";
import { mistake, type PatternMember, type PatternValue, readPatternText } from "./patternText.ts";

const columns: ReadonlyMap<string, { field: RecordField; subject: Subject }> = new Map([
  ["partitionKey", { field: "partitionKey", subject: "key" }],
  ["approximateArrivalTimestamp", { field: "approximateArrivalTimestamp", subject: "time" }],
  ["data", { field: "data", subject: "bytes" }],
]);

/** Throws `invalidCondition`. */
export function readPattern(text: string): RecordCondition {
  return readClauses(readPatternText(text), readRecordClause);
}

function readRecordClause({ name, value }: PatternMember): Clause<RecordField> {
  const column = columns.get(name);
  if (column === undefined) {
    throw mistake(
      value,
      `a record has ${[...columns.keys()].join(", ")}, and no ${JSON.stringify(name)}`,
    );
  }
  const { field, subject } = column;
  if (field === "data" && value.kind === "object") {
    return { kind: "object", field, clauses: readClauses(value, readFieldClause) };
  }
  return { kind: "value", field, matchers: readMatchers(value, subject) };
}

function readFieldClause({ name: field, value }: PatternMember): Clause {
  if (value.kind === "object") {
    return { kind: "object", field, clauses: readClauses(value, readFieldClause) };
  }
  return { kind: "value", field, matchers: readMatchers(value, "json") };
}

function readClauses<Field extends string>(
  value: PatternValue,
  readClause: (member: PatternMember) => Clause<Field>,
): Clauses<Field> {
  if (value.kind !== "object") throw mistake(value, "an object is expected");
  if (value.members.length === 0) throw mistake(value, "an empty object, which says nothing");
  return value.members.map((member): Clause<Field> => {
    if (member.name !== "$or") return readClause(member);
    const { value: list } = member;
    if (list.kind !== "array" || list.items.length < 2) {
      throw mistake(list, "an array of two patterns or more is expected");
    }
    return { kind: "any", of: list.items.map((each) => readClauses(each, readClause)) };
  });
}
