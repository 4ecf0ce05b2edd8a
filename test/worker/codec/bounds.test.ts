// How much a body may hold before anybody has asked who sent it: values are counted before they are built,
// in JSON and in CBOR, whatever the texts between them look like.

import { assert, json, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeCbor } from "../../../worker/codec/cborReader.ts";
import { parseJson } from "../../../worker/codec/json.ts";
import { requestItemsMax } from "../../../worker/limits.ts";

const bodyBytes = 16 * 1024 * 1024;

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** 16 MB of one text again and again, between two others. */
function filled(before: string, unit: string, after: string): Uint8Array {
  const count = Math.floor((bodyBytes - before.length - after.length) / unit.length);
  return utf8(before + unit.repeat(count) + after);
}

/** As many tens in JSON. */
function tens(length: number): Uint8Array {
  return utf8(JSON.stringify(Array.from({ length }, () => 10)));
}

/** 16 MB of the same bytes again and again, between two others. */
function repeated(first: number[], unit: number[], after: number[] = []): Uint8Array {
  const end = first.length + bodyBytes;
  const body = new Uint8Array(end + after.length);
  body.set(first);
  for (let at = first.length; at < end; at += unit.length) body.set(unit, at);
  body.set(after, end);
  return body;
}

/** A CBOR list of as many items. */
function listOf(count: number): number[] {
  return [0x9a, count >>> 24, (count >>> 16) & 255, (count >>> 8) & 255, count & 255];
}

/** As many zeros in CBOR. */
function zeros(count: number): Uint8Array {
  return Uint8Array.of(...listOf(count), ...new Uint8Array(count));
}

describe("JSON", () => {
  test.each([
    ["empty objects", filled('{"Records":[', "{},", "{}]}")],
    ["empty lists", filled("[", "[],", "[]]")],
    ["numbers", filled("[", "1,", "1]")],
    ["empty texts", filled('["', '","', '"]')],
    ["texts of escaped quotes", filled('["', '\\"","', '"]')],
    ["members", filled("{", '"":0,', '"":0}')],
    ["lists in lists", utf8("[".repeat(bodyBytes / 2) + "]".repeat(bodyBytes / 2))],
    ["objects in objects", utf8('{"":'.repeat(3_000_000) + "0" + "}".repeat(3_000_000))],
  ])("16 MB of %s are refused", (_, body) => {
    expect(() => parseJson(body)).toThrow(`more than ${requestItemsMax} values`);
  });

  test.each([
    ["commas", ","],
    ["brackets", "[{"],
    ["escaped quotes and commas", '\\",'],
    ["backslashes and commas", "\\\\,"],
  ])("16 MB of %s in a text are one value", (_, unit) => {
    const body = filled('{"a":"', unit, '"}');
    expect(parseJson(body)).toEqual({ a: expect.any(String) });
  });

  test("a list as long as is allowed is read, and one longer is not", () => {
    expect(parseJson(tens(requestItemsMax - 1))).toHaveLength(requestItemsMax - 1);
    expect(() => parseJson(tens(requestItemsMax))).toThrow("more than");
  });

  test("any value is read as JSON.parse reads it, until there are too many", () => {
    const sampled = property(json({ maxDepth: 4 }), (text) => {
      const value: unknown = JSON.parse(text);
      const count = countOf(value);
      // A body that is short enough is not counted at all.
      const body = utf8(text + " ".repeat(2 * count + 2));
      expect(parseJson(body, count)).toEqual(value);
      if (count > 1) expect(() => parseJson(body, count - 1)).toThrow("more than");
    });
    assert(sampled, { numRuns: 500 });
  });

  test("a byte order mark, broken UTF-8 and nothing at all are not JSON", () => {
    for (const body of [utf8("\ufeff{}"), Uint8Array.of(0x22, 0xff, 0x22), new Uint8Array(0)]) {
      expect(() => parseJson(body)).toThrow();
    }
  });
});

describe("CBOR", () => {
  test.each([
    ["empty texts", repeated(listOf(bodyBytes), [0x60])],
    ["empty byte strings", repeated([0x9f], [0x40], [0xff])],
    ["empty maps", repeated([0x9f], [0xa0], [0xff])],
    ["empty lists", repeated([0x9f], [0x80], [0xff])],
    ["numbers", repeated([0x9f], [0x00], [0xff])],
    ["members", repeated([0xbf], [0x60, 0x00], [0xff])],
    ["chunks of a text", repeated([0x7f], [0x60], [0xff])],
    ["chunks of a byte string", repeated([0x5f], [0x40], [0xff])],
    ["chunks of a key", repeated([0xbf, 0x7f], [0x60], [0xff, 0x00, 0xff])],
    ["tags", repeated([0x9f], [0xc1, 0x00], [0xff])],
  ])("16 MB of %s are refused", (_, body) => {
    expect(() => decodeCbor(body)).toThrow("too many items");
  });

  test("a list as long as is allowed is read, and one longer is not", () => {
    expect(decodeCbor(zeros(requestItemsMax - 1))).toHaveLength(requestItemsMax - 1);
    expect(() => decodeCbor(zeros(requestItemsMax))).toThrow("too many items");
  });
});

/** Values in a value, itself one of them; an empty list or object counts as two. */
function countOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  const parts = Object.values(value);
  return (
    1 +
    Math.max(
      1,
      parts.map(countOf).reduce((sum, each) => sum + each, 0),
    )
  );
}
