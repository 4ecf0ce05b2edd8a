// The readers that wait for a shard's next record, and the subscription of each consumer. A wait
// ends when a record at its index is published, when the shard closes, when its time is over, or
// when the reader leaves. There is one subscription per consumer and shard. A new one replaces the
// old after 5 s; before that it is refused. All of this is in memory; a restarted shard knows no
// subscriptions.
import { isOver } from "../core/clock.ts";
import { isLeaving, startWait } from "../core/leaving.ts";
import { StreamError } from "../errors.ts";
import { waitersMax } from "../limits.ts";

/** A consumer's subscription: held until another reader takes over or the reader leaves. */
export interface ConsumerSlot {
  readonly consumer: string;
  readonly sinceMs: number;
  held: boolean;
}

interface Waiter {
  index: number;
  /** Undefined for one that has no subscription: a queue over the shard. */
  slot: ConsumerSlot | undefined;
  end(): void;
}

/** Age from which a subscription can be replaced (AWS API reference, SubscribeToShard). */
const slotMsMin = 5000;

export class WaitList {
  private readonly waiters = new Set<Waiter>();
  private readonly slots = new Map<string, ConsumerSlot>();

  /** Throws `subscriptionTaken`, `tooManyWaiting`. */
  take(consumer: string, nowMs: number): ConsumerSlot {
    for (const slot of this.slots.values()) {
      if (!slot.held && isOver(slot.sinceMs, slotMsMin, nowMs)) this.slots.delete(slot.consumer);
    }
    const old = this.slots.get(consumer);
    if (old !== undefined && !isOver(old.sinceMs, slotMsMin, nowMs) && !isLeaving()) {
      throw new StreamError("subscriptionTaken");
    }
    if (this.slots.size >= waitersMax) throw new StreamError("tooManyWaiting");
    if (old !== undefined) this.leave(old);
    const slot = { consumer, sinceMs: nowMs, held: true };
    this.slots.set(consumer, slot);
    return slot;
  }

  /** Releases the subscription; its age still counts against a new one. */
  leave(slot: ConsumerSlot): void {
    slot.held = false;
    this.endAll((waiter) => waiter.slot === slot);
  }

  /** Resolves when there may be a record at `index`, or when waiting has no use any more. */
  wait(slot: ConsumerSlot, index: number, timeoutMs: number): Promise<void> {
    return slot.held ? this.add(slot, index, timeoutMs) : Promise.resolve();
  }

  /** The same for one that has no subscription. Throws `tooManyWaiting`. */
  watch(index: number, timeoutMs: number): Promise<void> {
    if (this.waiters.size >= 2 * waitersMax) throw new StreamError("tooManyWaiting");
    return this.add(undefined, index, timeoutMs);
  }

  private add(slot: ConsumerSlot | undefined, index: number, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        stop();
        this.waiters.delete(waiter);
        resolve();
      };
      const waiter: Waiter = { index, slot, end };
      const stop = startWait(end, timeoutMs);
      this.waiters.add(waiter);
    });
  }

  /** As `wait`, for a reader without a subscription. Throws `tooManyWaiting`. */
  waitUnnamed(index: number, timeoutMs: number): Promise<void> {
    if (this.waiters.size >= waitersMax) throw new StreamError("tooManyWaiting");
    return this.wait({ consumer: "", sinceMs: 0, held: true }, index, timeoutMs);
  }

  /** Records before `nextIndex` are published. */
  published(nextIndex: number): void {
    if (this.waiters.size > 0) this.endAll(({ index }) => index < nextIndex);
  }

  /** There will be no more records. */
  ended(): void {
    this.endAll(() => true);
  }

  get waiting(): number {
    return this.waiters.size;
  }

  private endAll(which: (waiter: Waiter) => boolean): void {
    for (const waiter of this.waiters) if (which(waiter)) waiter.end();
  }
}
