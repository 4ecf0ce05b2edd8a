// Buckets of tokens, in memory: how often something may happen in a second. A bucket holds one
// second's worth and fills evenly. What is lost when an object is evicted is a second of patience.

interface Bucket {
  tokens: number;
  filledMs: number;
}

/** Buckets kept; more are forgotten, oldest first, which only lets a call pass too early. */
const bucketsMax = 10_000;

export class Rates {
  private readonly buckets = new Map<string, Bucket>();

  /** Whether one more is allowed now; takes its token if so. */
  take(key: string, perSecond: number, nowMs: number): boolean {
    const bucket = this.buckets.get(key) ?? { tokens: perSecond, filledMs: nowMs };
    const filled = bucket.tokens + (Math.max(nowMs - bucket.filledMs, 0) * perSecond) / 1000;
    bucket.tokens = Math.min(filled, perSecond);
    bucket.filledMs = nowMs;
    const allowed = bucket.tokens >= 1;
    if (allowed) bucket.tokens -= 1;
    this.buckets.delete(key);
    this.buckets.set(key, bucket);
    if (this.buckets.size > bucketsMax) {
      const oldest = this.buckets.keys().next().value;
      if (oldest !== undefined) this.buckets.delete(oldest);
    }
    return allowed;
  }
}
