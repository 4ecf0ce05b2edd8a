// Random records and patterns that meet often: few names and values, in many spellings; valid JSON, and JSON that was
// cut, changed or repeated.
import type { ScannedRecord } from "../reference/scan.ts";
import type { Random } from "./random.ts";

const names = ["a", "b", "status", "é", 'a"b', "", "detail", "k".repeat(20)];
const texts = [
  "",
  "a",
  "ab",
  "abc",
  "ABC",
  "failed",
  "Failed",
  "ok",
  "é",
  "É",
  "ß",
  "😀",
  'a"b\\c\n',
  "10.0.0.7",
  "10.0.1.7",
  "2001:db8::1",
  "aXbXc",
  "x".repeat(40),
  "K",
  "/",
  "\u0001",
  "\ud800",
];
const numbers = [
  "0",
  "-0",
  "1",
  "100",
  "1e2",
  "100.0",
  "1.00e+2",
  "100.00000000000000000000001",
  "99.99999999999999999999999",
  "-1",
  "0.1",
  "1e-1",
  "0.10000000000000000555111512312578270211815834045410156",
  "9007199254740993",
  "9007199254740992",
  "9007199254740991",
  "1e400",
  "-1e400",
  "1e-400",
  "4.9e-324",
  "2.47e-324",
  "2.48e-324",
  "1.7976931348623157e308",
  "1.7976931348623159e308",
  "123456789012345678901234567890",
  "0.000000000000000000000000000001",
  "1E+22",
  "1e23",
  "8.41e21",
  "9.999999999999999e22",
];
const keys = ["", "a", "ab", "eu-1", "eu-2", "us-1", "customer-000001", "ключ"];

/** Arrivals of a chunk's records, which do not decrease. */
const timesMs = [1_500_000_000_000, 1_500_000_000_000, 1_500_000_000_500, 1_500_000_002_250];

export function sampleRecords(random: Random, count: number): ScannedRecord[] {
  let at = 0;
  return Array.from({ length: count }, () => {
    at = Math.min(at + random.below(2), timesMs.length - 1);
    return {
      key: Buffer.from(random.pick(keys)),
      timeMs: timesMs[at]!,
      data: sampleData(random),
    };
  });
}

/** The same, many of them with a byte less at the end: most are no JSON then. */
export function breakSome(random: Random, records: readonly ScannedRecord[]): ScannedRecord[] {
  return records.map((record) =>
    random.chance(0.3) ? { ...record, data: record.data.subarray(0, -1) } : record,
  );
}

function sampleData(random: Random): Uint8Array {
  if (random.chance(0.05)) return random.bytes(random.below(20));
  const text = random.chance(0.02) ? sampleDeep(random) : sampleObject(random, 3);
  const padded = random.chance(0.2) ? `${blanks(random)}${text}${blanks(random)}` : text;
  const bytes = Buffer.from(padded);
  if (random.chance(0.1)) return bytes.subarray(0, random.below(bytes.length + 1));
  if (random.chance(0.1) && bytes.length > 0) {
    bytes[random.below(bytes.length)] = random.chance(0.5)
      ? random.below(256)
      : random.pick([...Buffer.from('{}[]",:\\0e-. ')]);
  }
  return bytes;
}

function sampleDeep(random: Random): string {
  const depth = random.pick([3, 100, 1022, 1023, 1024, 1025, 1026]);
  const inner = random.pick(["[1]", "{}", '"a"', "5"]);
  return random.chance(0.5)
    ? `{"a":${"[".repeat(depth)}${inner}${"]".repeat(depth)},"b":100}`
    : `${'{"a":'.repeat(depth)}${inner}${"}".repeat(depth)}`;
}

function sampleValue(random: Random, depth: number): string {
  const kind = random.below(depth > 0 ? 10 : 6);
  if (kind < 3) return sampleText(random, random.pick(texts));
  if (kind < 5) return random.pick(numbers);
  if (kind < 6) return random.pick(["null", "true", "false"]);
  if (kind < 8) return sampleObject(random, depth - 1);
  const items = Array.from({ length: random.below(4) }, () => sampleValue(random, depth - 1));
  return `[${blanks(random)}${items.join(`${blanks(random)},${blanks(random)}`)}${blanks(random)}]`;
}

function sampleObject(random: Random, depth: number): string {
  const members = Array.from({ length: random.below(6) }, () => {
    const name = sampleText(random, random.pick(names));
    return `${name}${blanks(random)}:${blanks(random)}${sampleValue(random, depth)}`;
  });
  return `{${blanks(random)}${members.join(`${blanks(random)},${blanks(random)}`)}${blanks(random)}}`;
}

/** A string of JSON, each character as it is or in one of its escapes. */
function sampleText(random: Random, text: string): string {
  const escapes = random.chance(0.2);
  const units = Array.from({ length: text.length }, (_, i) => text[i]!);
  if (!escapes || !text.isWellFormed()) {
    const raw = JSON.stringify(text);
    return random.chance(0.1) ? raw.replaceAll("/", "\\/") : raw;
  }
  return `"${units
    .map((unit) => {
      const code = unit.charCodeAt(0).toString(16).padStart(4, "0");
      const isHalf = !unit.isWellFormed();
      if (random.chance(0.5) && !isHalf) return JSON.stringify(unit).slice(1, -1);
      return `\\u${random.chance(0.5) ? code.toUpperCase() : code}`;
    })
    .join("")}"`;
}

function blanks(random: Random): string {
  return random.chance(0.85) ? "" : random.pick([" ", "\n", "\t\r ", "   "]);
}

/** The text of a pattern that is accepted. */
export function samplePattern(random: Random): string {
  const pattern = samplePart(random, 1, (part) => {
    const kind = random.below(8);
    if (kind === 0) part["partitionKey"] = sampleMatchers(random, "key");
    else if (kind === 1) part["approximateArrivalTimestamp"] = sampleMatchers(random, "time");
    else if (kind === 2) part["data"] = sampleMatchers(random, "bytes");
    else part["data"] = sampleFields(random, 3);
  });
  return JSON.stringify(pattern);
}

/** The text of a pattern of searches, of the key and of data: the scanner keeps what each of them has found. */
export function sampleSearches(random: Random): string {
  const searches = () =>
    Array.from({ length: random.between(1, 3) }, () => {
      const search = { wildcard: sampleWildcard(random) };
      return random.chance(0.5) ? search : { "anything-but": search };
    });
  const fields = () => ({ [random.pick(names)]: searches(), [random.pick(names)]: searches() });
  const key = { partitionKey: searches() };
  const data = { data: random.chance(0.2) ? searches() : fields() };
  return JSON.stringify(random.chance(0.5) ? { ...key, ...data } : { $or: [key, data] });
}

type Part = Record<string, unknown>;

function samplePart(random: Random, depth: number, add: (part: Part) => void): Part {
  const part: Part = {};
  for (let left = random.between(1, 3); left > 0; left--) add(part);
  if (depth > 0 && random.chance(0.2)) {
    const count = random.between(2, 3);
    part["$or"] = Array.from({ length: count }, () => samplePart(random, depth - 1, add));
  }
  return part;
}

function sampleFields(random: Random, depth: number): Part {
  return samplePart(random, 1, (part) => {
    const name = random.pick(names);
    part[name] =
      depth > 0 && random.chance(0.25)
        ? sampleFields(random, depth - 1)
        : sampleMatchers(random, "json");
  });
}

type Subject = "key" | "time" | "bytes" | "json";

function sampleMatchers(random: Random, subject: Subject): unknown[] {
  const count = random.chance(0.1) ? 6 : random.between(1, 2);
  return Array.from({ length: count }, () => sampleMatcher(random, subject));
}

function wellFormed(random: Random): string {
  return random.pick([...texts, ...keys].filter((text) => text.isWellFormed()));
}

function sampleNumber(random: Random, subject: Subject): number {
  if (subject === "time") return random.pick(timesMs) / 1000 + random.pick([0, 0.25, -1]);
  const finite = numbers.map(Number).filter(Number.isFinite);
  return random.pick(finite);
}

function sampleMatcher(random: Random, subject: Subject): unknown {
  const text = () => wellFormed(random);
  const number = () => sampleNumber(random, subject);
  const isNumber = subject === "time" || (subject === "json" && random.chance(0.35));
  if (isNumber) {
    const kind = random.below(4);
    if (kind === 0) return number();
    if (kind === 1) return { numeric: [random.pick(["=", "<", "<=", ">", ">="]), number()] };
    if (kind === 2) return { "anything-but": random.chance(0.5) ? number() : [number(), number()] };
    const [low, high] = [number(), number()].sort((a, b) => a - b) as [number, number];
    if (low === high) return { numeric: [">=", low, "<=", high] };
    return { numeric: [random.pick([">", ">="]), low, random.pick(["<", "<="]), high] };
  }
  const choices: (() => unknown)[] = [
    text,
    text,
    () => ({ prefix: text() }),
    () => ({ suffix: text() }),
    () => ({ contains: text() }),
    () => ({ "equals-ignore-case": text() }),
    () => ({ prefix: { "equals-ignore-case": text() } }),
    () => ({ suffix: { "equals-ignore-case": text() } }),
    () => ({ wildcard: sampleWildcard(random) }),
    () => ({
      "anything-but": random.chance(0.5) ? text() : [text(), text(), text(), text(), text()],
    }),
    () => ({
      "anything-but": {
        [random.pick(["prefix", "suffix", "equals-ignore-case"])]: random.chance(0.5)
          ? text()
          : [text(), text()],
      },
    }),
    () => ({ "anything-but": { wildcard: sampleWildcard(random) } }),
  ];
  if (subject !== "bytes") {
    choices.push(() => ({
      cidr: random.pick([
        "10.0.0.0/24",
        "10.0.0.0/8",
        "0.0.0.0/0",
        "2001:db8::/32",
        "2001:db8::1/128",
      ]),
    }));
    choices.push(() => ({ exists: random.chance(0.5) }));
  }
  if (subject === "bytes")
    choices.push(() => ({
      bytes: Buffer.from(random.pick(["a", "ab", ":", "é", "{"])).toString("base64"),
    }));
  if (subject === "json") choices.push(() => random.pick([null, true, false]));
  return random.pick(choices)();
}

function sampleWildcard(random: Random): string {
  return random.pick([
    "*",
    "a*",
    "*b",
    "*b*",
    "a*c",
    "*X*X*",
    "a*b*c",
    "\\*",
    "*\\\\*",
    "*é",
    "",
    "f*d",
    "10.*.7",
    "*a*a*",
    "eu-*",
    "x*x",
  ]);
}
