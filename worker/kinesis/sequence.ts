// Sequence numbers in the layout that AWS uses, so that clients which look inside (the KCL does)
// find what they expect: a decimal text of 56 digits whose order is the order of the records.
//
//   hex digit   0     1..9      10        11..26       27..28  29..37    38..45      46
//   bit       184..  148..183  144..147  80..143       72..79  36..71     4..35      0..3
//   content     2   created s   index&15  record index    00   arrived s  shard index  2
//
// The record index is the record's place in its shard, so a number read back says where to go on;
// its top bit is zero, and all ones below it mark the end of a closed shard. Two older versions
// are understood and never issued. After kinesalite db/index.js and the KCL's
// SequenceNumberValidator.
import { shardIndexMax } from "./shardId.ts";

export type SequenceNumber = SequenceV2 | SequenceV1 | SequenceV0;

interface SequenceShard {
  readonly shardCreatedMs: number;
  /** As encoded: negative when bit 31 is set, which no shard of ours has. */
  readonly shardIndex: number;
}

export interface SequenceV2 extends SequenceShard {
  readonly version: 2;
  readonly index: bigint;
  readonly arrivalMs: number;
}

export interface SequenceV1 extends SequenceShard {
  readonly version: 1;
  readonly index: bigint;
  readonly arrivalMs: number;
}

/** The oldest form has neither arrival time nor index. */
export interface SequenceV0 extends SequenceShard {
  readonly version: 0;
}

export interface SequenceFailure {
  readonly failure: "not a number" | "unknown version" | "index too high" | "date too large";
}

export const sequenceIndexMax = 0x7fff_ffff_ffff_ffffn;

/** The first second that is no date any more (kinesalite db/index.js). */
const createdSecondsEnd = 16_025_175_000;

/** The number of a record. Times count in whole seconds; the rest is exact. */
export function sequenceNumber(record: {
  readonly shardCreatedMs: number;
  readonly shardIndex: number;
  readonly index: bigint | number;
  readonly arrivalMs: number;
}): string {
  const { shardCreatedMs, shardIndex, arrivalMs } = record;
  const index = BigInt(record.index);
  const createdSeconds = Math.floor(shardCreatedMs / 1000);
  const arrivalSeconds = Math.floor(arrivalMs / 1000);
  if (
    !(createdSeconds >= 0 && createdSeconds < createdSecondsEnd) ||
    !(arrivalSeconds >= 0 && arrivalSeconds < 2 ** 36) ||
    !(Number.isInteger(shardIndex) && shardIndex >= 0 && shardIndex <= shardIndexMax) ||
    index < 0n ||
    index > sequenceIndexMax
  ) {
    throw new RangeError(
      `no sequence number for shard ${shardIndex} of ${shardCreatedMs}, ` +
        `record ${index} of ${arrivalMs}`,
    );
  }
  return (
    (2n << 184n) |
    (BigInt(createdSeconds) << 148n) |
    (BigInt(shardIndex & 15) << 144n) |
    (index << 80n) |
    (BigInt(arrivalSeconds) << 36n) |
    (BigInt(shardIndex) << 4n) |
    2n
  ).toString();
}

/** StartingSequenceNumber of a shard. */
export function startingSequenceNumber(shard: {
  readonly shardCreatedMs: number;
  readonly shardIndex: number;
}): string {
  return sequenceNumber({ ...shard, index: 0n, arrivalMs: shard.shardCreatedMs });
}

/** EndingSequenceNumber of a shard that was split or merged at `closedMs`. */
export function endingSequenceNumber(shard: {
  readonly shardCreatedMs: number;
  readonly shardIndex: number;
  readonly closedMs: number;
}): string {
  return sequenceNumber({ ...shard, index: sequenceIndexMax, arrivalMs: shard.closedMs });
}

/** The fields of a client's number, or why it has none. */
export function parseSequenceNumber(text: string): SequenceNumber | SequenceFailure {
  if (!/^(?:0|[1-9]\d{0,128})$/.test(text)) return { failure: "not a number" };
  const number = BigInt(text);
  if (number < 1n << 129n) return parseV0(number);
  if (number <= 1n << 185n || number >= 3n << 184n) return { failure: "unknown version" };
  const version = number & 15n;
  return version === 2n
    ? parseV2(number)
    : version === 1n
      ? parseV1(number)
      : { failure: "unknown version" };
}

function parseV2(number: bigint): SequenceV2 | SequenceFailure {
  const index = bits(number, 80n, 64n);
  if (index > sequenceIndexMax) return { failure: "index too high" };
  const createdSeconds = Number(bits(number, 148n, 36n));
  if (createdSeconds >= createdSecondsEnd) return { failure: "date too large" };
  return {
    version: 2,
    shardCreatedMs: createdSeconds * 1000,
    shardIndex: Number(BigInt.asIntN(32, number >> 4n)),
    index,
    arrivalMs: Number(bits(number, 36n, 36n)) * 1000,
  };
}

/** `2 | created (36) | index&15 (4) | 00 | arrived (36) | random (56) | index (8) | shard | 1`. */
function parseV1(number: bigint): SequenceV1 {
  return {
    version: 1,
    shardCreatedMs: Number(bits(number, 148n, 36n)) * 1000,
    shardIndex: Number(bits(number, 4n, 32n)),
    index: bits(number, 36n, 8n),
    arrivalMs: Number(bits(number, 100n, 36n)) * 1000,
  };
}

/**
 * `1 | created (36) | 00 | random (64) | shard (16)`, where the leading 1 may be left out. Fields
 * are counted from the top, so a number of 33 hex digits has them four bits higher.
 */
function parseV0(number: bigint): SequenceV0 | SequenceFailure {
  const whole = number < 1n << 124n ? number + (1n << 124n) : number;
  const shift = whole < 1n << 128n ? 0n : 4n;
  const createdSeconds = Number(bits(whole, 88n + shift, 36n));
  if (createdSeconds >= createdSecondsEnd) return { failure: "date too large" };
  return {
    version: 0,
    shardCreatedMs: createdSeconds * 1000,
    shardIndex: Number(bits(whole, shift, 16n)),
  };
}

function bits(number: bigint, shift: bigint, width: bigint): bigint {
  return (number >> shift) & ((1n << width) - 1n);
}
