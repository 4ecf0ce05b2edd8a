// Base64 encoding (RFC 4648, with padding), twelve bytes to sixteen characters at a step.
//
// The bytes 0 1 2 of a group are spread over a 32-bit lane as 1 0 2 1, lowest first. Of the four
// six-bit values a b c d, the masks and moves below put each into its own byte, a lowest:
//
//   lane        22221111 22222222 00000000 11111111        (digits: which byte a bit is from)
//   a   >> 10 & 0000003f      c   >> 6 & 003f0000
//   b and d     & 003f03f0, then × 0010 in the low half and × 0100 in the high half
//
// A value becomes its character by adding an offset that depends on its range:
//
//   value     character   offset    class
//   0 … 25    A … Z        +65       13
//   26 … 51   a … z        +71        0
//   52 … 61   0 … 9         −4     1 … 10
//   62        +            −19       11
//   63        /            −16       12
//
// The class is value ⊖ 51 (saturating), with 13 put in for values below 26. Both swizzles have indexes
// of 0 to 15 only, where the relaxed form is the plain one and a single instruction. The constants
// are loaded rather than written into the code: V8 would build each anew in every round.

const SPREAD = memory.data<u32>([0x01020001, 0x04050304, 0x07080607, 0x0a0b090a], 16);
const MASK_A = memory.data<u32>([0x0000003f, 0x0000003f, 0x0000003f, 0x0000003f], 16);
const MASK_C = memory.data<u32>([0x003f0000, 0x003f0000, 0x003f0000, 0x003f0000], 16);
const MASK_BD = memory.data<u32>([0x003f03f0, 0x003f03f0, 0x003f03f0, 0x003f03f0], 16);
const FACTORS = memory.data<u32>([0x01000010, 0x01000010, 0x01000010, 0x01000010], 16);
const DIGITS = memory.data<u32>([0x33333333, 0x33333333, 0x33333333, 0x33333333], 16);
const LETTERS = memory.data<u32>([0x1a1a1a1a, 0x1a1a1a1a, 0x1a1a1a1a, 0x1a1a1a1a], 16);
const UPPER = memory.data<u32>([0x0d0d0d0d, 0x0d0d0d0d, 0x0d0d0d0d, 0x0d0d0d0d], 16);
const OFFSETS = memory.data<u32>([0xfcfcfc47, 0xfcfcfcfc, 0xedfcfcfc, 0x000041f0], 16);

/** Characters of `bytes` bytes in base64. */
export function base64Bytes(bytes: u32): u32 {
  return ((bytes + 2) / 3) * 4;
}

/**
 * Encodes `bytes` bytes at `from` to `to`; returns the address after the last character.
 * Reads up to 15 bytes past the source and writes up to 15 past the result: the caller leaves slack.
 */
export function encodeBase64(to: usize, from: usize, bytes: u32): usize {
  const spread = v128.load(SPREAD);
  const a = v128.load(MASK_A);
  const c = v128.load(MASK_C);
  const bd = v128.load(MASK_BD);
  const mul = v128.load(FACTORS);
  const digits = v128.load(DIGITS);
  const letters = v128.load(LETTERS);
  const upper = v128.load(UPPER);
  const offsets = v128.load(OFFSETS);
  const groups = bytes / 3;
  const rest = bytes - groups * 3;
  const groupsEnd = to + groups * 4;
  const fours = to + (groups >> 4) * 64;
  while (to < fours) {
    const first = step(v128.load(from), spread, a, c, bd, mul, digits, letters, upper, offsets);
    const next = step(v128.load(from, 12), spread, a, c, bd, mul, digits, letters, upper, offsets);
    const third = step(v128.load(from, 24), spread, a, c, bd, mul, digits, letters, upper, offsets);
    const last = step(v128.load(from, 36), spread, a, c, bd, mul, digits, letters, upper, offsets);
    v128.store(to, first);
    v128.store(to, next, 16);
    v128.store(to, third, 32);
    v128.store(to, last, 48);
    to += 64;
    from += 48;
  }
  while (to < groupsEnd) {
    v128.store(to, step(v128.load(from), spread, a, c, bd, mul, digits, letters, upper, offsets));
    to += 16;
    from += 12;
  }
  if (rest == 0) return groupsEnd;
  // The last step ran `to - groupsEnd` characters too far: go back to the odd bytes.
  from -= ((to - groupsEnd) >> 2) * 3;
  const padded = load<u8>(from) | (rest == 2 ? (<u32>load<u8>(from, 1)) << 8 : 0);
  const last = step(i32x4.splat(padded), spread, a, c, bd, mul, digits, letters, upper, offsets);
  const text = v128.extract_lane<u32>(last, 0);
  const padding: u32 = rest == 2 ? 0x3d000000 : 0x3d3d0000;
  store<u32>(groupsEnd, (text & (rest == 2 ? 0x00ffffff : 0x0000ffff)) | padding);
  return groupsEnd + 4;
}

/** Sixteen characters for the first twelve bytes. */
function step(
  bytes: v128,
  spread: v128,
  a: v128,
  c: v128,
  bd: v128,
  mul: v128,
  digits: v128,
  letters: v128,
  upper: v128,
  offsets: v128,
): v128 {
  const lanes = i8x16.relaxed_swizzle(bytes, spread);
  const ac = v128.or(v128.and(i32x4.shr_u(lanes, 10), a), v128.and(i32x4.shr_u(lanes, 6), c));
  const values = v128.or(ac, i16x8.mul(v128.and(lanes, bd), mul));
  const classes = v128.or(
    i8x16.sub_sat_u(values, digits),
    v128.and(i8x16.gt_s(letters, values), upper),
  );
  return i8x16.add(values, i8x16.relaxed_swizzle(offsets, classes));
}
