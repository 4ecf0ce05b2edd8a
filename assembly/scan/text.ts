// Strings of JSON: where they end, and what they are without their escapes. A surrogate that stands alone becomes
// three bytes that no UTF-8 has, so that it equals no text of a pattern.
import { hexDigit } from "./cidr";

export const QUOTE: u8 = 0x22;
export const BACKSLASH: u8 = 0x5c;

/**
 * Address of the quote that ends the string whose characters begin at `at`, or `end`. `isEscaped()` then tells if a
 * backslash was passed.
 */
export function endOfString(at: usize, end: usize): usize {
  escaped = false;
  while (at < end) {
    const block = v128.load(at);
    const quotes = i8x16.eq(block, i8x16.splat(QUOTE));
    const marks: u32 = i8x16.bitmask(v128.or(quotes, i8x16.eq(block, i8x16.splat(BACKSLASH))));
    if (marks == 0) {
      at += 16;
      continue;
    }
    at += ctz(marks);
    if (at >= end) return end;
    if (load<u8>(at) == QUOTE) return at;
    escaped = true;
    at += 2;
    // Escapes often come in rows.
    while (at < end && load<u8>(at) == BACKSLASH) at += 2;
  }
  return end;
}

let escaped: bool = false;

export function isEscaped(): bool {
  return escaped;
}

/**
 * Writes the string between `at` and `end` without its escapes, in place or elsewhere; returns the address after it.
 * What is no escape is left as it is.
 */
export function unescape(at: usize, end: usize, target: usize): usize {
  let to = target;
  while (at < end) {
    const byte = load<u8>(at++);
    if (byte != BACKSLASH || at >= end) {
      store<u8>(to++, byte);
      continue;
    }
    const letter = load<u8>(at++);
    if (letter != 0x75) {
      store<u8>(to++, plainOf(letter));
      continue;
    }
    let code = codeUnitAt(at, end);
    at += 4;
    const isHigh = (code & 0xfc00) == 0xd800;
    if (isHigh && at + 6 <= end && load<u16>(at) == 0x755c) {
      const low = codeUnitAt(at + 2, end);
      if ((low & 0xfc00) == 0xdc00) {
        code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
        at += 6;
      }
    }
    to = writeCharacter(to, code);
  }
  return to;
}

/** The character of a short escape. */
function plainOf(letter: u8): u8 {
  if (letter == 0x62) return 0x08;
  if (letter == 0x66) return 0x0c;
  if (letter == 0x6e) return 0x0a;
  if (letter == 0x72) return 0x0d;
  return letter == 0x74 ? 0x09 : letter;
}

function codeUnitAt(at: usize, end: usize): u32 {
  let code: u32 = 0;
  for (let i: usize = 0; i < 4 && at + i < end; i++) {
    code = (code << 4) | (hexDigit(load<u8>(at + i)) & 15);
  }
  return code;
}

/** A string gets no longer: a character of three bytes had an escape of six, one of four had twelve. */
function writeCharacter(to: usize, code: u32): usize {
  if (code < 0x80) {
    store<u8>(to, <u8>code);
    return to + 1;
  }
  if (code < 0x800) {
    store<u8>(to, <u8>(0xc0 | (code >> 6)));
    store<u8>(to, <u8>(0x80 | (code & 63)), 1);
    return to + 2;
  }
  if (code < 0x10000) {
    store<u8>(to, <u8>(0xe0 | (code >> 12)));
    store<u8>(to, <u8>(0x80 | ((code >> 6) & 63)), 1);
    store<u8>(to, <u8>(0x80 | (code & 63)), 2);
    return to + 3;
  }
  store<u8>(to, <u8>(0xf0 | (code >> 18)));
  store<u8>(to, <u8>(0x80 | ((code >> 12) & 63)), 1);
  store<u8>(to, <u8>(0x80 | ((code >> 6) & 63)), 2);
  store<u8>(to, <u8>(0x80 | (code & 63)), 3);
  return to + 4;
}
