// Internet addresses in texts: four decimal numbers, or eight hexadecimal groups of which "::" leaves some out and the
// last two may be such an address (RFC 4291, 2.2). A range of addresses is a network and the number of its bits.
import { equalBytes } from "./find";
import { ADDRESS } from "./layout";

const POINT: u8 = 0x2e;
const COLON: u8 = 0x3a;
const TEXT_BYTES_MAX: usize = 45;

/** `operand` has the bytes of an address (4 or 16), the bits of the network, and the network. */
export function matchesCidr(operand: usize, start: usize, end: usize): bool {
  if (end - start > TEXT_BYTES_MAX) return false;
  const bytes = load<u32>(operand);
  const isRead = bytes == 4 ? readFour(start, end, ADDRESS) : readSixteen(start, end);
  if (!isRead) return false;
  const bits = load<u32>(operand, 4);
  const whole = bits >> 3;
  if (!equalBytes(ADDRESS, operand + 8, whole)) return false;
  const rest = bits & 7;
  if (rest == 0) return true;
  const difference: u32 = load<u8>(ADDRESS + whole) ^ load<u8>(operand + whole, 8);
  return difference >> (8 - rest) == 0;
}

/** Four numbers of up to 255, without zeros in front. */
function readFour(start: usize, end: usize, target: usize): bool {
  let at = start;
  for (let i: usize = 0; i < 4; i++) {
    if (i > 0) {
      if (at >= end || load<u8>(at) != POINT) return false;
      at++;
    }
    const first = at;
    let number: u32 = 0;
    while (at < end && at < first + 3) {
      const digit: u32 = load<u8>(at) - 0x30;
      if (digit >= 10) break;
      number = number * 10 + digit;
      at++;
    }
    if (at == first || number > 255 || (at > first + 1 && load<u8>(first) == 0x30)) return false;
    store<u8>(target + i, <u8>number);
  }
  return at == end;
}

/** Groups before and after "::" are written from both ends of the address. */
function readSixteen(start: usize, end: usize): bool {
  v128.store(ADDRESS, i32x4.splat(0));
  let at = start;
  let count: usize = 0;
  let gap: i32 = -1;
  if (end - start >= 2 && load<u8>(at) == COLON) {
    if (load<u8>(at, 1) != COLON) return false;
    gap = 0;
    at += 2;
  }
  while (at < end) {
    if (count >= 8) return false;
    const first = at;
    let group: u32 = 0;
    while (at < end && at < first + 4) {
      const digit = hexDigit(load<u8>(at));
      if (digit > 15) break;
      group = (group << 4) | digit;
      at++;
    }
    if (at < end && load<u8>(at) == POINT) {
      if (count > 6 || !readFour(first, end, ADDRESS + (count << 1))) return false;
      count += 2;
      at = end;
      break;
    }
    if (at == first) return false;
    store<u8>(ADDRESS + (count << 1), <u8>(group >> 8));
    store<u8>(ADDRESS + (count << 1), <u8>group, 1);
    count++;
    if (at == end) break;
    if (load<u8>(at++) != COLON || at == end) return false;
    if (load<u8>(at) == COLON) {
      if (gap >= 0) return false;
      gap = <i32>count;
      at++;
    }
  }
  if (gap < 0) return count == 8;
  if (count > 7) return false;
  const before: usize = (<usize>gap) << 1;
  const after: usize = (count << 1) - before;
  memory.copy(ADDRESS + 16 - after, ADDRESS + before, after);
  memory.fill(ADDRESS + before, 0, 16 - after - before);
  return true;
}

/** The value of a hexadecimal digit; more than 15 if it is none. */
export function hexDigit(byte: u8): u32 {
  const digit: u32 = byte - 0x30;
  if (digit < 10) return digit;
  const letter: u32 = (byte | 0x20) - 0x61;
  return letter < 6 ? letter + 10 : 16;
}
