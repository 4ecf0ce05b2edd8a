// Filters of keys: every key that is there is found, few others are, and the bytes are those of docs/FORMAT.md.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  buildFilter,
  decodeFilters,
  encodeFilters,
  KeyHashes,
  mayHold,
} from "../../../worker/core/keyFilter.ts";
import { hashOfKey } from "../../../worker/core/keyHash.ts";
import { isCode, StreamError } from "../../../worker/errors.ts";
import { filterKeysMax } from "../../../worker/limits.ts";

function filterOf(keys: readonly string[]): Uint8Array | undefined {
  const hashes = new KeyHashes(keys.length);
  for (const key of keys) hashes.add(Buffer.from(key));
  return buildFilter(hashes);
}

/** Reference values of MurmurHash3_x86_32, as other implementations give them. */
test.each([
  ["hello", "high", 0x248bfa47],
  ["Hello, world!", "low", 0x24884cba],
  ["", "high", 0],
] as const)("the hash of %j (%s)", (key, part, hash) => {
  expect(hashOfKey(Buffer.from(key))[part]).toBe(hash);
});

describe.each([1, 2, 3, 4, 7, 10, 33, 100, 1000, 10_000])("%i keys", (count) => {
  const keys = Array.from({ length: count }, (_, i) => `customer-${i}`);
  const filter = filterOf(keys)!;

  test("all are found", () => {
    expect(keys.filter((key) => !mayHold(filter, hashOfKey(Buffer.from(key))))).toEqual([]);
  });

  test("at most one other in a hundred is", () => {
    const others = Array.from({ length: 20_000 }, (_, i) => hashOfKey(Buffer.from(`other ${i}`)));
    expect(others.filter((other) => mayHold(filter, other)).length).toBeLessThan(200);
  });

  test("a key that is there often counts once", () => {
    expect(filterOf([...keys, ...keys])).toEqual(filter);
  });
});

test("ten bits a key, and a little for the beginning", () => {
  const keys = Array.from({ length: 10_000 }, (_, i) => `k${i}`);
  expect(filterOf(keys)!.length * 8).toBeLessThan(10_000 * 10.5);
});

test("no keys: nothing is there", () => {
  const filter = filterOf([])!;
  for (const key of ["", "a", "b"])
    expect(mayHold(filter, hashOfKey(Buffer.from(key)))).toBe(false);
});

test("too many keys have no filter", () => {
  expect(filterOf(Array.from({ length: filterKeysMax + 1 }, (_, i) => `${i}`))).toBeUndefined();
});

const document = readFileSync(join(import.meta.dirname, "../../../docs/FORMAT.md"), "utf8");
const [, json = "", hex = ""] =
  /```json filters\n([^`]*)```\s+```hex\n([^`]*)```/.exec(document) ?? [];
const documented = Uint8Array.from(
  Buffer.from(hex.replaceAll(/#.*$/gm, "").replaceAll(/\s/g, ""), "hex"),
);

test("the example of docs/FORMAT.md has these bytes, and reads back", () => {
  const filters = (JSON.parse(json) as (string[] | null)[]).map((keys) =>
    keys?.length === undefined ? undefined : filterOf(keys),
  );
  expect(Buffer.from(encodeFilters(filters)).toString("hex")).toBe(
    Buffer.from(documented).toString("hex"),
  );
  expect(decodeFilters(documented)).toEqual(filters);
});

test.each([
  ["another magic", 0],
  ["another version", 4],
  ["another number of segments", 8],
  ["more segments than there are bytes", 11],
  ["another checksum", 12],
  ["another byte", 40],
])("%s is refused", (_, at) => {
  const bytes = Buffer.from(documented);
  bytes[at]! ^= 1;
  let error: unknown;
  try {
    decodeFilters(bytes);
  } catch (thrown) {
    error = thrown;
  }
  expect(isCode(error, "corrupt")).toBe(true);
});

test("bytes that are cut off are refused", () => {
  for (let length = 0; length < documented.length; length++) {
    expect(() => decodeFilters(documented.subarray(0, length))).toThrow(StreamError);
  }
});
