// The Kinesis sequence number, second layout, in decimal: 186 bits that always print as 56 digits.
// Within a shard only two fields move, the record's index and its arrival second, so the number is
// made once per run from its bits and afterwards by adding in base 10^8, seven limbs, lowest first.
//
//   bit 184      148        144        80       72         36           4       0
//       ├─ 2 ─┤  created s │ nibble │  index  │  00  │ arrival s │ shard index │ 2
//
// Source of the layout: kinesalite db/index.js, stringifySequence.
import { writeEightDigits } from "./decimal";

/** Digits of a sequence number. */
export const SEQUENCE_BYTES: u32 = 56;
/** Bytes of the state that these functions keep: seven limbs and the arrival second. */
export const SEQUENCE_STATE_BYTES: usize = 64;

const LIMBS: u32 = 7;
const LIMB: u32 = 100000000;
const SECOND_AT: usize = 32;

/** Sets `state` to the number of a record and writes its digits to `text`. */
export function startSequence(
  state: usize,
  text: usize,
  createdSecond: u64,
  shardIndex: u32,
  index: u64,
  arrivalSecond: u64,
): void {
  const low: u64 = (arrivalSecond << 36) | ((<u64>shardIndex) << 4) | 2;
  const middle: u64 = (index << 16) | (arrivalSecond >> 28);
  const high: u64 =
    ((<u64>2) << 56) | (createdSecond << 20) | ((<u64>(shardIndex & 15)) << 16) | (index >> 48);
  divideLimbs(state, low, middle, high);
  store<u64>(state, arrivalSecond, SECOND_AT);
  writeSequence(state, text);
}

/** Writes all digits of `state` to `text`. */
export function writeSequence(state: usize, text: usize): void {
  for (let limb: u32 = 0; limb < LIMBS; limb++) writeLimb(state, text, limb);
}

/** Moves `state` and `text` on to the next index, with the next record's arrival second. */
export function nextSequence(state: usize, text: usize, arrivalSecond: u64): void {
  const seconds = arrivalSecond - load<u64>(state, SECOND_AT);
  if (seconds != 0) {
    store<u64>(state, arrivalSecond, SECOND_AT);
    addSeconds(state, seconds);
  }
  // 2^80 = 1 20892581 96146291 74706176
  let low0 = load<u32>(state) + 74706176;
  let carry: u32 = low0 >= LIMB ? 1 : 0;
  low0 -= carry * LIMB;
  let low1 = load<u32>(state, 4) + 96146291 + carry;
  carry = low1 >= LIMB ? 1 : 0;
  low1 -= carry * LIMB;
  let low2 = load<u32>(state, 8) + 20892581 + carry;
  carry = low2 >= LIMB ? 1 : 0;
  low2 -= carry * LIMB;
  const low3 = load<u32>(state, 12) + 1 + carry;
  store<u32>(state, low0);
  store<u32>(state, low1, 4);
  store<u32>(state, low2, 8);
  writeEightDigits(text + 48, low0);
  writeEightDigits(text + 40, low1);
  writeEightDigits(text + 32, low2);
  if (low3 < LIMB) {
    store<u32>(state, low3, 12);
    writeEightDigits(text + 24, low3);
  } else {
    store<u32>(state, low3 - LIMB, 12);
    writeEightDigits(text + 24, low3 - LIMB);
    carryFrom(state, text, 4);
  }
}

/** Adds seconds × 2^36 to limbs 0 to 3; their digits are written with the index. */
function addSeconds(state: usize, seconds: u64): void {
  // 2^36 = 687 19476736; limb 3 may be left at 10^8, which the next addition carries on
  const high = seconds / LIMB;
  const low = seconds - high * LIMB;
  let sum: u64 = load<u32>(state) + low * 19476736;
  store<u32>(state, <u32>(sum % LIMB));
  sum = sum / LIMB + load<u32>(state, 4) + low * 687 + high * 19476736;
  store<u32>(state, <u32>(sum % LIMB), 4);
  sum = sum / LIMB + load<u32>(state, 8) + high * 687;
  store<u32>(state, <u32>(sum % LIMB), 8);
  store<u32>(state, load<u32>(state, 12) + <u32>(sum / LIMB), 12);
}

/** Adds one to limb `limb` and carries on; rewrites the digits of each limb that changes. */
function carryFrom(state: usize, text: usize, limb: u32): void {
  for (; limb < LIMBS; limb++) {
    const at = state + (limb << 2);
    const value = load<u32>(at) + 1;
    if (value < LIMB) {
      store<u32>(at, value);
      writeLimb(state, text, limb);
      return;
    }
    store<u32>(at, 0);
    writeLimb(state, text, limb);
  }
}

function writeLimb(state: usize, text: usize, limb: u32): void {
  writeEightDigits(text + 48 - (limb << 3), load<u32>(state + (limb << 2)));
}

/** Splits a 192-bit number into limbs: long division by 10^8, 32 bits at a step. */
function divideLimbs(state: usize, low: u64, middle: u64, high: u64): void {
  for (let limb: u32 = 0; limb < LIMBS; limb++) {
    let rest: u64 = 0;
    let part = (rest << 32) | (high >> 32);
    let upper = part / LIMB;
    rest = part % LIMB;
    part = (rest << 32) | (high & 0xffffffff);
    high = (upper << 32) | (part / LIMB);
    rest = part % LIMB;
    part = (rest << 32) | (middle >> 32);
    upper = part / LIMB;
    rest = part % LIMB;
    part = (rest << 32) | (middle & 0xffffffff);
    middle = (upper << 32) | (part / LIMB);
    rest = part % LIMB;
    part = (rest << 32) | (low >> 32);
    upper = part / LIMB;
    rest = part % LIMB;
    part = (rest << 32) | (low & 0xffffffff);
    low = (upper << 32) | (part / LIMB);
    store<u32>(state + (limb << 2), <u32>(part % LIMB));
  }
}
