// CBOR (RFC 8949): heads of strings and numbers, and the bytes after them. A head holds its number
// itself, or in the next one, two, four or eight bytes, whichever is the shortest.

export const UNSIGNED: u32 = 0x00;
export const BYTES: u32 = 0x40;
export const TEXT: u32 = 0x60;
/** A head below 2^32. */
export const HEAD_BYTES_MAX: u32 = 5;

const NEXT_1: u32 = 24;
const NEXT_2: u32 = 25;
const NEXT_4: u32 = 26;
const NEXT_8: u32 = 27;

/** Bytes of the head of a string of `length` bytes. */
export function headBytes(length: u32): u32 {
  if (length < NEXT_1) return 1;
  if (length < 0x100) return 2;
  return length < 0x10000 ? 3 : HEAD_BYTES_MAX;
}

/** Writes the head of a string of `length` bytes; returns the address after it. */
export function writeHead(to: usize, major: u32, length: u32): usize {
  if (length < NEXT_1) {
    store<u8>(to, <u8>(major + length));
    return to + 1;
  }
  if (length < 0x100) {
    store<u16>(to, <u16>((major + NEXT_1) | (length << 8)));
    return to + 2;
  }
  if (length < 0x10000) {
    store<u8>(to, <u8>(major + NEXT_2));
    store<u16>(to, bswap<u16>(<u16>length), 1);
    return to + 3;
  }
  store<u8>(to, <u8>(major + NEXT_4));
  store<u32>(to, bswap<u32>(length), 1);
  return to + HEAD_BYTES_MAX;
}

/** Writes an unsigned number; returns the address after it. */
export function writeUnsigned(to: usize, value: u64): usize {
  if (value < 0x100000000) return writeHead(to, UNSIGNED, <u32>value);
  store<u8>(to, <u8>(UNSIGNED + NEXT_8));
  store<u64>(to, bswap<u64>(value), 1);
  return to + 9;
}

/** Writes a number with a fraction, in single precision when that is exact. */
export function writeFloat(to: usize, value: f64): usize {
  const short = <f32>value;
  if (<f64>short == value) {
    store<u8>(to, 0xfa);
    store<u32>(to, bswap<u32>(reinterpret<u32>(short)), 1);
    return to + 5;
  }
  store<u8>(to, 0xfb);
  store<u64>(to, bswap<u64>(reinterpret<u64>(value)), 1);
  return to + 9;
}

/** May copy up to 63 bytes more than asked; the caller leaves slack on both sides. */
export function copyBytes(to: usize, from: usize, bytes: u32): void {
  const end = from + bytes;
  while (from < end) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    v128.store(to, v128.load(from, 32), 32);
    v128.store(to, v128.load(from, 48), 48);
    to += 64;
    from += 64;
  }
}
