// Attributes as JSON has them: {"name": {"N": "5"}}, one type each. SDKs send numbers as text, and
// hand-written requests as numbers; both are accepted, and replies have text. Sources: Iguazio web
// API reference, Attribute Value; v3io-go context.go, encodeTypedAttributes.
import { isPlainObject } from "../codec/plainObject.ts";
import { systemNames } from "../items/item.ts";
import type { Attributes, AttributeValue, Selection } from "../core/itemTypes.ts";
import { invalid } from "./errors.ts";
import { blob, textOf } from "./fields.ts";

const nameBytesMax = 255;

/** Each of them is looked up in each item of a page. */
const selectedNamesMax = 4096;

const numberCharactersMax = 64;

/** The length of the largest allowed number of the longest names, with separators. */
const selectionCharactersMax = selectedNamesMax * (nameBytesMax + 2);

export function parseAttributes(value: unknown): Attributes {
  if (!isPlainObject(value)) throw invalid();
  return new Map(Object.entries(value).map(([name, typed]) => [name, parseAttribute(name, typed)]));
}

/** Throws InvalidArgumentException for a name that users cannot write. */
export function checkAttributeName(name: string): void {
  const isName = name !== "" && name.isWellFormed() && Buffer.byteLength(name) <= nameBytesMax;
  if (!isName || systemNames.has(name)) throw invalid();
}

export function parseValue(typed: unknown): AttributeValue {
  if (!isPlainObject(typed)) throw invalid();
  const [entry, ...others] = Object.entries(typed);
  if (entry === undefined || others.length > 0) throw invalid();
  const [type, value] = entry;
  switch (type) {
    case "N":
      return { N: parseNumberText(value) };
    case "S":
      return { S: wellFormed(textOf(value)) };
    case "B":
      blob(value);
      return { B: textOf(value) };
    case "BOOL":
      if (typeof value !== "boolean") throw invalid();
      return { BOOL: value };
    case "TS":
      if (!/^-?\d{1,12}:\d{1,9}$/.test(textOf(value))) throw invalid();
      return { TS: textOf(value) };
    default:
      throw invalid();
  }
}

/**
 * What a comma-separated list asks for: `*` is all of users' attributes, in a scan with the name,
 * and `**` the system's as well. Throws InvalidArgumentException for too many names.
 */
export function parseSelection(list: string, inScan: boolean): Selection {
  if (list.length > selectionCharactersMax) throw invalid();
  const names = new Set(list.split(",").map((each) => each.trim()));
  if (names.size > selectedNamesMax) throw invalid();
  const system = names.delete("**");
  const user = names.delete("*") || system;
  if (user && inScan) names.add("__name");
  return { user, system, names: [...names] };
}

function parseAttribute(name: string, typed: unknown): AttributeValue {
  checkAttributeName(name);
  return parseValue(typed);
}

function parseNumberText(value: unknown): string {
  const text = typeof value === "number" ? String(value) : textOf(value);
  // The length comes first: on long texts the pattern takes more than linear time.
  const isNumber =
    text.length <= numberCharactersMax && /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text);
  // An expression could not compute with an infinity, and it is refused as a result too.
  if (!isNumber || !Number.isFinite(Number(text))) throw invalid();
  return text;
}

function wellFormed(text: string): string {
  if (!text.isWellFormed()) throw invalid();
  return text;
}
