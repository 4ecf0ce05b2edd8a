// Where a record goes: 128-bit hash keys and shard ids. A hash key is
// a decimal text on the wire, a bigint here, and 16 big-endian bytes where keys are compared in
// bulk. Ranges and the MD5 of a key are the core's (core/hashRange.ts); here are only number formats.

export const hashKeyMax = (1n << 128n) - 1n;

export const hashKeyBytes = 16;

/** Shard indexes are positive 32-bit integers. */
export const shardIndexMax = 2_147_483_647;

/** The key that a decimal text names; undefined when it is no such text or above 2^128-1. */
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

/** `shardId-000000000007`; negative as Java pads it, `shardId--00000000007`. */
export function shardIdOf(index: number): string {
  return index < 0
    ? `shardId--${String(-index).padStart(11, "0")}`
    : `shardId-${String(index).padStart(12, "0")}`;
}

/**
 * The index that an id names, read as tolerantly as the service does: what stands between the
 * first and the second hyphen, or the whole text, in digits (kinesalite db/index.js
 * resolveShardId). Undefined when there is none up to 2^31-1.
 */
export function parseShardId(text: string): number | undefined {
  const digits = text.split("-", 2)[1] || text;
  if (!/^\d+$/.test(digits)) return undefined;
  const index = Number(digits);
  return index <= shardIndexMax ? index : undefined;
}
