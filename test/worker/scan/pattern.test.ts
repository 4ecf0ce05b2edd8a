// Patterns that mean nothing are refused with the place of the mistake; those of AWS's documentation select what it
// says they select.
import { describe, expect, test } from "vitest";
import { isCode } from "../../../worker/errors.ts";
import {
  conditionsMax,
  matchersMax,
  patternCharactersMax,
  patternDepthMax,
} from "../../../worker/limits.ts";
import { compileSelection } from "../../../worker/scan/selection.ts";

/** The place and the words of the mistake. */
function mistakeIn(where: string): string {
  try {
    compileSelection({ where });
  } catch (error) {
    if (!isCode(error, "invalidCondition")) throw error;
    const { at, path, what } = error.detail;
    return `${at} ${path}: ${what}`;
  }
  return "none";
}

const mistakes: [pattern: string, mistake: string][] = [
  ["", "1 : no JSON: the text ends too early"],
  ["{", "2 : no JSON: the text ends too early"],
  ["{}x", '3 : no JSON: unexpected "x"'],
  ["{'data':[]}", `2 : no JSON: unexpected "'"`],
  ['{"data":{"a":["x"],}}', '20 data: no JSON: unexpected "}"'],
  ['{"data":{"a":["x" "y"]}}', '19 data.a: no JSON: unexpected "\\""'],
  ['{"data":{"a":[01]}}', '16 data.a: no JSON: unexpected "1"'],
  ['{"data":{"a":[1e400]}}', "15 data.a[0]: a number beyond those of JSON"],
  ['{"data":{"a":["\\ud800"]}}', "15 data.a[0]: half of a surrogate pair"],
  ['{"data":{"a":["x"],"a":["y"]}}', "20 data.a: the name is there twice"],
  ["[]", "1 : an object is expected"],
  ["{}", "1 : an empty object, which says nothing"],
  ['{"data":{}}', "9 data: an empty object, which says nothing"],
  ['{"data":{"a":{}}}', "14 data.a: an empty object, which says nothing"],
  [
    '{"Data":["x"]}',
    '9 Data: a record has partitionKey, approximateArrivalTimestamp, data, and no "Data"',
  ],
  ['{"partitionKey":"a"}', "17 partitionKey: an array of what the value may be is expected"],
  [
    '{"partitionKey":{"prefix":"a"}}',
    "17 partitionKey: an array of what the value may be is expected",
  ],
  ['{"partitionKey":[]}', "17 partitionKey: an empty array, which nothing can match"],
  ['{"partitionKey":[1]}', "18 partitionKey[0]: a partition key is a text"],
  ['{"partitionKey":[null]}', "18 partitionKey[0]: a partition key is a text"],
  ['{"partitionKey":[["a"]]}', "18 partitionKey[0]: an array within an array"],
  [
    '{"partitionKey":[{"numeric":["=",1]}]}',
    "29 partitionKey[0].numeric: not with numeric: a partition key is a text",
  ],
  [
    '{"approximateArrivalTimestamp":["2026-01-01"]}',
    "33 approximateArrivalTimestamp[0]: an arrival time is a number of seconds",
  ],
  [
    '{"approximateArrivalTimestamp":[{"prefix":"1"}]}',
    "43 approximateArrivalTimestamp[0].prefix: not with prefix: an arrival time is a number of seconds",
  ],
  ['{"data":[5]}', "10 data[0]: data that is no JSON object is looked at as bytes"],
  [
    '{"data":[{"exists":true}]}',
    "20 data[0].exists: not with exists: data that is no JSON object is looked at as bytes",
  ],
  ['{"data":[{"bytes":"*"}]}', "19 data[0].bytes: base64 is expected"],
  ['{"data":{"a":"x"}}', "14 data.a: an array of what the value may be is expected"],
  ['{"data":{"a":[{}]}}', "15 data.a[0]: an empty object"],
  [
    '{"data":{"a":[{"prefix":"x","suffix":"y"}]}}',
    "15 data.a[0]: one comparison in an object is expected",
  ],
  ['{"data":{"a":[{"Prefix":"x"}]}}', '25 data.a[0].Prefix: no such comparison: "Prefix"'],
  ['{"data":{"a":[{"prefix":1}]}}', "25 data.a[0].prefix: a text is expected"],
  [
    '{"data":{"a":[{"prefix":{"suffix":"x"}}]}}',
    "25 data.a[0].prefix: a text or equals-ignore-case is expected",
  ],
  [
    '{"data":{"a":[{"equals-ignore-case":["x"]}]}}',
    "37 data.a[0].equals-ignore-case: a text is expected",
  ],
  ['{"data":{"a":[{"exists":"true"}]}}', "25 data.a[0].exists: true or false is expected"],
  ['{"data":{"a":[{"wildcard":"a**b"}]}}', "27 data.a[0].wildcard: two stars in a row"],
  [
    '{"data":{"a":[{"wildcard":"a\\\\b"}]}}',
    "27 data.a[0].wildcard: a backslash stands before a star or a backslash only",
  ],
  [
    '{"data":{"a":[{"cidr":"10.0.0.0"}]}}',
    "23 data.a[0].cidr: a range such as 10.0.0.0/24 or 2001:db8::/32 is expected",
  ],
  [
    '{"data":{"a":[{"cidr":"10.0.0.0/33"}]}}',
    "23 data.a[0].cidr: a range such as 10.0.0.0/24 or 2001:db8::/32 is expected",
  ],
  [
    '{"data":{"a":[{"cidr":"2001:db8::1::/32"}]}}',
    "23 data.a[0].cidr: a range such as 10.0.0.0/24 or 2001:db8::/32 is expected",
  ],
  ['{"data":{"a":[{"numeric":5}]}}', "26 data.a[0].numeric: an array is expected"],
  [
    '{"data":{"a":[{"numeric":[]}]}}',
    "26 data.a[0].numeric: a relation and a number, or two of them, are expected",
  ],
  [
    '{"data":{"a":[{"numeric":["!=",5]}]}}',
    "27 data.a[0].numeric[0]: one of = < <= > >= is expected",
  ],
  ['{"data":{"a":[{"numeric":[">","5"]}]}}', "31 data.a[0].numeric[1]: a number is expected"],
  ['{"data":{"a":[{"numeric":[">",5,"<",5]}]}}', "26 data.a[0].numeric: no range of numbers"],
  ['{"data":{"a":[{"numeric":[">",5,">",6]}]}}', "26 data.a[0].numeric: no range of numbers"],
  ['{"data":{"a":[{"anything-but":[]}]}}', "31 data.a[0].anything-but: an empty array"],
  [
    '{"data":{"a":[{"anything-but":null}]}}',
    "31 data.a[0].anything-but: a text or a number is expected",
  ],
  [
    '{"data":{"a":[{"anything-but":{"numeric":["=",1]}}]}}',
    "31 data.a[0].anything-but: one of prefix, suffix, equals-ignore-case, wildcard is expected",
  ],
  ['{"$or":[{"partitionKey":["a"]}]}', "8 $or: an array of two patterns or more is expected"],
  ['{"$or":{"partitionKey":["a"]}}', "8 $or: an array of two patterns or more is expected"],
  ['{"data":{"$or":[{"a":["x"]},{}]}}', "29 data.$or[1]: an empty object, which says nothing"],
];

test.each(mistakes)("%s is refused: %s", (pattern, mistake) => {
  expect(mistakeIn(pattern)).toBe(mistake);
});

function fieldsOf(count: number): string {
  const names = Array.from({ length: count }, (_, i) => `f${i}`);
  return JSON.stringify({ data: Object.fromEntries(names.map((name) => [name, ["x"]])) });
}

function prefixesOf(count: number): string {
  const prefixes = Array.from({ length: count }, (_, i) => ({ prefix: `p${i}` }));
  return JSON.stringify({ data: { a: prefixes } });
}

function nested(depth: number): string {
  return `{"data":${'{"a":'.repeat(depth)}["x"]${"}".repeat(depth)}}`;
}

function long(characters: number): string {
  const text = "x".repeat(characters - 20);
  return JSON.stringify({ data: { a: [text] } }).padEnd(characters);
}

describe("bounds", () => {
  test.each([
    ["conditions", fieldsOf(conditionsMax - 1), fieldsOf(conditionsMax)],
    ["comparisons", prefixesOf(matchersMax), prefixesOf(matchersMax + 1)],
    ["levels", nested(patternDepthMax - 2), nested(patternDepthMax)],
    ["characters", long(patternCharactersMax), long(patternCharactersMax + 1)],
  ])("as many %s as are allowed, and one more", (name, allowed, refused) => {
    expect(mistakeIn(allowed)).toBe("none");
    expect(mistakeIn(refused)).toMatch(/^\d+ .*: more than \d+ /);
    expect(mistakeIn(refused)).toContain(name);
  });

  test("numbers whose decimals would fill the engine's room", () => {
    const numbers = Array.from({ length: 64 }, (_, i) => ({ numeric: ["<", `${i + 1}e-307`] }));
    const pattern = JSON.stringify({ data: { a: numbers } }).replaceAll(/"(\d+e-307)"/g, "$1");
    expect(mistakeIn(pattern)).toMatch(/^1 : it takes more than \d+ bytes when compiled$|^none$/);
  });
});

test("hundreds of texts that a value may equal are one comparison", () => {
  const keys = Array.from({ length: 500 }, (_, i) => `customer-${i}`);
  expect(mistakeIn(JSON.stringify({ partitionKey: keys }))).toBe("none");
  expect(compileSelection({ keys })?.keys).toHaveLength(500);
});

test.each([
  ['{"partitionKey":["a","b"]}', ["a", "b"]],
  ['{"partitionKey":["a",{"prefix":"b"}]}', undefined],
  ['{"partitionKey":["a",{"exists":false}]}', undefined],
  ['{"$or":[{"partitionKey":["a"]},{"partitionKey":["b"]}]}', undefined],
])("%s: the keys that records must have are %j", (where, keys) => {
  expect(compileSelection({ where })?.keys?.map((key) => Buffer.from(key).toString())).toEqual(
    keys,
  );
});

test("nothing asked for is no selection", () => {
  expect(compileSelection({})).toBeUndefined();
  expect(compileSelection({ keys: [] })).toBeUndefined();
});
