// Runs random steps on the storage engine, in runs of at most a hundred; FUZZ_ROUNDS says how many
// steps there are in all, SEED repeats a run.

import * as fc from "fast-check";
import { inject, test, vi } from "vitest";
import { runSteps, type Step, steps } from "./storage-model.ts";

const stepsInRun = 100;

/** Steps of a run are chosen evenly from none to all. */
const stepsOnAverage = stepsInRun / 2;

export function fuzzStorage(what: string): void {
  const { rounds, seed } = inject("fuzz");
  const runs = Math.ceil(rounds / stepsOnAverage);
  const limitMs = 60_000 + rounds * 100;
  test(`fuzz: ${what}`, { timeout: 2 * limitMs }, async () => {
    // What the shard has to say about failures that were meant is not news.
    const errors = vi.spyOn(console, "error").mockImplementation(() => {});
    let taken = 0;
    const run = async (each: Step[]) => {
      taken += each.length;
      await runSteps(each);
    };
    const list = fc.array(steps, { maxLength: stepsInRun, size: "max" });
    // A seed whose runs are short, one of some thousands, takes more of them.
    for (let next = seed; ; next++) {
      await fc.assert(fc.asyncProperty(list, run), {
        numRuns: runs,
        seed: next,
        interruptAfterTimeLimit: limitMs,
        markInterruptAsFailure: true,
      });
      if (taken > rounds / 2) break;
    }
    errors.mockRestore();
    console.log(`fuzz: ${what}: SEED=${seed} FUZZ_ROUNDS=${rounds}, ${taken} steps`);
  });
}
