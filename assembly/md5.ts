// MD5 (RFC 1321) of many short byte strings in one call. Kinesis routes a record by the MD5 of its
// partition key. A key fits one or two blocks, so the cost per call matters, not the cost per byte.
import { SCRATCH } from "./layout";

const STATE: usize = SCRATCH;
const BLOCK: usize = SCRATCH + 16;
const BLOCK_BYTES: u32 = 64;

/** floor(2^32 × |sin(i + 1)|), RFC 1321 section 3.4. */
const SINES: usize = memory.data<u32>([
  0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
  0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
  0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
  0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
  0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
  0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
  0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
  0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
]);

/** Hashes `bytes` bytes at `from` into the 16 bytes at `to`. */
export function hashMd5(to: usize, from: usize, bytes: u32): void {
  store<u32>(STATE, 0x67452301);
  store<u32>(STATE, 0xefcdab89, 4);
  store<u32>(STATE, 0x98badcfe, 8);
  store<u32>(STATE, 0x10325476, 12);
  let left = bytes;
  while (left >= BLOCK_BYTES) {
    hashBlock(from);
    from += BLOCK_BYTES;
    left -= BLOCK_BYTES;
  }
  memory.copy(BLOCK, from, left);
  store<u8>(BLOCK + left, 0x80);
  memory.fill(BLOCK + left + 1, 0, BLOCK_BYTES - 1 - left);
  if (left >= 56) {
    hashBlock(BLOCK);
    memory.fill(BLOCK, 0, 56);
  }
  store<u64>(BLOCK, (<u64>bytes) << 3, 56);
  hashBlock(BLOCK);
  v128.store(to, v128.load(STATE));
}

function hashBlock(block: usize): void {
  let a = load<u32>(STATE);
  let b = load<u32>(STATE, 4);
  let c = load<u32>(STATE, 8);
  let d = load<u32>(STATE, 12);
  for (let i: u32 = 0; i < 16; i += 4) {
    a = b + rotl(a + (d ^ (b & (c ^ d))) + word(block, i, i), 7);
    d = a + rotl(d + (c ^ (a & (b ^ c))) + word(block, i + 1, i + 1), 12);
    c = d + rotl(c + (b ^ (d & (a ^ b))) + word(block, i + 2, i + 2), 17);
    b = c + rotl(b + (a ^ (c & (d ^ a))) + word(block, i + 3, i + 3), 22);
  }
  for (let i: u32 = 16; i < 32; i += 4) {
    a = b + rotl(a + (c ^ (d & (b ^ c))) + word(block, 5 * i + 1, i), 5);
    d = a + rotl(d + (b ^ (c & (a ^ b))) + word(block, 5 * i + 6, i + 1), 9);
    c = d + rotl(c + (a ^ (b & (d ^ a))) + word(block, 5 * i + 11, i + 2), 14);
    b = c + rotl(b + (d ^ (a & (c ^ d))) + word(block, 5 * i + 16, i + 3), 20);
  }
  for (let i: u32 = 32; i < 48; i += 4) {
    a = b + rotl(a + (b ^ c ^ d) + word(block, 3 * i + 5, i), 4);
    d = a + rotl(d + (a ^ b ^ c) + word(block, 3 * i + 8, i + 1), 11);
    c = d + rotl(c + (d ^ a ^ b) + word(block, 3 * i + 11, i + 2), 16);
    b = c + rotl(b + (c ^ d ^ a) + word(block, 3 * i + 14, i + 3), 23);
  }
  for (let i: u32 = 48; i < 64; i += 4) {
    a = b + rotl(a + (c ^ (b | ~d)) + word(block, 7 * i, i), 6);
    d = a + rotl(d + (b ^ (a | ~c)) + word(block, 7 * i + 7, i + 1), 10);
    c = d + rotl(c + (a ^ (d | ~b)) + word(block, 7 * i + 14, i + 2), 15);
    b = c + rotl(b + (d ^ (c | ~a)) + word(block, 7 * i + 21, i + 3), 21);
  }
  store<u32>(STATE, load<u32>(STATE) + a);
  store<u32>(STATE, load<u32>(STATE, 4) + b, 4);
  store<u32>(STATE, load<u32>(STATE, 8) + c, 8);
  store<u32>(STATE, load<u32>(STATE, 12) + d, 12);
}

/** Word `at` (mod 16) of the block plus the sine of step `step`. */
function word(block: usize, at: u32, step: u32): u32 {
  return load<u32>(block + ((at & 15) << 2)) + load<u32>(SINES + (step << 2));
}
