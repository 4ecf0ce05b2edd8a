// The scanner beside the plain evaluator: every pattern and every record of a round, in both builds. One scanner serves
// all readers of an isolate, so the scans of a round take turns, each of which may end in the middle of a record.
import { expect } from "vitest";
import { isCode } from "../../worker/errors.ts";
import { bindChunk } from "../../worker/engine/chunk.ts";
import { noneSelected, type Scanner, type Selected } from "../../worker/engine/scanner.ts";
import { compileSelection } from "../../worker/scan/selection.ts";
import { packChunk } from "../reference/pack.ts";
import { type ScannedRecord, selects } from "../reference/scan.ts";
import { fuzz } from "./fuzz.ts";
import type { Random } from "./random.ts";
import { breakSome, samplePattern, sampleRecords, sampleSearches } from "./scanSamples.ts";
import { scanners } from "./scanBuilds.ts";

const recordsARound = 40;
const patternsARound = 10;
const uid = "2-16e5bc0a7ae5408a85df27ba25272fd7-0";
const workMax = 2 ** 30;

interface Scan {
  pattern: string;
  program: Uint8Array;
  expected: readonly number[];
}

fuzz("the scanner selects what the plain evaluator selects", (random) => {
  compareScans(random, sampleRecords(random, recordsARound), samplePattern);
});

fuzz("what was found of a value is not taken for that of another one", (random) => {
  const records = breakSome(random, sampleRecords(random, recordsARound));
  compareScans(random, records, sampleSearches);
});

function compareScans(
  random: Random,
  records: readonly ScannedRecord[],
  sample: (random: Random) => string,
): void {
  const chunk = packChunk({
    firstIndex: 0,
    timeOrdinal: 0,
    records: records.map((record) => ({ ...record, info: new Uint8Array(0) })),
  });
  bindChunk(chunk, uid);
  const scans = Array.from({ length: patternsARound }, (): Scan => {
    const { pattern, program } = sampleProgram(random, sample);
    const expected = records.flatMap((record, at) => (selects(pattern, record) ? [at] : []));
    return { pattern, program, expected };
  });
  for (const { name, scanner } of scanners) {
    const found = takeTurns(random, scanner, scans, chunk, records.length);
    for (const [i, { pattern, expected }] of scans.entries()) {
      const selected = recordsOf(found[i]!.runs);
      const differing = [...expected, ...selected].find(
        (at) => expected.includes(at) !== selected.includes(at),
      );
      const where =
        differing === undefined
          ? ""
          : `${name}: ${pattern} on ${Buffer.from(records[differing]!.data).toString().slice(0, 500)} key ${Buffer.from(records[differing]!.key).toString()}`;
      expect(selected, where).toEqual(expected);
    }
  }
}

/** Each scan goes on when it is its turn, until its work is done: often at once, else wherever it is then. */
function takeTurns(
  random: Random,
  scanner: Scanner,
  scans: readonly Scan[],
  chunk: Uint8Array,
  count: number,
): readonly Selected[] {
  const found = scans.map(() => noneSelected(0));
  const open = scans.map((_, i) => i);
  while (open.length > 0) {
    const i = random.pick(open);
    const { pattern, program, expected } = scans[i]!;
    // Or the whole chunk is asked about in between.
    if (random.chance(0.02)) {
      const isOut = scanner.rulesOut(program, chunk, workMax) === true;
      expect(isOut, `${pattern} rules out`).toBe(expected.length === 0);
      if (random.chance(0.5)) scanner.rulesOut(program, chunk, random.below(500));
    }
    const turns = random.pick([1, 1, 10, 1000]);
    const work = random.pick([1, random.below(500), workMax]);
    for (let turn = 0; turn < turns && found[i]!.next < count; turn++) {
      scanner.selectOn(found[i]!, program, chunk, count, Infinity, work);
    }
    if (found[i]!.next >= count) open.splice(open.indexOf(i), 1);
  }
  return found;
}

/** A pattern within the bounds. */
function sampleProgram(
  random: Random,
  sample: (random: Random) => string,
): { pattern: string; program: Uint8Array } {
  for (;;) {
    const pattern = sample(random);
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
