// The room for bodies of requests in an isolate: bytes, taken before a large body is read and given back
// with the reply. Whoever finds no room waits, first come, first served. A request that is cut off runs no
// code any more, so it cannot give back what it took: whoever holds room says again and again that
// it is alive, and is forgotten when it does not.

export interface Room {
  readonly bytes: number;
  readonly takenMs: number;
  aliveUntilMs: number;
}

interface Waiter {
  readonly bytes: number;
  aliveUntilMs: number;
  begin(room: Room): void;
}

export class BodyBudget {
  private readonly bytesMax: number;
  private readonly aliveMs: number;
  private readonly taken = new Set<Room>();
  private readonly queue: Waiter[] = [];

  constructor(bytesMax: number, aliveMs: number) {
    this.bytesMax = bytesMax;
    this.aliveMs = aliveMs;
  }

  get bytes(): number {
    let bytes = 0;
    for (const room of this.taken) bytes += room.bytes;
    return bytes;
  }

  /** How many are waiting. */
  get waiting(): number {
    return this.queue.length;
  }

  /** `turn` begins as soon as there is room. Renew it until then, and leave when tired of waiting. */
  wait(bytes: number, nowMs: number): { turn: Promise<Room>; waiter: object } {
    const turn = Promise.withResolvers<Room>();
    const waiter = { bytes, aliveUntilMs: nowMs + this.aliveMs, begin: turn.resolve };
    this.queue.push(waiter);
    this.admit(nowMs);
    return { turn: turn.promise, waiter };
  }

  leave(waiter: object, nowMs: number): void {
    const at = this.queue.findIndex((each) => each === waiter);
    if (at >= 0) this.queue.splice(at, 1);
    this.admit(nowMs);
  }

  /** To be called by everybody who waits for room or has some, more often than they are forgotten. */
  renew(holder: object, nowMs: number): void {
    for (const each of [...this.taken, ...this.queue]) {
      if (each === holder) each.aliveUntilMs = nowMs + this.aliveMs;
    }
    this.admit(nowMs);
  }

  release(room: Room, nowMs: number): void {
    this.taken.delete(room);
    this.admit(nowMs);
  }

  /** Lets those who wait begin, in their order, as far as there is room. */
  private admit(nowMs: number): void {
    for (const room of this.taken) if (room.aliveUntilMs <= nowMs) this.taken.delete(room);
    let { bytes } = this;
    for (let first = this.queue[0]; first !== undefined; first = this.queue[0]) {
      const isAlive = first.aliveUntilMs > nowMs;
      if (isAlive && bytes > 0 && bytes + first.bytes > this.bytesMax) return;
      this.queue.shift();
      if (!isAlive) continue;
      const room = { bytes: first.bytes, takenMs: nowMs, aliveUntilMs: nowMs + this.aliveMs };
      this.taken.add(room);
      bytes += room.bytes;
      first.begin(room);
    }
  }
}
