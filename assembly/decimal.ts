// Numbers in decimal. Eight digits are made in one 64-bit register by multiplying with reciprocals,
// four, two and one digit at a time; longer numbers are limbs of eight digits.

/** Eight times the digit 0. */
const ZEROS: u64 = ((<u64>0x30303030) << 32) | 0x30303030;

const IOTA = memory.data<u32>([0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c], 16);

/** Characters of `value`, below 10^19, in decimal. */
export function decimalBytes(value: u64): u32 {
  assert(value < 10000000000000000000, "a number too large");
  let bytes: u32 = 1;
  for (let limit: u64 = 10; value >= limit; limit *= 10) bytes++;
  return bytes;
}

/**
 * Writes `value`, below 10^16, without leading zeros; returns the address after it. Sixteen bytes
 * from `to` on are always written, so the caller writes what follows later.
 */
export function writeNumber(to: usize, value: u64): usize {
  assert(value < 10000000000000000, "a number too large");
  const high = value / 100000000;
  const low = eightDigits(<u32>(value - high * 100000000));
  const digits = i64x2.replace_lane(i64x2.splat(eightDigits(<u32>high)), 1, low);
  // The number 0 keeps its last digit.
  const others = i8x16.bitmask(i8x16.ne(digits, i8x16.splat(0x30))) | 0x8000;
  const zeros = ctz(others);
  const places = i8x16.add(v128.load(IOTA), i8x16.splat(<i8>zeros));
  v128.store(to, i8x16.relaxed_swizzle(digits, places));
  return to + 16 - zeros;
}

/** Writes `value` without leading zeros; returns the address after it. */
export function writeDecimal(to: usize, value: u64): usize {
  const end = to + decimalBytes(value);
  let at = end;
  do {
    const rest = value / 10;
    at -= 1;
    store<u8>(at, <u8>(0x30 + (value - rest * 10)));
    value = rest;
  } while (value != 0);
  return end;
}

/** Writes `value`, below 10^8, as eight digits. */
export function writeEightDigits(to: usize, value: u32): void {
  store<u64>(to, eightDigits(value));
}

/** `value`, below 10^8, as eight digits, the first one lowest. */
function eightDigits(value: u32): u64 {
  assert(value < 100000000, "a number too large");
  const high = value / 10000;
  const fours: u64 = <u64>high | ((<u64>(value - high * 10000)) << 32);
  const hundreds = ((fours * 10486) >> 20) & 0x0000007f_0000007f;
  const twos = hundreds | ((fours - hundreds * 100) << 16);
  const tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
  const ones = tens | ((twos - tens * 10) << 8);
  return ones + ZEROS;
}

/** Writes `value`, below 1000, as three digits. */
export function writeThreeDigits(to: usize, value: u32): void {
  assert(value < 1000, "a number too large");
  const hundreds = value / 100;
  const tens = value / 10;
  store<u8>(to, <u8>(0x30 + hundreds));
  store<u8>(to, <u8>(0x30 + tens - hundreds * 10), 1);
  store<u8>(to, <u8>(0x30 + value - tens * 10), 2);
}
