// Hash keys on the wire and in bulk.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hashKeyMax, parseHashKey, writeHashKey } from "../../../worker/core/hashKey.ts";
import { hashNumber } from "../../../worker/core/hashRange.ts";

describe("hash keys", () => {
  test.each([
    ["0", 0n],
    ["7", 7n],
    ["340282366920938463463374607431768211455", hashKeyMax],
  ])("%s is read", (text, key) => {
    expect(parseHashKey(text)).toBe(key);
  });

  test.each([
    "",
    "00",
    "01",
    "-1",
    "+1",
    "1e3",
    "0x1",
    " 1",
    "1 ",
    "1\n",
    "340282366920938463463374607431768211456",
    "9".repeat(39),
    "1".repeat(40),
  ])("%j is none", (text) => {
    expect(parseHashKey(text)).toBeUndefined();
  });

  test("16 big-endian bytes and back, in the order of the numbers", () => {
    expect(Buffer.from(writeHashKey(1n << 120n)).toString("hex")).toBe(`01${"00".repeat(15)}`);
    expect(Buffer.from(writeHashKey(258n)).toString("hex")).toBe(`${"00".repeat(14)}0102`);
    const key = fc.bigInt({ min: 0n, max: hashKeyMax });
    fc.assert(
      fc.property(key, key, (a, b) => {
        const [left, right] = [writeHashKey(a), writeHashKey(b)];
        expect(hashNumber(Buffer.from(left).toString("hex"))).toBe(a);
        expect(Buffer.compare(left, right)).toBe(a < b ? -1 : a > b ? 1 : 0);
        expect(parseHashKey(a.toString())).toBe(a);
      }),
    );
  });

  test("keys out of bounds are refused", () => {
    expect(() => writeHashKey(-1n)).toThrow(RangeError);
    expect(() => writeHashKey(hashKeyMax + 1n)).toThrow(RangeError);
  });
});
