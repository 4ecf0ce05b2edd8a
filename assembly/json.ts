// JSON text: literals, numbers and strings. Strings are escaped as JSON.stringify does it: the
// quote, the backslash and everything below 0x20, with the short forms \b \t \n \f \r. All other
// bytes are UTF-8 and are copied unchanged. One step tests and copies sixteen bytes.

const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;

/** Copies an ASCII literal; returns the address after it. A literal is static UTF-16. */
export function writeAscii(to: usize, text: string): usize {
  const from = changetype<usize>(text);
  const length = text.length;
  let i = 0;
  for (; i + 8 <= length; i += 8) {
    const units = v128.load(from + (i << 1));
    v128.store64_lane(to + i, i8x16.narrow_i16x8_u(units, units), 0);
  }
  for (; i < length; i++) store<u8>(to + i, <u8>load<u16>(from + (i << 1)));
  return to + length;
}

/** Bytes of the escaped form, without quotes. */
export function escapedBytes(from: usize, bytes: u32): u32 {
  const end = from + bytes;
  let total = bytes;
  while (from < end) {
    let marks = specialsOf(v128.load(from));
    const left = <u32>(end - from);
    if (left < 16) marks &= (1 << left) - 1;
    while (marks != 0) {
      total += escapeBytes(load<u8>(from + ctz(marks))) - 1;
      marks &= marks - 1;
    }
    from += 16;
  }
  return total;
}

/** Writes the escaped form; returns the address after it. Slack of 16 bytes on both sides. */
export function writeEscaped(to: usize, from: usize, bytes: u32): usize {
  const end = from + bytes;
  while (from < end) {
    const block = v128.load(from);
    v128.store(to, block);
    const marks = specialsOf(block);
    const left = <u32>(end - from);
    const clean = min(<u32>ctz(marks | 0x10000), left);
    to += clean;
    from += clean;
    if (clean < min(left, 16)) {
      to = writeEscape(to, load<u8>(from));
      from += 1;
    }
  }
  return to;
}

/** One bit per byte, set if the byte must be escaped. */
function specialsOf(block: v128): u32 {
  const control = i8x16.lt_u(block, i8x16.splat(0x20));
  const quote = i8x16.eq(block, i8x16.splat(QUOTE));
  const backslash = i8x16.eq(block, i8x16.splat(BACKSLASH));
  return i8x16.bitmask(v128.or(control, v128.or(quote, backslash)));
}

/** The letter of a short escape, or 0. */
function shortEscapeOf(byte: u8): u8 {
  if (byte == QUOTE || byte == BACKSLASH) return byte;
  if (byte == 0x08) return 0x62;
  if (byte == 0x09) return 0x74;
  if (byte == 0x0a) return 0x6e;
  if (byte == 0x0c) return 0x66;
  if (byte == 0x0d) return 0x72;
  return 0;
}

function escapeBytes(byte: u8): u32 {
  return shortEscapeOf(byte) != 0 ? 2 : 6;
}

function writeEscape(to: usize, byte: u8): usize {
  store<u8>(to, BACKSLASH);
  const letter = shortEscapeOf(byte);
  if (letter != 0) {
    store<u8>(to, letter, 1);
    return to + 2;
  }
  const low: u8 = byte & 15;
  store<u32>(to, 0x30303075, 1); // u000
  store<u8>(to, 0x30 + (byte >> 4), 4);
  store<u8>(to, low < 10 ? 0x30 + low : 0x57 + low, 5);
  return to + 6;
}
