// Shards, indexes and arrival times whose Kinesis sequence numbers stand at the end of a long
// run of nines, so that the next index or the next second rolls the run over. A renderer that
// keeps a number in decimal pieces must carry from piece to piece exactly here.

import type { ModelShard } from "../reference/render.ts";
import { sequenceNumber } from "../reference/render.ts";

export interface Carry {
  /** Decimal digits that roll over. */
  digits: number;
  shard: ModelShard;
  index: number;
  timeMs: number;
}

const CREATED_SECOND = 1_542_776_258;
const SHARD_INDEX = 6;
const TIME_MS = 1_545_084_650_999;
const INDEX_UNIT = 2n ** 80n;
const SECOND_UNIT = 2n ** 36n;
/** Leaves room for a few records on either side. */
const INDEX_MIN = 5;
const INDEX_MAX = 2 ** 50 - 10;
const SECOND_MAX = 16_025_174_998;

/** The record after `index` has the first number beyond a multiple of 10^digits. */
export function indexCarries(): Carry[] {
  return listDigits(25, 43).map((digits) => {
    for (let second = CREATED_SECOND; ; second++) {
      const shard = { createdMs: second * 1000, index: SHARD_INDEX };
      const base = BigInt(sequenceNumber(0, TIME_MS, shard));
      const index = stepsBelow(base, INDEX_UNIT, 10n ** BigInt(digits));
      if (index >= INDEX_MIN && index <= INDEX_MAX)
        return { digits, shard, index, timeMs: TIME_MS };
    }
  });
}

/** The second after `timeMs` gives the first number beyond a multiple of 10^digits. */
export function secondCarries(): Carry[] {
  const shard = { createdMs: CREATED_SECOND * 1000, index: SHARD_INDEX };
  return listDigits(11, 23).map((digits) => {
    for (let index = INDEX_MIN; ; index++) {
      const base = BigInt(sequenceNumber(index, 0, shard));
      const second = stepsBelow(base, SECOND_UNIT, 10n ** BigInt(digits));
      if (second < SECOND_MAX) return { digits, shard, index, timeMs: second * 1000 + 999 };
    }
  });
}

function listDigits(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Steps of `unit` from `base` to the last number below the next multiple of `round`. */
function stepsBelow(base: bigint, unit: bigint, round: bigint): number {
  const target = (base / round + 1n) * round;
  return Number((target - base - 1n) / unit);
}
