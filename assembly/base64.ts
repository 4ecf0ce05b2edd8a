// Base64 encoding (RFC 4648, with padding), twelve bytes to sixteen characters at a step.
//
// The bytes 0 1 2 of a group are spread over a 32-bit lane as 1 0 2 1, lowest first, which puts two
// of its four six-bit values a b c d into each half. Four bits up, a multiplication by 16, the
// upper half is like the lower one, and both are treated alike (highest bit first):
//
//   lane        11111111 22222222 00000000 11111111        (digits: which byte a bit is from)
//   values      ....cccc ccdddddd aaaaaabb bbbb....
//   fields      ccccccdd dddd.... aaaaaabb bbbb....
//   c and a     fields >> 10
//   d and b     fields << 4 & 3f00
//
// A value becomes its character by adding an offset that depends on its range:
//
//   value     character   offset    class
//   0 … 25    A … Z        +65        0
//   26 … 51   a … z        +71        1
//   52 … 61   0 … 9         −4     2 … 11
//   62        +            −19       12
//   63        /            −16       13
//
// The class is value ⊖ 51 (saturating), plus 1 for values above 25. Both swizzles have indexes of 0
// to 15 only, where the relaxed form is the plain one and a single instruction. The constants are
// loaded rather than written into the code: V8 would build each anew in every round.

const SPREAD = memory.data<u32>([0x01020001, 0x04050304, 0x07080607, 0x0a0b090a], 16);
const FACTORS = memory.data<u32>([0x00100001, 0x00100001, 0x00100001, 0x00100001], 16);
const MASK_BD = memory.data<u32>([0x3f003f00, 0x3f003f00, 0x3f003f00, 0x3f003f00], 16);
const DIGITS = memory.data<u32>([0x33333333, 0x33333333, 0x33333333, 0x33333333], 16);
const UPPER = memory.data<u32>([0x19191919, 0x19191919, 0x19191919, 0x19191919], 16);
const OFFSETS = memory.data<u32>([0xfcfc4741, 0xfcfcfcfc, 0xfcfcfcfc, 0x0000f0ed], 16);

/** Sixteen bytes of ones, then of zeros: a vector at KEEP + 16 - n begins with n of ones. */
const KEEP = memory.data<u32>([~0, ~0, ~0, ~0, 0, 0, 0, 0], 16);

/** Characters of `bytes` bytes in base64. */
export function base64Bytes(bytes: u32): u32 {
  return ((bytes + 2) / 3) * 4;
}

/**
 * Encodes `bytes` bytes at `from` to `to`; returns the address after the last character. Reads up
 * to 15 bytes past the source and writes up to 15 past the result: the caller leaves slack.
 */
export function encodeBase64(to: usize, from: usize, bytes: u32): usize {
  const spread = v128.load(SPREAD);
  const factors = v128.load(FACTORS);
  const bd = v128.load(MASK_BD);
  const digits = v128.load(DIGITS);
  const upper = v128.load(UPPER);
  const offsets = v128.load(OFFSETS);
  const end = from + bytes;
  while (from + 48 <= end) {
    const first = step(v128.load(from), spread, factors, bd, digits, upper, offsets);
    const next = step(v128.load(from, 12), spread, factors, bd, digits, upper, offsets);
    const third = step(v128.load(from, 24), spread, factors, bd, digits, upper, offsets);
    const last = step(v128.load(from, 36), spread, factors, bd, digits, upper, offsets);
    v128.store(to, first);
    v128.store(to, next, 16);
    v128.store(to, third, 32);
    v128.store(to, last, 48);
    to += 64;
    from += 48;
  }
  while (from + 12 <= end) {
    v128.store(to, step(v128.load(from), spread, factors, bd, digits, upper, offsets));
    to += 16;
    from += 12;
  }
  if (from == end) return to;
  // Up to eleven bytes are left. The bytes after them count as zeros, and their characters are
  // overwritten by the padding.
  const rest = <u32>(end - from);
  const bits = v128.and(v128.load(from), v128.load(KEEP + 16 - rest));
  v128.store(to, step(bits, spread, factors, bd, digits, upper, offsets));
  const groups = (rest + 2) / 3;
  to += groups << 2;
  const missing = groups * 3 - rest;
  if (missing == 1) store<u8>(to - 1, 0x3d);
  else if (missing == 2) store<u16>(to - 2, 0x3d3d);
  return to;
}

/** Sixteen characters for the first twelve bytes. */
function step(
  bytes: v128,
  spread: v128,
  factors: v128,
  bd: v128,
  digits: v128,
  upper: v128,
  offsets: v128,
): v128 {
  const fields = i16x8.mul(i8x16.relaxed_swizzle(bytes, spread), factors);
  const values = v128.or(i16x8.shr_u(fields, 10), v128.and(i16x8.shl(fields, 4), bd));
  const classes = i8x16.sub(i8x16.sub_sat_u(values, digits), i8x16.gt_s(values, upper));
  return i8x16.add(values, i8x16.relaxed_swizzle(offsets, classes));
}
