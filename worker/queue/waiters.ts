// Receives that wait for records, the oldest first. A receive that is woken tries again. If records are
// still there after a moment, the next receives are woken, because the client of the first one may have
// disconnected.
import { startWait } from "../core/leaving.ts";
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

  /** True if a receive waits for records, dead letters not counted. */
  get isForRecords(): boolean {
    return this.waiting.values().some(({ isDead }) => !isDead);
  }

  /** Resolves with true when records can be received, with false when the time is over. */
  wait(isDead: boolean, timeoutMs: number): Promise<boolean> {
    if (this.waiting.size >= queueWaitersMax) throw new StreamError("overloaded");
    return new Promise((resolve) => {
      const end = (isReady: boolean) => {
        stop();
        this.waiting.delete(waiter);
        resolve(isReady);
      };
      const waiter: Waiter = { isDead, end };
      const stop = startWait(() => end(false), timeoutMs);
      this.waiting.add(waiter);
    });
  }

  /** Wakes as many receives as there are records for. */
  call(): void {
    if (this.waiting.size === 0) return;
    const served = [false, true].map((isDead) => this.callSome(isDead));
    if (!served.includes(true) || this.recall !== undefined) return;
    this.recall = setTimeout(() => {
      this.recall = undefined;
      this.call();
    }, queueRecallMs);
  }

  /** Wakes all: no more records will come. */
  endAll(): void {
    for (const waiter of this.waiting) waiter.end(false);
  }

  /** True if a receive was woken. */
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
