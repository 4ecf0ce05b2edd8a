// Those who wait until there is something to receive: the oldest is called first. Who is called comes
// back to receive; if nobody takes what is there, the next ones are called a moment later, because a
// client may have gone.
import { StreamError } from "../errors.ts";
import { queueRecallMs, queueReceiveMax, queueWaitersMax } from "../limits.ts";

interface Waiter {
  readonly isDead: boolean;
  end(isReady: boolean): void;
}

export class Waiters {
  private readonly waiting = new Set<Waiter>();
  /** How many records of a kind could be received now. */
  private readonly available: (isDead: boolean) => number;
  private recall: ReturnType<typeof setTimeout> | undefined;

  constructor(available: (isDead: boolean) => number) {
    this.available = available;
  }

  get count(): number {
    return this.waiting.size;
  }

  /** True if somebody waits for records that are no dead letters. */
  get isForRecords(): boolean {
    return this.waiting.values().some(({ isDead }) => !isDead);
  }

  /** Resolves with true when there is something, with false when the time is over. */
  wait(isDead: boolean, timeoutMs: number): Promise<boolean> {
    if (this.waiting.size >= queueWaitersMax) throw new StreamError("overloaded");
    return new Promise((resolve) => {
      const end = (isReady: boolean) => {
        clearTimeout(timer);
        this.waiting.delete(waiter);
        resolve(isReady);
      };
      const waiter: Waiter = { isDead, end };
      const timer = setTimeout(() => end(false), timeoutMs);
      this.waiting.add(waiter);
    });
  }

  /** Calls as many as can be served with what is there. */
  call(): void {
    if (this.waiting.size === 0) return;
    const served = [false, true].map((isDead) => this.callSome(isDead));
    if (!served.includes(true) || this.recall !== undefined) return;
    this.recall = setTimeout(() => {
      this.recall = undefined;
      this.call();
    }, queueRecallMs);
  }

  /** There will be nothing more. */
  endAll(): void {
    for (const waiter of this.waiting) waiter.end(false);
  }

  /** True if somebody was called. */
  private callSome(isDead: boolean): boolean {
    let records = this.available(isDead);
    if (records <= 0) return false;
    for (const waiter of this.waiting) {
      if (waiter.isDead !== isDead) continue;
      waiter.end(true);
      records -= queueReceiveMax;
      if (records <= 0) break;
    }
    return true;
  }
}
