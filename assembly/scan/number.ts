// Compares the numbers of JSON as JSON.parse would read them: as the nearest IEEE double, ties to even. A number of
// few digits is computed exactly. Any other one is not converted at all: its decimal digits are compared with the
// two decimals between which everything rounds to the literal, which the compiler has worked out. So every spelling
// of a number, of any length, is compared right, in one pass over its digits.
import { EQUAL, GREATER, LESS } from "./program";
import { spend } from "./work";

const MINUS: u8 = 0x2d;
const POINT: u8 = 0x2e;
const ZERO: u8 = 0x30;

/** Larger exponents are all the same: no text is long enough to make up for them. */
const EXPONENT_MAX: i32 = 200_000_000;
/** Up to this power of ten, and this integer, doubles are exact, and so is one operation's rounding. */
const EXACT_POWER: i32 = 22;
const EXACT_INTEGER: u64 = 1 << 53;

const POWERS = memory.data<f64>(
  [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
    1e18, 1e19, 1e20, 1e21, 1e22,
  ],
  16,
);

// The number that is looked at.
let from: usize = 0;
let to: usize = 0;
let isNegative: bool = false;
let isExact: bool = false;
let value: f64 = 0;
// The same without a conversion: its digits but for zeros at both ends, 0 if there are none, and the power of ten of
// the place before the first of them.
let firstDigit: usize = 0;
let digitsEnd: usize = 0;
let power: i32 = 0;

/** Takes the text of a number, which need not be well formed: then the result means nothing. */
export function openNumber(start: usize, end: usize): void {
  spend(end - start);
  isNegative = load<u8>(start) == MINUS;
  from = start + usize(isNegative);
  to = end;
  let digits: u32 = 0;
  let integer: u64 = 0;
  let exponent: i32 = 0;
  let isFraction = false;
  let at = from;
  for (; at < to; at++) {
    const byte = load<u8>(at);
    const digit: u32 = byte - ZERO;
    if (digit < 10) {
      integer = integer * 10 + digit;
      digits += u32(integer != 0);
      exponent -= i32(isFraction);
    } else if (byte == POINT) isFraction = true;
    else break;
  }
  if (at < to) exponent += exponentAt(at + 1, to);
  isExact =
    digits <= 19 &&
    integer <= EXACT_INTEGER &&
    (integer == 0 || (exponent >= -EXACT_POWER && exponent <= EXACT_POWER));
  if (!isExact) return openDigits();
  value = <f64>integer;
  if (integer != 0 && exponent > 0) value *= load<f64>(POWERS + (exponent << 3));
  else if (integer != 0 && exponent < 0) value /= load<f64>(POWERS + (-exponent << 3));
  if (isNegative) value = -value;
}

/** Takes a number that is a double already. */
export function openDouble(double: f64): void {
  isExact = true;
  value = double;
}

/** How the number stands to a literal: LESS, EQUAL or GREATER. `base` is where offsets count from. */
export function relate(literal: usize, base: usize): u32 {
  const wanted = load<f64>(literal);
  if (isExact) return value < wanted ? LESS : value > wanted ? GREATER : EQUAL;
  const size = relateSize(literal, base);
  if (wanted == 0) return size == EQUAL ? EQUAL : isNegative ? LESS : GREATER;
  if (isNegative != wanted < 0) return isNegative ? LESS : GREATER;
  if (!isNegative || size == EQUAL) return size;
  return size == LESS ? GREATER : LESS;
}

/** The same for both without their signs. */
function relateSize(literal: usize, base: usize): u32 {
  const lower = load<u32>(literal, 8);
  if (lower != 0) {
    const side = relateDigits(base + lower);
    if (side == LESS || (side == EQUAL && load<u32>(literal, 16) == 0)) return LESS;
  }
  const side = relateDigits(base + load<u32>(literal, 12));
  return side == GREATER || (side == EQUAL && load<u32>(literal, 20) == 0) ? GREATER : EQUAL;
}

/** Finds the digits that count, once for all literals. */
function openDigits(): void {
  spend(to - from);
  power = 0;
  firstDigit = 0;
  let isFraction = false;
  let at = from;
  for (; at < to; at++) {
    const byte = load<u8>(at);
    if (byte == POINT) {
      isFraction = true;
      continue;
    }
    const digit: u32 = byte - ZERO;
    if (digit >= 10) break;
    if (firstDigit == 0 && digit != 0) firstDigit = at;
    if (digit != 0) digitsEnd = at + 1;
    if (firstDigit == 0) power -= i32(isFraction);
    else power += i32(!isFraction);
  }
  if (at < to) power += exponentAt(at + 1, to);
}

/** How the digits of the number stand to a decimal, of which no more are looked at than the decimal has. */
function relateDigits(decimal: usize): u32 {
  if (firstDigit == 0) return LESS;
  const wanted = load<i32>(decimal);
  if (power != wanted) return power < wanted ? LESS : GREATER;
  const digits = decimal + 8;
  const count = load<u32>(decimal, 4);
  spend(count);
  let i: u32 = 0;
  for (let at = firstDigit; at < digitsEnd; at++) {
    const byte = load<u8>(at);
    if (byte == POINT) continue;
    if (i == count) return GREATER;
    const digit: u8 = byte - ZERO;
    const other = load<u8>(digits + i);
    if (digit != other) return digit < other ? LESS : GREATER;
    i++;
  }
  return i < count ? LESS : EQUAL;
}

/** The exponent that stands after the letter. */
function exponentAt(at: usize, end: usize): i32 {
  const isNegative = at < end && load<u8>(at) == MINUS;
  let exponent: i32 = 0;
  for (; at < end; at++) {
    const digit: u32 = load<u8>(at) - ZERO;
    if (digit < 10) exponent = min(exponent * 10 + <i32>digit, EXPONENT_MAX);
  }
  return isNegative ? -exponent : exponent;
}
