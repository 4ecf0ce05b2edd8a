// A budget of bytes that the work of many requests of an isolate shares. Work that would pass it waits,
// first come, first served; it is never refused, and work that alone needs more than the budget goes
// when nothing else is under way. Work that must end before other work can begin goes first. A request
// that was cut off may never give back what it took: when others wait, its part is free again after a
// while, unless it is renewed.
import { isOver } from "./clock.ts";

/** A part of the budget that is taken. */
export interface Lease {
  bytes: number;
  sinceMs: number;
  /** Called when the time of the lease has passed, and others wait for its bytes. */
  onExpiry?: () => void;
}

interface Waiter {
  bytes: number;
  /** Undefined while it waits. */
  lease: Lease | undefined;
  begin(lease: Lease): void;
}

/** Whether work goes before all work of the other kind that waits. */
export type Turn = "first" | "last";

export class MemoryBudget {
  readonly leaseMs: number;
  private readonly bytesMax: number;
  private readonly leases = new Set<Lease>();
  private readonly queues: Record<Turn, Waiter[]> = { first: [], last: [] };

  constructor(bytesMax: number, leaseMs: number) {
    this.bytesMax = bytesMax;
    this.leaseMs = leaseMs;
  }

  /** What is taken now. */
  get bytes(): number {
    let bytes = 0;
    for (const lease of this.leases) bytes += lease.bytes;
    return bytes;
  }

  get waiting(): number {
    return this.queues.first.length + this.queues.last.length;
  }

  /** Runs `work` once there is room for so many bytes; what it throws is thrown on. */
  async run<T>(
    bytes: number,
    work: (lease: Lease | undefined) => Promise<T>,
    turn: Turn = "last",
  ): Promise<T> {
    if (bytes === 0) return work(undefined);
    const lease = await this.take(bytes, turn);
    try {
      return await work(lease);
    } finally {
      this.leases.delete(lease);
      this.admit();
    }
  }

  /** Gives a part of a lease back before its work has ended. */
  shrink(lease: Lease, bytes: number): void {
    lease.bytes = Math.min(lease.bytes, bytes);
    this.admit();
  }

  /** Begins the time of a lease anew. */
  renew(lease: Lease): void {
    lease.sinceMs = Date.now();
  }

  private expire(lease: Lease): void {
    this.leases.delete(lease);
    lease.onExpiry?.();
  }

  private async take(bytes: number, kind: Turn): Promise<Lease> {
    const turn = Promise.withResolvers<Lease>();
    const waiter: Waiter = { bytes, lease: undefined, begin: turn.resolve };
    this.queues[kind].push(waiter);
    this.admit();
    if (waiter.lease !== undefined) return waiter.lease;
    // Whoever is before this one in the queue may be cut off and tell nobody.
    const timer = setInterval(() => this.admit(), this.leaseMs);
    try {
      return await turn.promise;
    } finally {
      clearInterval(timer);
    }
  }

  /** Lets those who wait begin, in their order, as far as there is room. */
  private admit(): void {
    const nowMs = Date.now();
    if (this.waiting === 0) return;
    for (const lease of this.leases) {
      if (isOver(lease.sinceMs, this.leaseMs, nowMs)) this.expire(lease);
    }
    let { bytes } = this;
    for (;;) {
      const { first, last } = this.queues;
      const queue = first.length > 0 ? first : last;
      const [waiter] = queue;
      if (waiter === undefined) return;
      if (bytes > 0 && bytes + waiter.bytes > this.bytesMax) return;
      const lease = { bytes: waiter.bytes, sinceMs: nowMs };
      waiter.lease = lease;
      queue.shift();
      this.leases.add(lease);
      bytes += lease.bytes;
      waiter.begin(lease);
    }
  }
}
