// Shard ids as Kinesis writes them, `shardId-000000000007`, and as it reads them.

/** Shard indexes are positive 32-bit integers. */
export const shardIndexMax = 2_147_483_647;

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
