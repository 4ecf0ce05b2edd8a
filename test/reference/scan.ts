// What a pattern selects, said plainly: JSON.parse and a few lines for each comparison. It takes patterns that the
// product has accepted, and answers for one record. docs/SCAN.md describes the syntax.

export interface ScannedRecord {
  key: Uint8Array;
  timeMs: number;
  data: Uint8Array;
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type Members = { [name: string]: Json };

/** Deeper JSON counts as none. */
const depthMax = 1024;

const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

export function selects(pattern: string, { key, timeMs, data }: ScannedRecord): boolean {
  const json = parse(data);
  const matchesField = (name: string, wanted: Json): boolean => {
    if (name === "partitionKey") {
      return isLeafMatch(wanted, key.length === 0 ? undefined : decoder.decode(key));
    }
    if (name === "approximateArrivalTimestamp") return isLeafMatch(wanted, timeMs / 1000);
    if (!Array.isArray(wanted)) return json !== undefined && isMatch(wanted as Members, json);
    return wanted.some((matcher) => {
      const bytes = (matcher as { bytes?: string } | null)?.bytes;
      if (bytes !== undefined) return Buffer.from(data).includes(Buffer.from(bytes, "base64"));
      return isLeafMatch([matcher], decoder.decode(data));
    });
  };
  return matchesAll(JSON.parse(pattern) as Members, matchesField);
}

const parsed = new WeakMap<Uint8Array, Json | undefined>();

/** Undefined if the bytes are not JSON. */
function parse(data: Uint8Array): Json | undefined {
  if (!parsed.has(data)) parsed.set(data, parseData(data));
  return parsed.get(data);
}

function parseData(data: Uint8Array): Json | undefined {
  try {
    const json = JSON.parse(decoder.decode(data)) as Json;
    return depthOf(json) > depthMax ? undefined : json;
  } catch {
    return undefined;
  }
}

/** Objects and arrays within one another, as far as is of interest. */
function depthOf(json: Json): number {
  let depth = 0;
  for (let level = [json].filter(isContainer); level.length > 0 && depth <= depthMax; depth++) {
    level = level.flatMap((each) => Object.values(each as Members)).filter(isContainer);
  }
  return depth;
}

function isContainer(json: Json): boolean {
  return json !== null && typeof json === "object";
}

function matchesAll(
  pattern: Members,
  matchesField: (name: string, wanted: Json) => boolean,
): boolean {
  return Object.entries(pattern).every(([name, wanted]) =>
    name === "$or"
      ? (wanted as Members[]).some((each) => matchesAll(each, matchesField))
      : matchesField(name, wanted),
  );
}

/** An array matches if an element does; what is no object has no fields. */
function isMatch(pattern: Members, value: Json): boolean {
  if (Array.isArray(value) && value.length > 0) return value.some((each) => isMatch(pattern, each));
  const fields = isContainer(value) && !Array.isArray(value) ? (value as Members) : {};
  return matchesAll(pattern, (name, wanted) => {
    const found = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!Array.isArray(wanted)) return isMatch(wanted as Members, found ?? null);
    return isLeafMatch(wanted, found);
  });
}

function isLeafMatch(wanted: Json, value: Json | undefined): boolean {
  const scalars = scalarsOf(value);
  return (wanted as Json[]).some((matcher) =>
    (matcher as { exists?: boolean } | null)?.exists === false
      ? scalars.length === 0
      : scalars.some((scalar) => passes(matcher, scalar)),
  );
}

function scalarsOf(value: Json | undefined): Json[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap(scalarsOf);
  return isContainer(value) ? [] : [value];
}

function passes(matcher: Json, value: Json): boolean {
  if (matcher === null || typeof matcher !== "object") return matcher === value;
  const [name, wanted] = onlyMember(matcher);
  if (name === "exists") return true;
  if (name === "anything-but") {
    if (Array.isArray(wanted)) return !wanted.includes(value);
    if (wanted === null || typeof wanted !== "object") return wanted !== value;
    const [comparison, texts] = onlyMember(wanted);
    return ![texts].flat().some((text) => passes({ [comparison]: text }, value));
  }
  if (name === "numeric") return typeof value === "number" && inBounds(wanted as Json[], value);
  return typeof value === "string" && textPasses(name, wanted, value);
}

function onlyMember(object: object): [name: string, value: Json] {
  const [member] = Object.entries(object as Members);
  if (member === undefined) throw new Error("an empty object");
  return member;
}

function inBounds(bounds: Json[], value: number): boolean {
  if (bounds.length === 0) return true;
  const [relation, number, ...more] = bounds as [string, number, ...Json[]];
  const holds = {
    "=": value === number,
    "<": value < number,
    "<=": value <= number,
    ">": value > number,
    ">=": value >= number,
  }[relation];
  return holds === true && inBounds(more, value);
}

function textPasses(name: string, wanted: Json, value: string): boolean {
  const folded = (wanted as { "equals-ignore-case"?: string })["equals-ignore-case"];
  if (folded !== undefined) {
    const characters = Array.from(value);
    const count = Array.from(folded).length;
    const part = name === "prefix" ? characters.slice(0, count) : characters.slice(-count);
    return count === 0 || equalsFolded(folded, part.join(""));
  }
  const text = wanted as string;
  switch (name) {
    case "prefix":
      return value.startsWith(text);
    case "suffix":
      return value.endsWith(text);
    case "contains":
      return value.includes(text);
    case "equals-ignore-case":
      return equalsFolded(text, value);
    case "wildcard":
      return wildcard(text).test(value);
    case "cidr":
      return inRange(text, value);
    default:
      throw new Error(`no comparison: ${name}`);
  }
}

/** Each character is the wanted one, or its lower or upper case. */
function equalsFolded(wanted: string, value: string): boolean {
  const [a, b] = [Array.from(wanted), Array.from(value)];
  return (
    a.length === b.length && a.every((character, i) => casesOf(character).includes(b[i] as string))
  );
}

function casesOf(character: string): string[] {
  const [lower, upper] = [character.toLowerCase(), character.toUpperCase()];
  return [character, lower, upper, lower.toUpperCase(), upper.toLowerCase()];
}

function wildcard(text: string): RegExp {
  const source = text.replaceAll(/\\([*\\])|\*|[^\\*]+/g, (part, escaped: string | undefined) =>
    part === "*" ? "[^]*" : RegExp.escape(escaped ?? part),
  );
  return new RegExp(`^${source}$`, "");
}

function inRange(range: string, text: string): boolean {
  const [network = "", bits = ""] = range.split("/");
  const [a, b] = [bitsOf(network), bitsOf(text)];
  return (
    a !== undefined &&
    b?.length === a.length &&
    a.slice(0, Number(bits)) === b.slice(0, Number(bits))
  );
}

/** The bits of an address, as text. */
function bitsOf(address: string): string | undefined {
  const four = /^(?:(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])(?:\.(?!$)|$)){4}$/;
  if (four.test(address))
    return address
      .split(".")
      .map((part) => binary(Number(part), 8))
      .join("");
  try {
    // The parser of URLs writes every IPv6 address in one way.
    const { hostname } = new URL(`http://[${address}]/`);
    const [before = "", after] = hostname.slice(1, -1).split("::");
    const gap = Array.from({ length: 8 - groups(before).length - groups(after).length }, () => "0");
    return [...groups(before), ...gap, ...groups(after)]
      .map((each) => binary(parseInt(each, 16), 16))
      .join("");
  } catch {
    return undefined;
  }
}

function groups(part: string | undefined): string[] {
  return part === undefined || part === "" ? [] : part.split(":");
}

function binary(value: number, width: number): string {
  return value.toString(2).padStart(width, "0");
}
