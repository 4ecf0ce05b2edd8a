// A text that the JSON of every record must have to match, unless it has a backslash: most records can be passed over
// by a search for it. And which two of a text's bytes are rarest, so that a search stumbles over few others.
import { concatBytes, utf8 } from "../codec/bytes.ts";
import type { Clauses, Matcher } from "./condition.ts";

/** A search looks so far at most beyond a place: see SLACK in assembly/scan/layout.ts. */
const needleBytesMax = 128;

const quote = utf8('"');

interface Needle {
  text: Uint8Array;
  /** A field's value is rarer than its name, which most records have. */
  isValue: boolean;
}

/** The text that rules out most, if there is one. */
export function needleOf(clauses: Clauses): Uint8Array | undefined {
  let best: Needle | undefined;
  for (const needle of needlesIn(clauses)) {
    const order = Number(needle.isValue) - Number(best?.isValue ?? false);
    const isBetter = order === 0 ? needle.text.length > (best?.text.length ?? 0) : order > 0;
    if (isBetter) best = needle;
  }
  return best?.text.subarray(0, needleBytesMax);
}

function needlesIn(clauses: Clauses): Needle[] {
  return clauses.flatMap((clause): Needle[] => {
    if (clause.kind === "any") return [];
    if (clause.kind === "object") return needlesIn(clause.clauses);
    if (clause.matchers.some(({ kind }) => kind === "missing")) return [];
    const name = { text: concatBytes([quote, utf8(clause.field), quote]), isValue: false };
    const [only, ...more] = clause.matchers;
    const value = more.length === 0 ? textOf(only) : undefined;
    const all = value === undefined ? [name] : [name, { text: value, isValue: true }];
    return all.filter(({ text }) => text.length > 0 && isPlain(text));
  });
}

/** What stands in JSON if a value passes the matcher. */
function textOf(matcher: Matcher | undefined): Uint8Array | undefined {
  switch (matcher?.kind) {
    case "equals":
      return concatBytes([quote, matcher.text, quote]);
    case "prefix":
      return concatBytes([quote, matcher.text]);
    case "suffix":
      return concatBytes([matcher.text, quote]);
    case "wildcard":
      return matcher.parts.reduce((longest, part) =>
        part.length > longest.length ? part : longest,
      );
    default:
      return undefined;
  }
}

/** False for a text that JSON writes in another way, or that ends within. */
function isPlain(text: Uint8Array): boolean {
  const inside = text.subarray(1, -1);
  return text.every((byte) => byte >= 0x20 && byte !== 0x5c) && !inside.includes(0x22);
}

/** Places of the two rarest bytes. */
export function rarestPlaces(text: Uint8Array): [first: number, second: number] {
  const places = [...text.keys()].sort(
    (a, b) => commonness(text[a] as number) - commonness(text[b] as number) || a - b,
  );
  const [first = 0] = places;
  const second = places.find((place) => text[place] !== text[first]) ?? places[1] ?? first;
  return [first, second];
}

/** How often a byte is in JSON and text, roughly. */
function commonness(byte: number): number {
  const character = String.fromCharCode(byte);
  if ('"'.includes(character)) return 9;
  if (" :,".includes(character)) return 8;
  if ("etaoinsrl".includes(character)) return 7;
  if (/[0-9]/.test(character)) return 6;
  if (/[a-df-km-uw-y]/.test(character)) return 5;
  if ("_-./{}".includes(character)) return 4;
  return /[A-Z]/.test(character) ? 2 : 1;
}

/** For each end of the text, how long a beginning of the text ends there (Knuth, Morris, Pratt). */
export function failureTable(text: Uint8Array): Uint16Array {
  const failures = new Uint16Array(text.length);
  let matched = 0;
  for (let i = 1; i < text.length; i++) {
    while (matched > 0 && text[matched] !== text[i]) matched = failures[matched - 1] as number;
    if (text[matched] === text[i]) matched++;
    failures[i] = matched;
  }
  return failures;
}
