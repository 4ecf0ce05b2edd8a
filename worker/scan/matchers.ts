// Reads the matchers of a pattern: those of AWS Lambda's event filtering and Amazon EventBridge, and of data as bytes.
// Sources: Lambda developer guide, "Control which events Lambda sends to your function"; EventBridge user guide,
// "Comparison operators for use in event patterns".
import { decodeBase64 } from "../codec/base64.ts";
import { noBytes, utf8 } from "../codec/bytes.ts";
import { parseCidr } from "./cidr.ts";
import type { Matcher, NumberBound, Relation, Spellings } from "./condition.ts";
import { mistake, type PatternValue } from "./patternText.ts";

/** What values a list of matchers is about: a text that is always there, numbers only, or any of JSON. */
export type Subject = "key" | "time" | "bytes" | "json";

/** What each subject may be asked; JSON may be asked everything. */
const refused: Record<Subject, ReadonlySet<string>> = {
  key: new Set(["numeric", "bytes"]),
  time: new Set([
    "prefix",
    "suffix",
    "contains",
    "bytes",
    "wildcard",
    "cidr",
    "equals-ignore-case",
    "exists",
  ]),
  bytes: new Set(["numeric", "exists", "cidr"]),
  json: new Set(["bytes"]),
};

const subjects: Record<Subject, string> = {
  key: "a partition key is a text",
  time: "an arrival time is a number of seconds",
  bytes: "data that is no JSON object is looked at as bytes",
  json: "a field of JSON is no bytes",
};

/** Throws `invalidCondition`. `list` is the array of alternatives. */
export function readMatchers(list: PatternValue, subject: Subject): Matcher[] {
  if (list.kind !== "array") throw mistake(list, "an array of what the value may be is expected");
  if (list.items.length === 0) throw mistake(list, "an empty array, which nothing can match");
  return list.items.map((item) => readMatcher(item, subject));
}

function readMatcher(item: PatternValue, subject: Subject): Matcher {
  switch (item.kind) {
    case "text":
      if (subject === "time") throw mistake(item, subjects.time);
      return { kind: "equals", text: utf8(item.text) };
    case "number":
      if (subject !== "json" && subject !== "time") throw mistake(item, subjects[subject]);
      return { kind: "number", bounds: [{ relation: "=", number: item.number }] };
    case "null":
    case "true":
    case "false":
      if (subject !== "json") throw mistake(item, subjects[subject]);
      return { kind: item.kind };
    case "array":
      throw mistake(item, "an array within an array");
    case "object":
      return readOperator(item, subject);
  }
}

function readOperator(item: PatternValue & { kind: "object" }, subject: Subject): Matcher {
  const [member, ...more] = item.members;
  if (member === undefined) throw mistake(item, "an empty object");
  const { name, value } = member;
  if (more.length > 0) throw mistake(item, "one comparison in an object is expected");
  if (!comparisons.has(name)) throw mistake(value, `no such comparison: ${JSON.stringify(name)}`);
  if (refused[subject].has(name)) throw mistake(value, `not with ${name}: ${subjects[subject]}`);
  switch (name) {
    case "prefix":
    case "suffix":
      return value.kind === "object"
        ? { kind: `${name}Folded`, characters: readFolded(value) }
        : { kind: name, text: readText(value) };
    case "equals-ignore-case":
      return { kind: "equalsFolded", characters: spellingsOf(textOf(value)) };
    case "contains":
      return { kind: "wildcard", parts: [noBytes, readText(value), noBytes] };
    case "bytes":
      return { kind: "wildcard", parts: [noBytes, readBytes(value), noBytes] };
    case "wildcard":
      return readWildcard(value);
    case "cidr":
      return { kind: "cidr", ...readCidr(value) };
    case "numeric":
      return { kind: "number", bounds: readBounds(value) };
    case "exists":
      if (value.kind === "true") return { kind: "exists" };
      if (value.kind === "false") return { kind: "missing" };
      throw mistake(value, "true or false is expected");
    default:
      return { kind: "noneOf", matchers: readExceptions(value, subject) };
  }
}

const comparisons: ReadonlySet<string> = new Set([
  "prefix",
  "suffix",
  "equals-ignore-case",
  "contains",
  "bytes",
  "wildcard",
  "cidr",
  "numeric",
  "exists",
  "anything-but",
]);

/** Comparisons that `anything-but` may turn round. */
const exceptions: ReadonlySet<string> = new Set([
  "prefix",
  "suffix",
  "equals-ignore-case",
  "wildcard",
]);

/** A text, a number, a list of them, or a comparison with a text or a list of texts. */
function readExceptions(value: PatternValue, subject: Subject): Matcher[] {
  if (value.kind === "object") {
    const [member, ...more] = value.members;
    if (member === undefined || more.length > 0 || !exceptions.has(member.name)) {
      throw mistake(value, `one of ${[...exceptions].join(", ")} is expected`);
    }
    if (subject === "time") throw mistake(member.value, subjects.time);
    const { at, path } = value;
    return listOf(member.value).map((each) =>
      readOperator(
        { at, path, kind: "object", members: [{ name: member.name, value: each }] },
        subject,
      ),
    );
  }
  return listOf(value).map((each) => {
    const isPlain = each.kind === "text" || each.kind === "number";
    if (!isPlain) throw mistake(each, "a text or a number is expected");
    return readMatcher(each, subject);
  });
}

function listOf(value: PatternValue): readonly PatternValue[] {
  if (value.kind !== "array") return [value];
  if (value.items.length === 0) throw mistake(value, "an empty array");
  return value.items;
}

function textOf(value: PatternValue): string {
  if (value.kind !== "text") throw mistake(value, "a text is expected");
  return value.text;
}

function readText(value: PatternValue): Uint8Array {
  return utf8(textOf(value));
}

function readBytes(value: PatternValue): Uint8Array {
  const bytes = decodeBase64(textOf(value));
  if (bytes === undefined || bytes.length === 0) throw mistake(value, "base64 is expected");
  return bytes;
}

/** `{"equals-ignore-case": "text"}` in place of a text. */
function readFolded(value: PatternValue & { kind: "object" }): Spellings[] {
  const [member, ...more] = value.members;
  if (member?.name !== "equals-ignore-case" || more.length > 0) {
    throw mistake(value, "a text or equals-ignore-case is expected");
  }
  return spellingsOf(textOf(member.value));
}

/** A character, and its lower and upper case where these are one character too. */
function spellingsOf(text: string): Spellings[] {
  return Array.from(text, (character) => {
    const lower = character.toLowerCase();
    const upper = character.toUpperCase();
    const all = [character, lower, upper, upper.toLowerCase(), lower.toUpperCase()];
    const single = all.filter((each) => Array.from(each).length === 1);
    return [...new Set(single)].map(utf8);
  });
}

/** `*` is any text; `\*` and `\\` are the characters themselves. */
function readWildcard(value: PatternValue): Matcher {
  const text = textOf(value);
  const parts: string[] = [];
  let part = "";
  let isAfterStar = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string;
    if (character === "*") {
      if (isAfterStar) throw mistake(value, "two stars in a row");
      parts.push(part);
      part = "";
      isAfterStar = true;
      continue;
    }
    isAfterStar = false;
    const escaped = text[i + 1];
    if (character === "\\" && escaped !== "*" && escaped !== "\\") {
      throw mistake(value, "a backslash stands before a star or a backslash only");
    }
    part += character === "\\" ? escaped : character;
    if (character === "\\") i++;
  }
  if (parts.length === 0) return { kind: "equals", text: utf8(part) };
  return { kind: "wildcard", parts: [...parts, part].map(utf8) };
}

function readCidr(value: PatternValue): { network: Uint8Array; bits: number } {
  const range = parseCidr(textOf(value));
  if (range === undefined)
    throw mistake(value, "a range such as 10.0.0.0/24 or 2001:db8::/32 is expected");
  return range;
}

const relations: ReadonlySet<string> = new Set(["=", "<", "<=", ">", ">="]);

/** One relation and its number, or two that bound a range. */
function readBounds(value: PatternValue): NumberBound[] {
  if (value.kind !== "array") throw mistake(value, "an array is expected");
  const { items } = value;
  if (items.length !== 2 && items.length !== 4) {
    throw mistake(value, "a relation and a number, or two of them, are expected");
  }
  const bounds: NumberBound[] = [];
  for (let i = 0; i < items.length; i += 2) {
    const [relation, number] = [items[i] as PatternValue, items[i + 1] as PatternValue];
    if (relation.kind !== "text" || !relations.has(relation.text)) {
      throw mistake(relation, `one of ${[...relations].join(" ")} is expected`);
    }
    if (number.kind !== "number") throw mistake(number, "a number is expected");
    bounds.push({ relation: relation.text as Relation, number: number.number });
  }
  if (bounds.length === 2 && !isRange(bounds)) throw mistake(value, "no range of numbers");
  return bounds;
}

/** True for a lower and an upper bound with a number between them. */
function isRange(bounds: readonly NumberBound[]): boolean {
  const lower = bounds.find(({ relation }) => relation.startsWith(">"));
  const upper = bounds.find(({ relation }) => relation.startsWith("<"));
  if (lower === undefined || upper === undefined) return false;
  if (lower.number !== upper.number) return lower.number < upper.number;
  return lower.relation === ">=" && upper.relation === "<=";
}
