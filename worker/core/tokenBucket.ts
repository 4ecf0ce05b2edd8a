// A token bucket in memory: how much a second allows. It holds the tokens of one second, fills
// evenly, and may be negative. When the object is evicted, the state of at most one second is lost.

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
