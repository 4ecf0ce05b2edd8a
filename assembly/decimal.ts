// Numbers in decimal. Eight digits are made in one 64-bit register by multiplying with reciprocals,
// four, two and one digit at a time; longer numbers are limbs of eight digits.

/** Eight times the digit 0. */
const ZEROS: u64 = ((<u64>0x30303030) << 32) | 0x30303030;

/** Characters of `value` in decimal. */
export function decimalBytes(value: u64): u32 {
  let bytes: u32 = 1;
  while (value >= 10) {
    value /= 10;
    bytes++;
  }
  return bytes;
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
  const high = value / 10000;
  const fours: u64 = <u64>high | ((<u64>(value - high * 10000)) << 32);
  const hundreds = ((fours * 10486) >> 20) & 0x0000007f_0000007f;
  const twos = hundreds | ((fours - hundreds * 100) << 16);
  const tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
  const ones = tens | ((twos - tens * 10) << 8);
  store<u64>(to, ones + ZEROS);
}

/** Writes `value`, below 1000, as three digits. */
export function writeThreeDigits(to: usize, value: u32): void {
  const hundreds = value / 100;
  const tens = value / 10;
  store<u8>(to, <u8>(0x30 + hundreds));
  store<u8>(to, <u8>(0x30 + tens - hundreds * 10), 1);
  store<u8>(to, <u8>(0x30 + value - tens * 10), 2);
}
