// Segments on their way into memory, over all pages of an isolate, within one budget. A page that would
// pass it waits, first come, first served; it is never refused, and one that alone has more than the
// budget goes when nothing else is on its way. How large segments are is known only once they are there:
// until then a shard's are taken to be as large as the last that were read of it. What is read stays with its page,
// and in the cache (bodies.ts). A request that was cut off may never give back what it took: its
// part is free again after a while.
import { isOver } from "../clock.ts";
import { readingBytesMax, readingLeaseMs, segmentBytes, viewsMax } from "../limits.ts";

interface Lease {
  bytes: number;
  sinceMs: number;
}

interface Waiter {
  bytes: number;
  begin(lease: Lease): void;
}

export class ReadingBudget {
  private readonly bytesMax: number;
  private readonly leaseMs: number;
  private readonly leases = new Set<Lease>();
  private readonly queue: Waiter[] = [];

  constructor(bytesMax: number, leaseMs: number) {
    this.bytesMax = bytesMax;
    this.leaseMs = leaseMs;
  }

  /** What is being read now. */
  get bytes(): number {
    let bytes = 0;
    for (const lease of this.leases) bytes += lease.bytes;
    return bytes;
  }

  get waiting(): number {
    return this.queue.length;
  }

  /** Runs `load` once there is room for so many bytes; what it throws is thrown on. */
  async run<T>(bytes: number, load: () => Promise<T>): Promise<T> {
    if (bytes === 0) return load();
    const lease = await this.take(bytes);
    try {
      return await load();
    } finally {
      this.leases.delete(lease);
      this.admit();
    }
  }

  private async take(bytes: number): Promise<Lease> {
    const turn = Promise.withResolvers<Lease>();
    this.queue.push({ bytes, begin: turn.resolve });
    this.admit();
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
    for (const lease of this.leases) {
      if (isOver(lease.sinceMs, this.leaseMs, nowMs)) this.leases.delete(lease);
    }
    let { bytes } = this;
    for (let first = this.queue[0]; first !== undefined; first = this.queue[0]) {
      if (bytes > 0 && bytes + first.bytes > this.bytesMax) return;
      const lease = { bytes: first.bytes, sinceMs: nowMs };
      this.queue.shift();
      this.leases.add(lease);
      bytes += lease.bytes;
      first.begin(lease);
    }
  }
}

/** The isolate's. */
export const reading = new ReadingBudget(readingBytesMax, readingLeaseMs);

/** Mean size of the segments that were read last, by shard; the shard read longest ago goes first. */
const sizes = new Map<string, number>();

/** Bytes that a segment of the shard is likely to have. */
export function expectedBytes(uid: string): number {
  return sizes.get(uid) ?? segmentBytes;
}

/**
 * Loads segments of a shard, all at once, when there is room for the `count` of them that are not
 * in memory yet.
 */
export async function readInTurn(
  uid: string,
  count: number,
  load: () => Promise<PromiseSettledResult<Uint8Array>[]>,
): Promise<PromiseSettledResult<Uint8Array>[]> {
  const loads = await reading.run(count * expectedBytes(uid), load);
  const found = loads.flatMap((each) => (each.status === "fulfilled" ? [each.value.length] : []));
  if (found.length > 0) learn(uid, found.reduce((sum, bytes) => sum + bytes, 0) / found.length);
  return loads;
}

function learn(uid: string, bytes: number): void {
  sizes.delete(uid);
  sizes.set(uid, bytes);
  if (sizes.size <= viewsMax) return;
  const oldest = sizes.keys().next().value;
  if (oldest !== undefined) sizes.delete(oldest);
}
