// Hash keys as clients write them: 128-bit numbers. They are decimal text on the wire, a bigint
// here, and 16 big-endian bytes where many keys are compared. The ranges of shards are in
// hashRange.ts.

export const hashKeyMax = (1n << 128n) - 1n;

export const hashKeyBytes = 16;

/** The key in a decimal text; undefined if the text is not a number or is above 2^128-1. */
export function parseHashKey(text: string): bigint | undefined {
  if (!/^(?:0|[1-9]\d{0,38})$/.test(text)) return undefined;
  const key = BigInt(text);
  return key <= hashKeyMax ? key : undefined;
}

export function writeHashKey(key: bigint): Uint8Array {
  if (key < 0n || key > hashKeyMax) throw new RangeError(`hash key ${key}`);
  const bytes = new Uint8Array(hashKeyBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, key >> 64n);
  view.setBigUint64(8, key & 0xffff_ffff_ffff_ffffn);
  return bytes;
}
