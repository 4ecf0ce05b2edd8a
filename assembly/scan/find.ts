// Finds and compares bytes, sixteen at a time. A search looks for the two rarest bytes of the text at their places,
// and compares the whole text where both stand. Where too many places disappoint, it goes on with the algorithm of
// Knuth, Morris and Pratt, so that its time is linear in the bytes whatever they are. All loads may reach 15 bytes
// past the end: there is slack.
import { NEEDLE_TEXT } from "./program";

const BACKSLASH: u8 = 0x5c;

/** Bytes compared in vain that a search accepts before it changes its way, beside as many as it has passed. */
const VAIN_BYTES_MIN: usize = 1024;

export function equalBytes(a: usize, b: usize, bytes: u32): bool {
  while (bytes >= 16) {
    if (!i8x16.all_true(i8x16.eq(v128.load(a), v128.load(b)))) return false;
    a += 16;
    b += 16;
    bytes -= 16;
  }
  const wanted = (1 << bytes) - 1;
  return (i8x16.bitmask(i8x16.eq(v128.load(a), v128.load(b))) & wanted) == wanted;
}

/** Address of the first place of the needle from `start` on that ends by `end`, or 0. */
export function find(start: usize, end: usize, needle: usize): usize {
  const bytes = load<u32>(needle);
  const text = needle + NEEDLE_TEXT;
  if (bytes == 0) return start;
  if (start + bytes > end) return 0;
  const stop = end - bytes + 1;
  const firstAt: usize = load<u32>(needle, 4);
  const secondAt: usize = load<u32>(needle, 8);
  const first = i8x16.splat(load<u8>(text + firstAt));
  const second = i8x16.splat(load<u8>(text + secondAt));
  let vain: usize = 0;
  let at = start;
  while (at < stop) {
    if (at + 64 <= stop) {
      const a = pairsAt(at, firstAt, secondAt, first, second);
      const b = pairsAt(at + 16, firstAt, secondAt, first, second);
      const c = pairsAt(at + 32, firstAt, secondAt, first, second);
      const d = pairsAt(at + 48, firstAt, secondAt, first, second);
      if (!v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) {
        at += 64;
        continue;
      }
    }
    let places: u32 = i8x16.bitmask(pairsAt(at, firstAt, secondAt, first, second));
    if (at + 16 > stop) places &= (1 << u32(stop - at)) - 1;
    while (places != 0) {
      const place = at + ctz(places);
      if (equalBytes(place, text, bytes)) return place;
      places &= places - 1;
      vain += bytes;
      if (vain > VAIN_BYTES_MIN + (place - start)) return findSteadily(place + 1, end, needle);
    }
    at += 16;
  }
  return 0;
}

/** True if the needle or a backslash stands between `start` and `end`. */
export function hasNeedle(start: usize, end: usize, needle: usize): bool {
  const bytes = load<u32>(needle);
  const text = needle + NEEDLE_TEXT;
  const firstAt: usize = load<u32>(needle, 4);
  const secondAt: usize = load<u32>(needle, 8);
  const first = i8x16.splat(load<u8>(text + firstAt));
  const second = i8x16.splat(load<u8>(text + secondAt));
  const backslash = i8x16.splat(BACKSLASH);
  let vain: usize = 0;
  let at = start;
  while (at < end) {
    if (at + 64 <= end) {
      const a = pairsOrMark(at, firstAt, secondAt, first, second, backslash);
      const b = pairsOrMark(at + 16, firstAt, secondAt, first, second, backslash);
      const c = pairsOrMark(at + 32, firstAt, secondAt, first, second, backslash);
      const d = pairsOrMark(at + 48, firstAt, secondAt, first, second, backslash);
      if (!v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) {
        at += 64;
        continue;
      }
    }
    const inside: u32 = at + 16 > end ? (1 << u32(end - at)) - 1 : 0xffff;
    if ((i8x16.bitmask(i8x16.eq(v128.load(at), backslash)) & inside) != 0) return true;
    let places: u32 = i8x16.bitmask(pairsAt(at, firstAt, secondAt, first, second)) & inside;
    while (places != 0) {
      const place = at + ctz(places);
      if (place + bytes <= end && equalBytes(place, text, bytes)) return true;
      places &= places - 1;
      vain += bytes;
      // It is only asked to rule records out cheaply.
      if (vain > VAIN_BYTES_MIN + (place - start)) return true;
    }
    at += 16;
  }
  return false;
}

/** The same in steps of one byte, each looked at twice at most. */
function findSteadily(start: usize, end: usize, needle: usize): usize {
  const bytes = load<u32>(needle);
  const text = needle + NEEDLE_TEXT;
  const failures = needle + load<u32>(needle, 12);
  let matched: u32 = 0;
  for (let at = start; at < end; at++) {
    const byte = load<u8>(at);
    while (matched > 0 && load<u8>(text + matched) != byte) {
      matched = load<u16>(failures + ((matched - 1) << 1));
    }
    if (load<u8>(text + matched) == byte) matched++;
    if (matched == bytes) return at + 1 - bytes;
  }
  return 0;
}

function pairsAt(at: usize, firstAt: usize, secondAt: usize, first: v128, second: v128): v128 {
  const firsts = i8x16.eq(v128.load(at + firstAt), first);
  return v128.and(firsts, i8x16.eq(v128.load(at + secondAt), second));
}

function pairsOrMark(
  at: usize,
  firstAt: usize,
  secondAt: usize,
  first: v128,
  second: v128,
  mark: v128,
): v128 {
  return v128.or(pairsAt(at, firstAt, secondAt, first, second), i8x16.eq(v128.load(at), mark));
}
