// Base64 encoding (RFC 4648, with padding), twelve bytes to sixteen characters at a step.
//
// A 32-bit lane takes three bytes, first byte on top: ........ aaaaaabb bbbbcccc ccdddddd.
// Four shifts and masks put the six-bit values into its bytes, first value lowest:
//
//   x >> 18 & 0x0000003f   a        x << 10 & 0x003f0000   c
//   x >>  4 & 0x00003f00   b        x << 24 & 0x3f000000   d
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
// The class is value ⊖ 51 (saturating), with 13 put in for values below 26.

const OFFSETS = i8x16(71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -19, -16, 65, 0, 0);

/** Characters of `bytes` bytes in base64. */
export function base64Bytes(bytes: u32): u32 {
  return ((bytes + 2) / 3) * 4;
}

/**
 * Encodes `bytes` bytes at `from` to `to`; returns the address after the last character.
 * Reads up to 15 bytes past the source and writes up to 15 past the result: the caller leaves slack.
 */
export function encodeBase64(to: usize, from: usize, bytes: u32): usize {
  const groups = bytes / 3;
  const rest = bytes - groups * 3;
  const groupsEnd = to + groups * 4;
  while (to < groupsEnd) {
    v128.store(to, encodeStep(v128.load(from)));
    to += 16;
    from += 12;
  }
  if (rest == 0) return groupsEnd;
  // The last step ran `to - groupsEnd` characters too far: go back to the odd bytes.
  from -= ((to - groupsEnd) >> 2) * 3;
  const padded = load<u8>(from) | (rest == 2 ? (<u32>load<u8>(from, 1)) << 8 : 0);
  const text = v128.extract_lane<u32>(encodeStep(i32x4.splat(padded)), 0);
  const padding: u32 = rest == 2 ? 0x3d000000 : 0x3d3d0000;
  store<u32>(groupsEnd, (text & (rest == 2 ? 0x00ffffff : 0x0000ffff)) | padding);
  return groupsEnd + 4;
}

/** Sixteen characters for the first twelve bytes. */
function encodeStep(bytes: v128): v128 {
  const x = v128.shuffle<u8>(bytes, bytes, 2, 1, 0, 0, 5, 4, 3, 3, 8, 7, 6, 6, 11, 10, 9, 9);
  const ab = v128.or(
    v128.and(i32x4.shr_u(x, 18), i32x4.splat(0x0000003f)),
    v128.and(i32x4.shr_u(x, 4), i32x4.splat(0x00003f00)),
  );
  const cd = v128.or(
    v128.and(i32x4.shl(x, 10), i32x4.splat(0x003f0000)),
    v128.and(i32x4.shl(x, 24), i32x4.splat(0x3f000000)),
  );
  const values = v128.or(ab, cd);
  const upper = v128.and(i8x16.lt_s(values, i8x16.splat(26)), i8x16.splat(13));
  const classes = v128.or(i8x16.sub_sat_u(values, i8x16.splat(51)), upper);
  return i8x16.add(values, i8x16.swizzle(OFFSETS, classes));
}
