import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  hashKeyMax,
  parseHashKey,
  parseShardId,
  readHashKey,
  shardIdOf,
  splitHashRange,
  writeHashKey,
} from "../../../worker/kinesis/hashkey.ts";

describe("hash ranges", () => {
  test.each<[number, [string, string][]]>([
    [1, [["0", "340282366920938463463374607431768211455"]]],
    [
      2,
      [
        ["0", "170141183460469231731687303715884105727"],
        ["170141183460469231731687303715884105728", "340282366920938463463374607431768211455"],
      ],
    ],
    [
      3,
      [
        ["0", "113427455640312821154458202477256070484"],
        ["113427455640312821154458202477256070485", "226854911280625642308916404954512140969"],
        ["226854911280625642308916404954512140970", "340282366920938463463374607431768211455"],
      ],
    ],
  ])("split in %d as the service splits", (count, ranges) => {
    expect(splitHashRange(count).map(({ start, end }) => [`${start}`, `${end}`])).toEqual(ranges);
  });

  test("any number of shards cover the key space without gap or overlap", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), (count) => {
        const ranges = splitHashRange(count);
        expect(ranges).toHaveLength(count);
        expect(ranges[0]?.start).toBe(0n);
        expect(ranges.at(-1)?.end).toBe(hashKeyMax);
        for (const [i, { start, end }] of ranges.entries()) {
          expect(start <= end).toBe(true);
          expect(ranges[i + 1]?.start ?? end + 1n).toBe(end + 1n);
        }
      }),
    );
  });

  test.each([0, -1, 1.5, Number.NaN])("no range is split in %d", (count) => {
    expect(() => splitHashRange(count)).toThrow(RangeError);
  });
});

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
        expect(readHashKey(left)).toBe(a);
        expect(Buffer.compare(left, right)).toBe(a < b ? -1 : a > b ? 1 : 0);
        expect(parseHashKey(a.toString())).toBe(a);
      }),
    );
  });

  test("keys and bytes out of bounds are refused", () => {
    expect(() => writeHashKey(-1n)).toThrow(RangeError);
    expect(() => writeHashKey(hashKeyMax + 1n)).toThrow(RangeError);
    expect(() => readHashKey(new Uint8Array(15))).toThrow(RangeError);
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
