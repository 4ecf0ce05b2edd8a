// Attributes as JSON has them: {"name": {"N": "5"}}, one type each. Numbers come as text from clients
// of ours and as numbers from some hands; both are taken, and text is given back. Sources: Iguazio web API
// reference, Attribute Value; v3io-go context.go, encodeTypedAttributes.
import type { Attributes, AttributeValue, Item } from "../items/types.ts";
import { invalid } from "./errors.ts";
import { blob, isBody, textOf } from "./fields.ts";

/** Only the system writes these (Iguazio data-layer reference, System Attributes). */
const systemNames = new Set([
  "__name",
  "__size",
  "__mode",
  "__atime_secs",
  "__atime_nsecs",
  "__mtime_secs",
  "__mtime_nsecs",
  "__ctime_secs",
  "__ctime_nsecs",
  "__uid",
  "__gid",
  "__obj_type",
  "__collection_id",
  "__last_sequence_num",
]);

const nameBytesMax = 255;

export function parseAttributes(value: unknown): Attributes {
  if (!isBody(value)) throw invalid();
  return new Map(Object.entries(value).map(([name, typed]) => [name, parseAttribute(name, typed)]));
}

/** Throws InvalidArgumentException for a name that users cannot write. */
export function checkAttributeName(name: string): void {
  const isName = name !== "" && name.isWellFormed() && Buffer.byteLength(name) <= nameBytesMax;
  if (!isName || systemNames.has(name)) throw invalid();
}

export function parseValue(typed: unknown): AttributeValue {
  if (!isBody(typed)) throw invalid();
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

/** The attributes that a comma-separated list asks for; those that are not there are left out. */
export function selectAttributes({ user, system }: Item, list: string, withName: boolean): object {
  const chosen: [string, AttributeValue][] = [];
  for (const name of new Set(list.split(",").map((each) => each.trim()))) {
    if (name === "*" || name === "**") {
      chosen.push(...user);
      if (name === "**") chosen.push(...system);
      else if (withName) chosen.push(...named(system, "__name"));
    } else {
      chosen.push(...(user.has(name) ? named(user, name) : named(system, name)));
    }
  }
  return Object.fromEntries(chosen);
}

function named(attributes: Attributes, name: string): [string, AttributeValue][] {
  const value = attributes.get(name);
  return value === undefined ? [] : [[name, value]];
}

function parseAttribute(name: string, typed: unknown): AttributeValue {
  checkAttributeName(name);
  return parseValue(typed);
}

function parseNumberText(value: unknown): string {
  const text = typeof value === "number" ? String(value) : textOf(value);
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) || text.length > 64)
    throw invalid();
  return text;
}

function wellFormed(text: string): string {
  if (!text.isWellFormed()) throw invalid();
  return text;
}
