// HMAC-SHA256 (RFC 2104, FIPS 180-4) of a few hundred bytes under a key that is used again and again. For
// so little, node:crypto spends more time on its objects, each of which is a stream, than on the bytes. What
// is large, or comes once, is hashed by node:crypto.

const blockBytes = 64;
export const macBytes = 32;

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const K = new Int32Array([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);

/** The same of the square roots of the first 8 primes. */
const initial = new Int32Array([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

/** Nothing is awaited while these are in use. */
const schedule = new Int32Array(64);
const state = new Int32Array(8);
const ending = new Uint8Array(2 * blockBytes);
const digest = new Uint8Array(macBytes);

export class MacKey {
  /** The state of the hash after the first block, of the inner hash and of the outer one. */
  private readonly inner: Int32Array;
  private readonly outer: Int32Array;

  constructor(key: string) {
    const bytes = new TextEncoder().encode(key);
    const block = new Uint8Array(blockBytes);
    if (bytes.length > blockBytes) {
      state.set(initial);
      finish(bytes, 0);
      block.set(digest);
    } else block.set(bytes);
    this.inner = stateAfter(block.map((byte) => byte ^ 0x36));
    this.outer = stateAfter(block.map((byte) => byte ^ 0x5c));
  }

  /** The MAC of the bytes, in memory that the next call uses again. */
  of(bytes: Uint8Array): Uint8Array {
    state.set(this.inner);
    finish(bytes, blockBytes);
    state.set(this.outer);
    finish(digest, blockBytes);
    return digest;
  }
}

function stateAfter(block: Uint8Array): Int32Array {
  state.set(initial);
  compress(block, 0);
  return state.slice();
}

/** Hashes the last bytes of a message, of which `before` bytes are in the state, into `digest`. */
function finish(bytes: Uint8Array, before: number): void {
  const { length } = bytes;
  let at = 0;
  for (; at + blockBytes <= length; at += blockBytes) compress(bytes, at);
  const left = length - at;
  ending.fill(0);
  ending.set(at === 0 ? bytes : bytes.subarray(at));
  ending[left] = 0x80;
  // The length in bits takes the last eight bytes of a block; a message here is shorter than 2^29 bytes.
  const end = left + 9 > blockBytes ? 2 * blockBytes : blockBytes;
  writeWord(ending, end - 4, (before + length) * 8);
  for (let block = 0; block < end; block += blockBytes) compress(ending, block);
  for (let word = 0; word < state.length; word++) writeWord(digest, word * 4, state[word]!);
}

function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}

/** FIPS 180-4, section 6.2.2. */
function compress(bytes: Uint8Array, start: number): void {
  const w = schedule;
  for (let t = 0, at = start; t < 16; t++, at += 4) {
    w[t] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }
  for (let t = 16; t < 64; t++) {
    const x = w[t - 15]!;
    const y = w[t - 2]!;
    const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[t] = (w[t - 16]! + w[t - 7]! + small0 + small1) | 0;
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let f = state[5]!;
  let g = state[6]!;
  let h = state[7]!;
  for (let t = 0; t < 64; t++) {
    const big1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = (h + big1 + (g ^ (e & (f ^ g))) + K[t]! + w[t]!) | 0;
    const big0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const two = (big0 + ((a & b) | (c & (a | b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
}
