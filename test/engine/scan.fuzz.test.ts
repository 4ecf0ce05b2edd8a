// The scanner beside the plain evaluator: every pattern and every record of a round, in both builds.
import { expect } from "vitest";
import { isCode } from "../../worker/errors.ts";
import { compileSelection } from "../../worker/scan/selection.ts";
import { packChunk } from "../reference/pack.ts";
import { selects } from "../reference/scan.ts";
import { fuzz } from "./fuzz.ts";
import type { Random } from "./random.ts";
import { samplePattern, sampleRecords } from "./scanSamples.ts";
import { scanners } from "./scanBuilds.ts";

const recordsARound = 40;
const patternsARound = 10;

fuzz("the scanner selects what the plain evaluator selects", (random) => {
  const records = sampleRecords(random, recordsARound);
  const chunk = packChunk({
    firstIndex: 0,
    timeOrdinal: 0,
    records: records.map((record) => ({ ...record, info: new Uint8Array(0) })),
  });
  for (let i = 0; i < patternsARound; i++) {
    const { pattern, program } = sampleProgram(random);
    const expected = records.flatMap((record, at) => (selects(pattern, record) ? [at] : []));
    for (const { name, scanner } of scanners) {
      const { runs } = scanner.select(program, chunk, 0, records.length, Infinity);
      const found = recordsOf(runs);
      const differing = [...expected, ...found].find(
        (at) => expected.includes(at) !== found.includes(at),
      );
      const where =
        differing === undefined
          ? ""
          : `${name}: ${pattern} on ${Buffer.from(records[differing]!.data).toString().slice(0, 500)} key ${Buffer.from(records[differing]!.key).toString()}`;
      expect(found, where).toEqual(expected);
    }
  }
});

/** A pattern within the bounds. */
function sampleProgram(random: Random): { pattern: string; program: Uint8Array } {
  for (;;) {
    const pattern = samplePattern(random);
    try {
      return { pattern, program: compileSelection({ where: pattern })!.program };
    } catch (error) {
      if (!isCode(error, "invalidCondition") || !error.detail.what.startsWith("more than"))
        throw error;
    }
  }
}

function recordsOf(runs: readonly number[]): number[] {
  const records: number[] = [];
  for (let i = 0; i < runs.length; i += 2) {
    for (let at = runs[i]!; at < runs[i + 1]!; at++) records.push(at);
  }
  return records;
}
