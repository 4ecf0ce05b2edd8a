// 64 bits of a key: MurmurHash3_x86_32 of its bytes with two seeds (Austin Appleby, smhasher, public domain). Filters
// of stored segments are made of these bits, so they never change.

export interface KeyHash {
  readonly high: number;
  readonly low: number;
}

const highSeed = 0;
const lowSeed = 0x9747b28c;

export function hashOfKey(key: Uint8Array): KeyHash {
  return { high: highOf(key, 0, key.length), low: lowOf(key, 0, key.length) };
}

/** The bits of a key that is a part of other bytes. */
export function highOf(bytes: Uint8Array, start: number, end: number): number {
  return murmur(bytes, start, end, highSeed);
}

export function lowOf(bytes: Uint8Array, start: number, end: number): number {
  return murmur(bytes, start, end, lowSeed);
}

/** Other bits for each seed. */
export function mixHigh(high: number, seed: number): number {
  return finish(high ^ Math.imul(seed, 0x9e3779b9));
}

export function mixLow(low: number, seed: number): number {
  return finish(low + Math.imul(seed, 0x9e3779b9));
}

function murmur(key: Uint8Array, start: number, end: number, seed: number): number {
  const whole = start + ((end - start) & ~3);
  let hash = seed;
  for (let at = start; at < whole; at += 4) {
    const block =
      (key[at] as number) |
      ((key[at + 1] as number) << 8) |
      ((key[at + 2] as number) << 16) |
      ((key[at + 3] as number) << 24);
    hash ^= scramble(block);
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  let rest = 0;
  for (let at = end - 1; at >= whole; at--) rest = (rest << 8) | (key[at] as number);
  if (end > whole) hash ^= scramble(rest);
  return finish(hash ^ (end - start));
}

function scramble(block: number): number {
  const product = Math.imul(block, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}

function finish(hash: number): number {
  let bits = hash;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
