// Folds bytes to a few that have the same CRC-32, several times as fast as a table of remainders can. The generator
// of CRC-32 divides x^300 + x^155 + x^117 + x^89 + 1. Over two elements, squaring a sum squares its terms, so it
// divides the same sum of powers of x^128 too: a vector of sixteen bytes may be moved 145, 183, 211 and 300 vectors
// on (that is 300 less 155, 117, 89 and 0), and the remainder stays what it was. Every vector but the last 300 is
// moved on so. In reflected order, in which a CRC-32 reads bits, vectors are moved as they lie in memory.
import { FOLDED, MOVED, MOVED_BLOCK, VECTOR_BYTES } from "./layout";

const REACH: usize = 300 * VECTOR_BYTES;
const FIRST: usize = 145 * VECTOR_BYTES;
const SECOND: usize = 183 * VECTOR_BYTES;
const THIRD: usize = 211 * VECTOR_BYTES;

/** Writes bytes with the same CRC-32 as `bytes` at `start` to FOLDED; returns their number, which is FOLDED_BYTES at most. */
export function foldBytes(start: usize, bytes: usize): u32 {
  const vectors = bytes & ~(VECTOR_BYTES - 1);
  if (vectors < 2 * REACH) return 0;
  memory.fill(MOVED, 0, REACH);
  const stop = start + vectors - REACH;
  let at = start;
  let to = MOVED + REACH;
  // Whoever computes the CRC of the result begins with all ones in its first four bytes: they are moved on here.
  store<u32>(FOLDED, 0xffffffff);
  const first = v128.xor(v128.load(at), i32x4(-1, 0, 0, 0));
  v128.store(to, first);
  at += VECTOR_BYTES;
  to += VECTOR_BYTES;
  let end = min(stop, start + MOVED_BLOCK);
  for (;;) {
    for (; at < end; at += VECTOR_BYTES, to += VECTOR_BYTES) v128.store(to, movedTo(at, to));
    memory.copy(MOVED, to - REACH, REACH);
    to = MOVED + REACH;
    if (at == stop) break;
    end = min(stop, at + MOVED_BLOCK);
  }
  // The last ones stay where they are.
  let folded = FOLDED;
  for (end = start + vectors; at < end; at += VECTOR_BYTES, to += VECTOR_BYTES) {
    v128.store(folded, movedTo(at, to));
    v128.store(to, i32x4.splat(0));
    folded += VECTOR_BYTES;
  }
  v128.store(FOLDED, v128.xor(v128.load(FOLDED), i32x4(-1, 0, 0, 0)));
  memory.copy(folded, at, bytes - vectors);
  return <u32>(REACH + bytes - vectors);
}

/** The vector at `at` with what was moved to it; `to` is its place among those that are moved on. */
function movedTo(at: usize, to: usize): v128 {
  const near = v128.xor(v128.load(to - FIRST), v128.load(to - SECOND));
  const far = v128.xor(v128.load(to - THIRD), v128.load(to - REACH));
  return v128.xor(v128.load(at), v128.xor(near, far));
}
