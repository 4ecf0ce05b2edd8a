// Tells if bytes are JSON, by the grammar of RFC 8259: exactly what JSON.parse takes, but for two things. Brackets may
// be nested DEPTH_MAX deep. Bytes of a string need not be UTF-8.
import { hexDigit } from "./cidr";
import { BRACKETS } from "./layout";
import { BACKSLASH, QUOTE } from "./text";

export const DEPTH_MAX: u32 = 1024;

const OPENING_BRACE: u8 = 0x7b;
const CLOSING_BRACE: u8 = 0x7d;
const OPENING_BRACKET: u8 = 0x5b;
const CLOSING_BRACKET: u8 = 0x5d;
const COMMA: u8 = 0x2c;
const COLON: u8 = 0x3a;

export function isJson(start: usize, end: usize): bool {
  let depth: u32 = 0;
  let at = start;
  while (at < end) {
    // A value begins here.
    at = skipBlanks(at, end);
    if (at >= end) return false;
    const byte = load<u8>(at);
    if (byte == OPENING_BRACE || byte == OPENING_BRACKET) {
      if (depth == DEPTH_MAX) return false;
      const isObject = byte == OPENING_BRACE;
      noteBracket(depth++, isObject);
      at = skipBlanks(at + 1, end);
      const closing = isObject ? CLOSING_BRACE : CLOSING_BRACKET;
      if (at < end && load<u8>(at) == closing) {
        depth--;
        at++;
      } else if (isObject) {
        at = skipName(at, end);
        if (at == 0) return false;
        continue;
      } else continue;
    } else {
      at = byte == QUOTE ? skipText(at + 1, end) : skipPlain(at, end, byte);
      if (at == 0) return false;
    }
    // A value has ended here.
    let isNext = false;
    while (!isNext) {
      at = skipBlanks(at, end);
      if (depth == 0) return at == end;
      if (at >= end) return false;
      const mark = load<u8>(at++);
      const isObject = isBrace(depth - 1);
      if (mark == COMMA) {
        if (isObject) at = skipName(skipBlanks(at, end), end);
        if (at == 0) return false;
        isNext = true;
      } else if (mark == (isObject ? CLOSING_BRACE : CLOSING_BRACKET)) depth--;
      else return false;
    }
  }
  return false;
}

export function skipBlanks(at: usize, end: usize): usize {
  while (at < end) {
    const byte = load<u8>(at);
    if (byte > 0x20) break;
    if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) break;
    at++;
  }
  return at;
}

function noteBracket(depth: u32, isObject: bool): void {
  const place = BRACKETS + (depth >> 3);
  const bit: u8 = 1 << u8(depth & 7);
  const others = load<u8>(place) & ~bit;
  store<u8>(place, isObject ? others | bit : others);
}

function isBrace(depth: u32): bool {
  return ((load<u8>(BRACKETS + (depth >> 3)) >> u8(depth & 7)) & 1) != 0;
}

/** A string and the colon after it; 0 if there is none. */
function skipName(at: usize, end: usize): usize {
  if (at >= end || load<u8>(at) != QUOTE) return 0;
  at = skipText(at + 1, end);
  if (at == 0) return 0;
  at = skipBlanks(at, end);
  return at < end && load<u8>(at) == COLON ? at + 1 : 0;
}

/** The rest of a string; 0 if it has a control character, an escape that is none, or no end. */
function skipText(at: usize, end: usize): usize {
  while (at < end) {
    const block = v128.load(at);
    const controls = i8x16.lt_u(block, i8x16.splat(0x20));
    const quotes = i8x16.eq(block, i8x16.splat(QUOTE));
    const backslashes = i8x16.eq(block, i8x16.splat(BACKSLASH));
    const marks: u32 = i8x16.bitmask(v128.or(controls, v128.or(quotes, backslashes)));
    if (marks == 0) {
      at += 16;
      continue;
    }
    at += ctz(marks);
    if (at >= end) return 0;
    if (load<u8>(at) == QUOTE) return at + 1;
    if (load<u8>(at) != BACKSLASH) return 0;
    // Escapes often come in rows.
    while (at < end && load<u8>(at) == BACKSLASH) {
      at = skipEscape(at, end);
      if (at == 0) return 0;
    }
  }
  return 0;
}

/** Address after an escape; 0 if it is none. */
function skipEscape(at: usize, end: usize): usize {
  if (at + 1 >= end) return 0;
  const letter = load<u8>(at, 1);
  if (letter != 0x75) return isShortEscape(letter) ? at + 2 : 0;
  if (at + 6 > end) return 0;
  for (let i: usize = 2; i < 6; i++) if (hexDigit(load<u8>(at + i)) > 15) return 0;
  return at + 6;
}

/** One of " \ / b f n r t. */
function isShortEscape(letter: u8): bool {
  if (letter == QUOTE || letter == BACKSLASH || letter == 0x2f) return true;
  return letter == 0x62 || letter == 0x66 || letter == 0x6e || letter == 0x72 || letter == 0x74;
}

/** A number or a literal; 0 if it is neither. */
function skipPlain(at: usize, end: usize, byte: u8): usize {
  if (byte == 0x74) return at + 4 <= end && load<u32>(at) == 0x65757274 ? at + 4 : 0;
  if (byte == 0x6e) return at + 4 <= end && load<u32>(at) == 0x6c6c756e ? at + 4 : 0;
  if (byte == 0x66) return at + 5 <= end && load<u32>(at, 1) == 0x65736c61 ? at + 5 : 0;
  if (byte == 0x2d) at++;
  if (at < end && load<u8>(at) == 0x30) at++;
  else at = skipDigits(at, end);
  if (at != 0 && at < end && load<u8>(at) == 0x2e) at = skipDigits(at + 1, end);
  if (at != 0 && at < end && (load<u8>(at) | 0x20) == 0x65) {
    at++;
    const sign = at < end ? load<u8>(at) : 0;
    at = skipDigits(at + usize(sign == 0x2b || sign == 0x2d), end);
  }
  return at;
}

/** One digit or more; 0 if there is none. */
function skipDigits(at: usize, end: usize): usize {
  const first = at;
  while (at < end && <u32>(load<u8>(at) - 0x30) < 10) at++;
  return at == first ? 0 : at;
}
