// A new stream: whether the account may have it, and its first description. The catalog opens its
// shards and handles all failures.
import type { AccountTotals } from "../core/control.ts";
import { StreamError } from "../errors.ts";
import { recordBytesDefault, shardsMax } from "../limits.ts";
import type { AccountQuota } from "./accountQuota.ts";
import { checkDistribution, checkWarmThroughput } from "./streamChanges.ts";
import { splitHashRange } from "../core/hashRange.ts";
import type { StreamSpec } from "../core/rpc.ts";
import { shardUid } from "../engine/shardUid.ts";
import type { Scope, StreamDescription } from "../core/types.ts";

/**
 * A new shard has a creation time that is this much before that of its stream, as in Kinesis. So
 * every record arrives in a later second than its shard's creation, and no record has the shard's
 * starting sequence number.
 */
export const shardAgeMs = 2000;

/** Throws unless an account with these totals may have the stream. */
export function checkSpec(
  spec: StreamSpec,
  totals: AccountTotals,
  quota: AccountQuota,
  isCommitted: boolean,
): void {
  const { mode, shardCount, distribution, warmThroughputMiBps } = spec;
  checkShardCount(totals, quota, shardCount);
  if (shardCount > shardsMax) throw new StreamError("tooManyShards", { limit: shardsMax });
  if (mode === "ON_DEMAND") checkOnDemandCount(totals, quota);
  if (warmThroughputMiBps !== undefined) checkWarmThroughput(spec, isCommitted);
  checkDistribution(spec, distribution ?? "USER_PARTITION_KEY");
}

/** Throws if the account would have too many open shards. */
export function checkShardCount(
  { openShards: current }: AccountTotals,
  { openShards: limit }: AccountQuota,
  additional: number,
): void {
  if (current + additional <= limit) return;
  throw new StreamError("tooManyShards", { current, additional, limit });
}

/** Throws if the account may not have another on-demand stream. */
export function checkOnDemandCount(totals: AccountTotals, quota: AccountQuota): void {
  const { onDemandStreams: limit } = quota;
  if (totals.onDemandStreams >= limit) throw new StreamError("tooManyStreams", { limit });
}

/** A stream with the creation time `createdMs`, which may be ahead of the clock. */
export function newStream(
  scope: Scope,
  spec: StreamSpec,
  createdMs: number,
  nowMs: number,
): StreamDescription {
  const uid = crypto.randomUUID();
  const { name, shardCount, tags: _, recordBytesMax, distribution, ...attributes } = spec;
  const ahead = createdMs > nowMs ? { createdAhead: true } : {};
  const shards = splitHashRange(shardCount, spec.cut).map((range, index) =>
    Object.assign(
      {
        uid: shardUid(uid, index),
        index,
        createdMs: createdMs - shardAgeMs,
        hashStart: range.start,
        hashEnd: range.end,
      },
      ahead,
    ),
  );
  return {
    account: scope.account,
    region: scope.region,
    name,
    uid,
    status: "CREATING",
    createdMs,
    recordBytesMax: recordBytesMax ?? recordBytesDefault,
    distribution: distribution ?? "USER_PARTITION_KEY",
    metrics: [],
    consumers: [],
    ...attributes,
    shards,
  };
}
