// The scanner beside the plain evaluator: every pattern and every record of a round, in both builds.
import { expect } from "vitest";
import { isCode } from "../../worker/errors.ts";
import { noneSelected, type Scanner } from "../../worker/engine/scanner.ts";
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
      // In one call, or in many that stop wherever their work is done.
      const work = i % 3 === 0 ? 1 : i % 3 === 1 ? 1 + random.below(500) : undefined;
      const found = recordsOf(selectBy(scanner, program, chunk, records.length, work));
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

function selectBy(
  scanner: Scanner,
  program: Uint8Array,
  chunk: Uint8Array,
  count: number,
  work: number | undefined,
): readonly number[] {
  if (work === undefined) return scanner.select(program, chunk, 0, count, Infinity).runs;
  const selected = noneSelected(0);
  while (selected.next < count) {
    scanner.selectOn(selected, program, chunk, count, Infinity, work);
  }
  return selected.runs;
}

function recordsOf(runs: readonly number[]): number[] {
  const records: number[] = [];
  for (let i = 0; i < runs.length; i += 2) {
    for (let at = runs[i]!; at < runs[i + 1]!; at++) records.push(at);
  }
  return records;
}
