// A budget of bytes that the requests of an isolate share. Work that would exceed it waits in order
// of arrival. Work is never refused: if it alone needs more than the budget, it runs when nothing
// else is running. Work of the kind that must end before other work can begin has priority. A
// request that was killed may never return its bytes. So a lease that is not renewed expires after
// a while if others wait.
import { isOver } from "./clock.ts";

/** A part of the budget that is in use. */
export interface Lease {
  bytes: number;
  sinceMs: number;
  /** How long it lasts. */
  spanMs: number;
  /** True while it gets its time once more when that is over. */
  isSoon?: boolean;
  /** Called when the lease has expired and others wait for its bytes. */
  onExpiry?: () => void;
}

interface Waiter {
  bytes: number;
  /** Undefined while it waits. */
  lease: Lease | undefined;
  begin(lease: Lease): void;
}

/** Whether work runs before all waiting work of the other kind. */
export type Turn = "first" | "last";

/** What is to happen at once has happened by then. */
const soonMsMax = 250;

export class MemoryBudget {
  readonly leaseMs: number;
  /** How long a lease lasts whose work is to go on at once. */
  readonly soonMs: number;
  private readonly bytesMax: number;
  private readonly leases = new Set<Lease>();
  private readonly queues: Record<Turn, Waiter[]> = { first: [], last: [] };

  constructor(bytesMax: number, leaseMs: number) {
    this.bytesMax = bytesMax;
    this.leaseMs = leaseMs;
    this.soonMs = Math.min(soonMsMax, leaseMs);
  }

  /** Bytes in use now. */
  get bytes(): number {
    let bytes = 0;
    for (const lease of this.leases) bytes += lease.bytes;
    return bytes;
  }

  /** True while leases that last longer than usual take less than half of it. */
  get isRoomy(): boolean {
    let bytes = 0;
    for (const lease of this.leases) if (lease.spanMs > this.leaseMs) bytes += lease.bytes;
    return bytes * 2 < this.bytesMax;
  }

  get waiting(): number {
    return this.queues.first.length + this.queues.last.length;
  }

  /** Runs `work` when the budget has room for this many bytes; errors of `work` are passed on. */
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

  /** Returns a part of a lease before its work has ended. */
  shrink(lease: Lease, bytes: number): void {
    lease.bytes = Math.min(lease.bytes, bytes);
    this.admit();
  }

  /** Restarts the time of a lease, which lasts this many times as long as usual. */
  renew(lease: Lease, times = 1): void {
    lease.sinceMs = Date.now();
    lease.spanMs = this.leaseMs * times;
    lease.isSoon = false;
  }

  /**
   * Restarts the time of a lease whose work goes on at once, or never, because its request was killed while it waited. Many
   * such leases would hold up all others for the usual time, one after the other. A process that was held up meanwhile finds the
   * time over before it goes on with the work, so it is given twice.
   */
  expectSoon(lease: Lease): void {
    lease.sinceMs = Date.now();
    lease.spanMs = this.soonMs;
    lease.isSoon = true;
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
    // A request that is before this one in the queue may be killed without a notice.
    const timer = setInterval(() => this.admit(), this.soonMs);
    try {
      return await turn.promise;
    } finally {
      clearInterval(timer);
    }
  }

  /** Starts waiting work in its order, as far as the budget has room. */
  private admit(): void {
    const nowMs = Date.now();
    if (this.waiting === 0) return;
    for (const lease of this.leases) {
      if (!isOver(lease.sinceMs, lease.spanMs, nowMs)) continue;
      if (lease.isSoon === true) {
        lease.isSoon = false;
        lease.sinceMs = nowMs;
      } else this.expire(lease);
    }
    let { bytes } = this;
    for (;;) {
      const { first, last } = this.queues;
      const queue = first.length > 0 ? first : last;
      const [waiter] = queue;
      if (waiter === undefined) return;
      if (bytes > 0 && bytes + waiter.bytes > this.bytesMax) return;
      const lease = { bytes: waiter.bytes, sinceMs: nowMs, spanMs: this.leaseMs };
      waiter.lease = lease;
      queue.shift();
      this.leases.add(lease);
      bytes += lease.bytes;
      waiter.begin(lease);
    }
  }
}
