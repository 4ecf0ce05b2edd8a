// The Kinesis sequence number, second layout, in decimal: 186 bits that always print as 56 digits.
// Within a shard only two fields move, the record's index and its arrival second, so the number is
// made once per run from its bits and afterwards by adding in decimal, 32 digits at once.
//
//   bit 184      148        144        80       72         36           4       0
//       ├─ 2 ─┤  created s │ nibble │  index  │  00  │ arrival s │ shard index │ 2
//
// The moving digits are kept as text, lowest first. The 24 above them change once in ten million
// records; they stand in the caller's text and are changed there. Source of the layout: kinesalite
// db/index.js, stringifySequence.
import { writeEightDigits } from "./decimal";
import { SCRATCH } from "./layout";

/** Digits of a sequence number. */
export const SEQUENCE_BYTES: u32 = 56;
/** The upper digits, which rarely change: the caller copies them with the text around them. */
export const SEQUENCE_HIGH_BYTES: u32 = 24;

const LIMBS: u32 = 7;
const LIMB: u64 = 100000000;

/** The moving digits, and room to print an addend. */
const LOW: usize = SCRATCH;
const ADDEND: usize = SCRATCH + 32;

/** 2^80 = 1208925819614629174706176, lowest digit first. */
const INDEX_STEP = memory.data<u8>(
  [6, 7, 1, 6, 0, 7, 4, 7, 1, 9, 2, 6, 4, 1, 6, 9, 1, 8, 5, 2, 9, 8, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0],
  16,
);
const REVERSE = memory.data<u32>([0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203], 16);
const NINE = memory.data<u32>([0x39393939, 0x39393939, 0x39393939, 0x39393939], 16);
const TEN = memory.data<u32>([0x0a0a0a0a, 0x0a0a0a0a, 0x0a0a0a0a, 0x0a0a0a0a], 16);
/** Lane i of a half looks at bit i of its sixteen: which byte, and which bit of it. */
const LOW_BYTES = memory.data<u32>([0, 0, 0x01010101, 0x01010101], 16);
const HIGH_BYTES = memory.data<u32>([0x02020202, 0x02020202, 0x03030303, 0x03030303], 16);
const BITS = memory.data<u32>([0x08040201, 0x80402010, 0x08040201, 0x80402010], 16);

/** Starts with the number of a record, and writes all its digits to `text`. */
export function startSequence(
  text: usize,
  createdSecond: u64,
  shardIndex: u32,
  index: u64,
  arrivalSecond: u64,
): void {
  assert(createdSecond >> 36 == 0 && arrivalSecond >> 36 == 0, "a second too late");
  assert(index >> 50 == 0, "an index too large");
  const low: u64 = (arrivalSecond << 36) | ((<u64>shardIndex) << 4) | 2;
  const middle: u64 = (index << 16) | (arrivalSecond >> 28);
  const high: u64 =
    ((<u64>2) << 56) | (createdSecond << 20) | ((<u64>(shardIndex & 15)) << 16) | (index >> 48);
  writeLimbs(text, low, middle, high);
  v128.store(LOW, reverse(v128.load(text, 40)));
  v128.store(LOW, reverse(v128.load(text, 24)), 16);
}

/** Writes the moving digits into a number at `text`. */
export function writeSequence(text: usize): void {
  v128.store(text, reverse(v128.load(LOW, 16)), 24);
  v128.store(text, reverse(v128.load(LOW)), 40);
}

/**
 * Advances to the next index, and by the seconds since the last record's arrival, below 2^27. In
 * `text` only the upper digits are updated.
 */
export function nextSequence(text: usize, seconds: u64): void {
  assert(seconds >> 27 == 0, "seconds too many");
  if (seconds != 0) addSeconds(text, seconds);
  addDigits(text, v128.load(INDEX_STEP), v128.load(INDEX_STEP, 16));
}

/** Adds seconds × 2^36. */
function addSeconds(text: usize, seconds: u64): void {
  const amount = seconds << 36;
  const high = amount / LIMB;
  v128.store(ADDEND, i8x16.splat(0x30));
  writeEightDigits(ADDEND + 8, <u32>(high / LIMB));
  writeEightDigits(ADDEND + 16, <u32>(high % LIMB));
  writeEightDigits(ADDEND + 24, <u32>(amount % LIMB));
  const zeros = i8x16.splat(0x30);
  const low = reverse(v128.load(ADDEND, 16));
  addDigits(text, v128.xor(low, zeros), v128.xor(reverse(v128.load(ADDEND)), zeros));
}

/**
 * Adds two times sixteen digits, lowest first, as numbers 0 to 9. A sum above nine makes a carry,
 * and a nine passes a carry on. As bits, both sets are added, so that the machine's own carry runs
 * through the nines. The bits that this addition flips are the digits that receive a carry.
 */
function addDigits(text: usize, lowAddend: v128, highAddend: v128): void {
  const nine = v128.load(NINE);
  const low = i8x16.add(v128.load(LOW), lowAddend);
  const high = i8x16.add(v128.load(LOW, 16), highAddend);
  const makes = bitsOf(i8x16.gt_s(low, nine), i8x16.gt_s(high, nine));
  const passes = bitsOf(i8x16.eq(low, nine), i8x16.eq(high, nine));
  const takes = ((makes << 1) + passes) ^ passes;
  const spread = i32x4.splat(<u32>takes);
  v128.store(LOW, settle(low, i8x16.relaxed_swizzle(spread, v128.load(LOW_BYTES)), nine));
  v128.store(LOW, settle(high, i8x16.relaxed_swizzle(spread, v128.load(HIGH_BYTES)), nine), 16);
  if (takes >> 32 != 0) carryOut(text + SEQUENCE_HIGH_BYTES - 1);
}

/** Adds one where a lane's bit is set, and subtracts ten from every digit above nine. */
function settle(digits: v128, carries: v128, nine: v128): v128 {
  const bits = v128.load(BITS);
  const sums = i8x16.sub(digits, i8x16.eq(v128.and(carries, bits), bits));
  return i8x16.sub(sums, v128.and(i8x16.gt_s(sums, nine), v128.load(TEN)));
}

function bitsOf(low: v128, high: v128): u64 {
  return <u64>(<u32>(i8x16.bitmask(low) | (i8x16.bitmask(high) << 16)));
}

/** Adds one to the digits that end at `at`. */
function carryOut(at: usize): void {
  while (load<u8>(at) == 0x39) {
    store<u8>(at, 0x30);
    at--;
  }
  store<u8>(at, load<u8>(at) + 1);
}

function reverse(digits: v128): v128 {
  return i8x16.relaxed_swizzle(digits, v128.load(REVERSE));
}

/** Writes a 192-bit number below 10^56: long division by 10^8, 32 bits at a step. */
function writeLimbs(text: usize, low: u64, middle: u64, high: u64): void {
  for (let limb: u32 = LIMBS; limb > 0; limb--) {
    let rest: u64 = 0;
    let part = (rest << 32) | (high >> 32);
    let upper = part / LIMB;
    rest = part - upper * LIMB;
    part = (rest << 32) | (high & 0xffffffff);
    let lower = part / LIMB;
    rest = part - lower * LIMB;
    high = (upper << 32) | lower;
    part = (rest << 32) | (middle >> 32);
    upper = part / LIMB;
    rest = part - upper * LIMB;
    part = (rest << 32) | (middle & 0xffffffff);
    lower = part / LIMB;
    rest = part - lower * LIMB;
    middle = (upper << 32) | lower;
    part = (rest << 32) | (low >> 32);
    upper = part / LIMB;
    rest = part - upper * LIMB;
    part = (rest << 32) | (low & 0xffffffff);
    lower = part / LIMB;
    rest = part - lower * LIMB;
    low = (upper << 32) | lower;
    writeEightDigits(text + ((limb - 1) << 3), <u32>rest);
  }
}
