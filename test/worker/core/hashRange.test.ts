import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hashNumber, splitHashRange } from "../../../worker/core/hashRange.ts";

const numbers = (count: number) =>
  splitHashRange(count).map(({ start, end }) => ({
    start: hashNumber(start),
    end: hashNumber(end),
  }));

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
    expect(numbers(count).map(({ start, end }) => [`${start}`, `${end}`])).toEqual(ranges);
  });

  test("any number of shards cover the key space without gap or overlap", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), (count) => {
        const ranges = numbers(count);
        expect(ranges).toHaveLength(count);
        expect(ranges[0]?.start).toBe(0n);
        expect(ranges.at(-1)?.end).toBe((1n << 128n) - 1n);
        for (const [i, { start, end }] of ranges.entries()) {
          expect(start <= end).toBe(true);
          expect(ranges[i + 1]?.start ?? end + 1n).toBe(end + 1n);
        }
      }),
    );
  });
});
