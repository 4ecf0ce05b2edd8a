// A bucket of tokens, in memory: how much of something a second allows. It holds a second's worth,
// fills evenly, and may be in debt. What is lost with an evicted object is a second of patience.

export class Bucket {
  private readonly perSecond: number;
  private tokens: number;
  private filledMs = 0;

  constructor(perSecond: number) {
    this.perSecond = perSecond;
    this.tokens = perSecond;
  }

  left(nowMs: number): number {
    const filled = (Math.max(nowMs - this.filledMs, 0) * this.perSecond) / 1000;
    this.tokens = Math.min(this.tokens + filled, this.perSecond);
    this.filledMs = nowMs;
    return this.tokens;
  }

  isFull(nowMs: number): boolean {
    return this.left(nowMs) >= this.perSecond;
  }

  spend(count: number): void {
    this.tokens -= count;
  }
}
