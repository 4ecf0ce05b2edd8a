// Conditions on times alone are decided by bisection, and beside others once for each stretch between the numbers that
// they name: the same records as the plain evaluator selects, wherever the numbers and the range of records begin.

import { describe, expect, test } from "vitest";
import { compileSelection } from "../../worker/scan/selection.ts";
import { packChunk } from "../reference/pack.ts";
import { selects } from "../reference/scan.ts";
import { Random } from "./random.ts";
import { scanners } from "./scanBuilds.ts";

const startMs = 1_752_000_000_123;
const relations = ["=", "<", "<=", ">", ">="];

describe.each(scanners)("$name build", ({ scanner }) => {
  test.each([{}, { partitionKey: [{ prefix: "k" }] }])("times beside %j", (others) => {
    const random = new Random(3);
    for (let round = 0; round < 150; round++) {
      const records = sampleRecords(random);
      const chunk = packChunk({ firstIndex: 0, timeOrdinal: 0, records });
      const times = records.map(({ timeMs }) => timeMs);
      const pattern = JSON.stringify({
        ...others,
        approximateArrivalTimestamp: sample(random, times),
      });
      const { program } = compileSelection({ where: pattern })!;
      const from = random.below(records.length);
      const to = random.between(from + 1, records.length);
      const limit = random.chance(0.5) ? Infinity : random.between(1, 5);
      const matching = records.flatMap((record, i) =>
        i >= from && i < to && selects(pattern, record) ? [i] : [],
      );
      const { runs, count, next } = scanner.select(program, chunk, from, to, limit);
      const found: number[] = [];
      for (let i = 0; i < runs.length; i += 2) {
        for (let at = runs[i]!; at < runs[i + 1]!; at++) found.push(at);
      }
      const expected = matching.slice(0, limit);
      expect([pattern, found]).toEqual([pattern, expected]);
      expect(count).toBe(expected.length);
      expect(next).toBe(count === limit ? expected.at(-1)! + 1 : to);
    }
  });
});

function sampleRecords(random: Random) {
  let timeMs = startMs;
  return Array.from({ length: random.between(1, 60) }, (_, i) => {
    timeMs += random.pick([0, 0, 1, 1, 2, 1000, 70_000]);
    return { key: Buffer.from(`k${i}`), info: new Uint8Array(0), data: Buffer.from("x"), timeMs };
  });
}

/** Alternatives about times at, and around, those of records. */
function sample(random: Random, times: readonly number[]): unknown[] {
  const number = () => {
    const timeMs = random.pick(times) + random.pick([0, 0, 0, -1, 1, 0.5, -0.25]);
    return random.pick([timeMs / 1000, timeMs / 1000, 0, -1, 1e300, 5e-324]);
  };
  return Array.from({ length: random.between(1, 4) }, () =>
    random.chance(0.2)
      ? { "anything-but": [number(), number()] }
      : random.chance(0.2)
        ? number()
        : { numeric: [random.pick(relations), number()] },
  );
}
