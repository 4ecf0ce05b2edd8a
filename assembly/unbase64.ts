// Base64 decoding (RFC 4648), strict: the standard alphabet, padding at the end only, no stray
// bits. One step decodes sixteen characters to twelve bytes, until a character outside the
// alphabet.
//
// The two halves of a character select masks, which have no bit in common if the character is in
// the alphabet. The upper half, minus one for the slash, selects the offset to the value (after W.
// Muła and D. Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions", 2018):
//
//   upper half   1 (the slash)   2 (+)   3 (0 … 9)   4, 5 (A … Z)   6, 7 (a … z)
//   offset       +16             +19     +4          −65            −71
//
// Four values a b c d of a lane, a lowest, become bytes in two steps: first pairs of 12 bits in
// each half, then 24 bits, whose three bytes are reversed.

import { RESULT } from "./layout";

const LOW = memory.data<u32>([0x11111115, 0x11111111, 0x1a131111, 0x1a1b1b1b], 16);
const HIGH = memory.data<u32>([0x02011010, 0x08040804, 0x10101010, 0x10101010], 16);
const OFFSETS = memory.data<u32>([0x04131000, 0xb9b9bfbf, 0x00000000, 0x00000000], 16);
// Loaded from memory: V8 would build a constant again in every round.
const HALF = memory.data<u32>([0x0f0f0f0f, 0x0f0f0f0f, 0x0f0f0f0f, 0x0f0f0f0f], 16);
const SLASHES = memory.data<u32>([0x2f2f2f2f, 0x2f2f2f2f, 0x2f2f2f2f, 0x2f2f2f2f], 16);
const PAIRS = memory.data<u32>([0x003f003f, 0x003f003f, 0x003f003f, 0x003f003f], 16);
const TURN = memory.data<u32>([0x06000102, 0x090a0405, 0x0c0d0e08, 0x00000000], 16);

const QUOTE: u32 = 0x22;
const EQUALS: u32 = 0x3d;
const NO_VALUE: u32 = 64;

/**
 * Decodes the text at `from`, which ends with a quote, to `to`. Returns the quote's address, or 0
 * if the text is not strict base64 or has more bytes than fit before `limit`. RESULT 24 is where
 * the bytes end. Reads up to 31 bytes past the quote and writes up to 31 past the limit.
 */
export function decodeBase64(to: usize, from: usize, limit: usize): usize {
  const low = v128.load(LOW);
  const high = v128.load(HIGH);
  const offsets = v128.load(OFFSETS);
  const half = v128.load(HALF);
  const slashes = v128.load(SLASHES);
  const pairs = v128.load(PAIRS);
  const turn = v128.load(TURN);
  while (to < limit) {
    const first = v128.load(from);
    const next = v128.load(from, 16);
    const bad = v128.or(strays(first, low, high, half), strays(next, low, high, half));
    if (v128.any_true(bad)) break;
    v128.store(to, bytesOf(first, half, offsets, slashes, pairs, turn));
    v128.store(to, bytesOf(next, half, offsets, slashes, pairs, turn), 12);
    from += 32;
    to += 24;
  }
  const block = v128.load(from);
  if (to < limit && !v128.any_true(strays(block, low, high, half))) {
    v128.store(to, bytesOf(block, half, offsets, slashes, pairs, turn));
    from += 16;
    to += 12;
  }
  return decodeRest(to, from, limit);
}

/** The last characters, fewer than sixteen unless the limit is near, and the padding. */
function decodeRest(to: usize, from: usize, limit: usize): usize {
  let bits: u32 = 0;
  let count: u32 = 0;
  while (true) {
    if (to > limit) return 0;
    const value = valueOf(load<u8>(from));
    if (value == NO_VALUE) break;
    bits = (bits << 6) | value;
    from++;
    if ((++count & 3) == 0) {
      storeGroup(to, bits);
      to += 3;
      bits = 0;
    }
  }
  const rest = count & 3;
  if (rest == 1) return 0;
  if (rest == 2) {
    if ((bits & 15) != 0 || load<u8>(from) != EQUALS || load<u8>(from, 1) != EQUALS) return 0;
    store<u8>(to, bits >> 4);
    to += 1;
    from += 2;
  } else if (rest == 3) {
    if ((bits & 3) != 0 || load<u8>(from) != EQUALS) return 0;
    store<u8>(to, bits >> 10);
    store<u8>(to, bits >> 2, 1);
    to += 2;
    from += 1;
  }
  if (to > limit || load<u8>(from) != QUOTE) return 0;
  store<u32>(RESULT, <u32>to, 24);
  return from;
}

/** Not zero where a character is outside the alphabet. */
function strays(text: v128, low: v128, high: v128, half: v128): v128 {
  return v128.and(
    i8x16.relaxed_swizzle(low, v128.and(text, half)),
    i8x16.relaxed_swizzle(high, upperHalf(text, half)),
  );
}

/** Twelve bytes of sixteen characters of the alphabet. */
function bytesOf(
  text: v128,
  half: v128,
  offsets: v128,
  slashes: v128,
  pairs: v128,
  turn: v128,
): v128 {
  const upper = upperHalf(text, half);
  const offset = i8x16.relaxed_swizzle(offsets, i8x16.add(upper, i8x16.eq(text, slashes)));
  const values = i8x16.add(text, offset);
  const halves = v128.or(
    i32x4.shl(v128.and(values, pairs), 6),
    v128.and(i32x4.shr_u(values, 8), pairs),
  );
  const groups = v128.or(i32x4.shl(halves, 12), i32x4.shr_u(halves, 16));
  return i8x16.relaxed_swizzle(groups, turn);
}

/** Shifts words, because the machine has no shift of bytes. */
function upperHalf(text: v128, half: v128): v128 {
  return v128.and(i16x8.shr_u(text, 4), half);
}

function storeGroup(to: usize, bits: u32): void {
  store<u8>(to, bits >> 16);
  store<u8>(to, bits >> 8, 1);
  store<u8>(to, bits, 2);
}

function valueOf(character: u32): u32 {
  if (character >= 0x41 && character <= 0x5a) return character - 0x41;
  if (character >= 0x61 && character <= 0x7a) return character - 0x47;
  if (character >= 0x30 && character <= 0x39) return character + 4;
  if (character == 0x2b) return 62;
  return character == 0x2f ? 63 : NO_VALUE;
}
