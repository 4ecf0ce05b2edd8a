// What a shard is told of the stream of Durable Streams that it is of.
import type { ShardLife } from "../core/durable.ts";
import { mediaTypeOf } from "../core/mediaType.ts";
import type { StreamDescription } from "../core/types.ts";
import { StreamError } from "../errors.ts";
import { retentionHoursMax } from "../limits.ts";

/** Undefined for a stream that another dialect has created. */
export function lifeOf(stream: StreamDescription, nowMs: number): ShardLife | undefined {
  const { account, region, name, uid, durable } = stream;
  if (durable === undefined) return undefined;
  const { contentType, ttlSeconds, expiresAt } = durable;
  return {
    account,
    region,
    stream: name,
    streamUid: uid,
    mediaType: mediaTypeOf(contentType),
    keepsAll: keepsAll(stream),
    ...(ttlSeconds !== undefined && { ttlMs: ttlSeconds * 1000, touchedMs: nowMs }),
    ...(expiresAt !== undefined && { expiresMs: Date.parse(expiresAt) }),
  };
}

/** The life of a shard that continues others. */
export function laterLifeOf(stream: StreamDescription, nowMs: number): ShardLife | undefined {
  const life = lifeOf(stream, nowMs);
  return life && { ...life, isKnown: true };
}

/** True if records are kept until the stream is deleted, as no other dialect has lowered the retention. */
export function keepsAll({ durable, retentionHours }: StreamDescription): boolean {
  return durable !== undefined && retentionHours === retentionHoursMax;
}

/** Throws `streamExpires`: a shard of several would end with the stream's time when only others are used. */
export function requireLasting({ name, durable }: StreamDescription): void {
  if (durable?.ttlSeconds !== undefined) throw new StreamError("streamExpires", { stream: name });
}
