import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  hashKeyMax,
  parseHashKey,
  parseShardId,
  shardIdOf,
  writeHashKey,
} from "../../../worker/kinesis/hashkey.ts";
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

describe("shard ids", () => {
  test.each([
    [0, "shardId-000000000000"],
    [7, "shardId-000000000007"],
    [2147483647, "shardId-002147483647"],
    [-1, "shardId--00000000001"],
    [-2147483648, "shardId--02147483648"],
  ])("%d is written %s", (index, id) => {
    expect(shardIdOf(index)).toBe(id);
  });

  test.each([
    ["shardId-000000000007", 7],
    ["shardId-0", 0],
    ["a-00002147483647", 2147483647],
    ["-00002147483647", 2147483647],
    ["2147483647", 2147483647],
    ["shardId-1-2", 1],
    ["shardId-2147483648", undefined],
    ["2147483648", undefined],
    ["9".repeat(400), undefined],
    ["ABKLFD8", undefined],
    ["2.14E4", undefined],
    ["shardId-", undefined],
    ["shardId--1", undefined],
    ["-", undefined],
    ["", undefined],
  ])("%s names %j", (id, index) => {
    expect(parseShardId(id)).toBe(index);
  });
});
