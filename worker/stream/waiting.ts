// Those who wait at a shard for its next record, and who of them holds a consumer's place. A wait
// ends when a record at its index is published, when the shard closes, when its time is up, or when
// somebody else takes the place. All of it is in memory: a reader whose shard was restarted asks
// again and gets its place back, unless another one was quicker.
import { StreamError } from "../errors.ts";
import { waitersMax } from "../limits.ts";

/** A reader and the consumer that it reads as. */
export interface Hold {
  consumer: string;
  /** Unique per reader. */
  reader: string;
}

interface Waiter {
  index: number;
  hold: Hold | undefined;
  end(): void;
}

interface Place {
  reader: string;
  /** When it was taken. */
  sinceMs: number;
  seenMs: number;
}

/** A place can be taken over once it is this old (AWS API reference, SubscribeToShard). */
const placeMsMin = 5000;

/** A place that nobody has come back to for so long is forgotten; reads that hold one last less. */
const placeMsMax = 600_000;

export class WaitingRoom {
  private readonly waiters = new Set<Waiter>();
  private readonly places = new Map<string, Place>();

  /** Gives the consumer's place to the reader. Throws `subscriptionTaken`. */
  take({ consumer, reader }: Hold, nowMs: number): void {
    for (const [other, { seenMs }] of this.places) {
      if (nowMs - seenMs > placeMsMax) this.places.delete(other);
    }
    const place = this.places.get(consumer);
    if (place !== undefined && nowMs - place.sinceMs < placeMsMin) {
      throw new StreamError("subscriptionTaken");
    }
    this.places.set(consumer, { reader, sinceMs: nowMs, seenMs: nowMs });
    this.endAll(({ hold }) => hold?.consumer === consumer);
  }

  /** Whether the reader holds its consumer's place; a place that nobody holds is its own. */
  holds({ consumer, reader }: Hold, nowMs: number): boolean {
    const place = this.places.get(consumer);
    if (place !== undefined && place.reader !== reader) return false;
    this.places.set(consumer, { reader, sinceMs: place?.sinceMs ?? 0, seenMs: nowMs });
    return true;
  }

  /** Resolves when there may be a record at `index`, or no more use in waiting. Throws `tooManyWaiting`. */
  wait(index: number, timeoutMs: number, hold?: Hold): Promise<void> {
    if (this.waiters.size >= waitersMax) throw new StreamError("tooManyWaiting");
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.waiters.delete(waiter);
        resolve();
      };
      const timer = setTimeout(end, timeoutMs);
      const waiter: Waiter = { index, hold, end };
      this.waiters.add(waiter);
    });
  }

  /** The reader has gone. Its place stays as young as it is. */
  leave({ reader }: Hold): void {
    this.endAll(({ hold }) => hold?.reader === reader);
  }

  /** Records before `nextIndex` are published. */
  published(nextIndex: number): void {
    if (this.waiters.size > 0) this.endAll(({ index }) => index < nextIndex);
  }

  /** There will be no more records. */
  ended(): void {
    this.endAll(() => true);
  }

  get size(): number {
    return this.waiters.size;
  }

  private endAll(which: (waiter: Waiter) => boolean): void {
    for (const waiter of this.waiters) if (which(waiter)) waiter.end();
  }
}
