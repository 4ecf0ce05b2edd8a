// Random records, chunks and shards whose every quantity sits near an edge of the format more
// often than not: the block sizes of SIMD code, the widths of columns, seconds about to turn,
// keys made of everything that JSON escapes or UTF-8 spreads over several bytes.

import type { ModelChunk, ModelRecord } from "../reference/record.ts";
import type { ModelShard } from "../reference/render.ts";
import type { Random } from "./random.ts";

export type SampleRecord = Omit<ModelRecord, "timeMs">;

const DATA_BYTES_EDGES = [
  0, 0, 1, 2, 3, 4, 11, 12, 13, 15, 16, 17, 23, 24, 25, 31, 32, 33, 35, 36, 37, 47, 48, 49, 63, 64,
  65, 95, 96, 97, 127, 128, 129, 255, 256, 257, 1023, 1024, 1025,
];
// From steps of nothing to the widest that four bytes hold; a chunk takes some prefix of them.
const TIME_STEPS_MS = [
  0, 0, 0, 1, 5, 254, 255, 256, 999, 1000, 1001, 65_535, 65_536, 16_777_215, 16_777_216,
  2_147_483_648, 4_294_967_295,
];
const INDEX_EDGES = [
  0, 1, 9, 99_999, 2_147_483_648, 4_294_967_295, 4_294_967_296, 999_999_999_999_998,
  1_125_899_906_842_224,
];
const TIME_MS_EDGES = [
  0, 1, 999, 1000, 9_999, 1_459_799_926_480, 1_499_999_999_999, 1_500_000_000_000,
  1_999_999_999_998, 4_294_967_295_999, 9_999_999_999_999, 16_025_174_999_000,
];
export const SHARD_INDEX_EDGES = [0, 1, 9, 10, 15, 16, 17, 4095, 4096, 2 ** 31 - 1];

const PLAIN = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_.:/+= ~".split("");
const ESCAPED = ['"', "\\", ...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code))];
const SPREAD = ["\u007f", "\u0080", "é", "߿", "ࠀ", "語", "\u2028", "\ufeff", "\uffff", "𐀀", "😀"];
const ALPHABETS = [PLAIN, PLAIN, ESCAPED, SPREAD, [...PLAIN, ...ESCAPED], [...ESCAPED, ...SPREAD]];

/** Partition keys have at most 256 characters (AWS API reference, PutRecord). */
export const KEY_CHARACTERS_MAX = 256;
/** Client info has at most 128 bits (Iguazio reference, PutRecords). */
export const INFO_BYTES_MAX = 16;

export function sampleChunk(random: Random): ModelChunk {
  const records = sampleRecords(random);
  const timesMs = sampleTimes(random, records.length);
  return {
    firstIndex: random.chance(0.7) ? random.pick(INDEX_EDGES) : random.below(2 ** 50 - 10_000),
    timeOrdinal: random.pick([0, 0, 1, 2, 98, 999_000]),
    records: records.map((record, i) => Object.assign(record, { timeMs: timesMs[i]! })),
  };
}

/** Records of one shape or of many; a few of them, sometimes hundreds. */
export function sampleRecords(random: Random): SampleRecord[] {
  const count = random.chance(0.1) ? random.between(100, 300) : random.between(1, 24);
  const uniformData = random.chance(0.4) ? sampleDataBytes(random) : undefined;
  const uniformKey = random.chance(0.4) ? sampleKey(random) : undefined;
  const uniformInfo = random.chance(0.6) ? random.pick([0, 0, 0, 1, INFO_BYTES_MAX]) : undefined;
  return Array.from({ length: count }, () => ({
    key: uniformKey ?? sampleKey(random),
    info: random.bytes(uniformInfo ?? random.between(0, INFO_BYTES_MAX)),
    data: random.bytes(uniformData ?? sampleDataBytes(random)),
  }));
}

export function sampleKey(random: Random): Uint8Array {
  if (random.chance(0.2)) return new Uint8Array(0);
  const alphabet = random.pick(ALPHABETS);
  const count = random.chance(0.1) ? KEY_CHARACTERS_MAX : random.between(1, 40);
  const characters = Array.from({ length: count }, () =>
    random.chance(0.9) ? random.pick(alphabet) : random.pick(PLAIN),
  );
  return new TextEncoder().encode(characters.join(""));
}

export function sampleShard(random: Random): ModelShard {
  return {
    createdMs: random.pick([...TIME_MS_EDGES, random.below(16_025_175_000_000)]),
    index: random.chance(0.8) ? random.pick(SHARD_INDEX_EDGES) : random.below(2 ** 31),
    createdAhead: random.chance(0.5),
  };
}

/** A range of at least one record; more often than not it touches an end of the chunk. */
export function sampleRange(random: Random, count: number): [from: number, to: number] {
  const from = random.chance(0.4) ? 0 : random.below(count);
  const to = random.chance(0.4) ? count : random.between(from + 1, count);
  return [from, to];
}

function sampleDataBytes(random: Random): number {
  return random.chance(0.8) ? random.pick(DATA_BYTES_EDGES) : random.below(3000);
}

/** Arrival times that never go back and span less than the format's 2^32 ms. */
function sampleTimes(random: Random, count: number): number[] {
  const firstMs = random.chance(0.7) ? random.pick(TIME_MS_EDGES) : random.below(16 * 10 ** 12);
  const changes = random.chance(0.5) ? 0 : random.pick([0.05, 0.5, 1]);
  const steps = TIME_STEPS_MS.slice(0, random.between(4, TIME_STEPS_MS.length));
  const times = [firstMs];
  for (let i = 1; i < count; i++) {
    const step = random.chance(changes) ? random.pick(steps) : 0;
    const spent = times[i - 1]! - firstMs;
    times.push(times[i - 1]! + Math.min(step, 2 ** 32 - 1 - spent));
  }
  return times;
}
