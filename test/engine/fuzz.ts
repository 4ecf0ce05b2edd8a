// Runs a claim on many random samples. A run takes its seed from SEED and its length from
// FUZZ_ROUNDS, prints both, and a failing round says how to repeat it alone.

import { test } from "vitest";
import { Random } from "./random.ts";

const ROUNDS_DEFAULT = 250;

const seed = readNumber("SEED") ?? Date.now() % 2 ** 32;
const rounds = readNumber("FUZZ_ROUNDS") ?? ROUNDS_DEFAULT;

console.log(`fuzz: SEED=${seed} FUZZ_ROUNDS=${rounds}`);

export function fuzz(claim: string, runRound: (random: Random) => void): void {
  test(`fuzz: ${claim}`, { timeout: 60_000 + rounds * 200 }, () => {
    for (let round = 0; round < rounds; round++) {
      const roundSeed = (seed + round) >>> 0;
      try {
        runRound(new Random(roundSeed));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error(`SEED=${roundSeed} FUZZ_ROUNDS=1: ${reason}`, { cause: error });
      }
    }
  });
}

function readNumber(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === "") return undefined;
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`${name}: not a count: ${text}`);
  return number;
}
