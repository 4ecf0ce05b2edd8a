// How often calls of a kind may come, by a bucket of tokens for each kind: the control plane's limits.
import { BoundedMap } from "../core/boundedMap.ts";
import { Bucket } from "../core/tokenBucket.ts";

/** Buckets kept; more are forgotten, oldest first, which only lets a call pass too early. */
const bucketsMax = 10_000;

export class Rates {
  private readonly buckets = new BoundedMap<Bucket>(bucketsMax);

  /** Whether one more is allowed now; takes its token if so. */
  take(kind: string, perSecond: number, nowMs: number): boolean {
    const bucket = this.buckets.get(kind) ?? new Bucket(perSecond);
    this.buckets.set(kind, bucket);
    const isAllowed = bucket.left(nowMs) >= 1;
    if (isAllowed) bucket.spend(1);
    return isAllowed;
  }
}
