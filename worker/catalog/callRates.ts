// Limits the rate of control calls, with a token bucket for each kind of call.
import { BoundedMap } from "../core/boundedMap.ts";
import { Bucket } from "../core/tokenBucket.ts";

/** Maximum number of buckets. The oldest is removed, which only lets a call pass too early. */
const bucketsMax = 10_000;

export class CallRates {
  private readonly buckets = new BoundedMap<Bucket>(bucketsMax);

  /** True if one more call is allowed now; takes its token then. */
  take(kind: string, perSecond: number, nowMs: number): boolean {
    const bucket = this.buckets.get(kind) ?? new Bucket(perSecond);
    this.buckets.set(kind, bucket);
    const isAllowed = bucket.left(nowMs) >= 1;
    if (isAllowed) bucket.spend(1);
    return isAllowed;
  }
}
