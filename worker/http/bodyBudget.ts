// The memory for request bodies in an isolate. Bytes are reserved before a large body is read and
// returned with the reply. Requests without room wait, the smaller ones before the larger. A part of
// the room is only for bodies of usual size, so that a few hundred slow large ones do not keep
// everybody else waiting. A request that is killed
// runs no more code, so it cannot return its bytes. So every holder must renew its reservation; one
// that is not renewed is dropped.

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

/** Bytes that all bodies may take, and bytes that only those of at most `usualBytes` may add. */
export interface BodyRoom {
  bytesMax: number;
  usualBytes: number;
  usualBytesMax: number;
}

export class BodyBudget {
  private readonly room: BodyRoom;
  private readonly aliveMs: number;
  private readonly taken = new Set<Room>();
  private readonly queue: Waiter[] = [];

  constructor(room: BodyRoom, aliveMs: number) {
    this.room = room;
    this.aliveMs = aliveMs;
  }

  get bytes(): number {
    let bytes = 0;
    for (const room of this.taken) bytes += room.bytes;
    return bytes;
  }

  /** Number of waiting requests. */
  get waiting(): number {
    return this.queue.length;
  }

  /**
   * Calls `turn` when there is room. The caller must renew until then, and leave to stop waiting.
   */
  wait(bytes: number, nowMs: number): { turn: Promise<Room>; waiter: object } {
    const turn = Promise.withResolvers<Room>();
    const waiter = { bytes, aliveUntilMs: nowMs + this.aliveMs, begin: turn.resolve };
    const larger = this.queue.findIndex((each) => each.bytes > bytes);
    this.queue.splice(larger < 0 ? this.queue.length : larger, 0, waiter);
    this.admit(nowMs);
    return { turn: turn.promise, waiter };
  }

  leave(waiter: object, nowMs: number): void {
    const at = this.queue.findIndex((each) => each === waiter);
    if (at >= 0) this.queue.splice(at, 1);
    this.admit(nowMs);
  }

  /**
   * Every waiting request and every holder must call it, more often than the time after which they
   * are dropped.
   */
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

  private limitOf({ bytes }: Waiter): number {
    const { bytesMax, usualBytes, usualBytesMax } = this.room;
    return bytes <= usualBytes ? bytesMax + usualBytesMax : bytesMax;
  }

  /** Starts waiting requests in their order, as far as there is room. */
  private admit(nowMs: number): void {
    for (const room of this.taken) if (room.aliveUntilMs <= nowMs) this.taken.delete(room);
    let { bytes } = this;
    for (let first = this.queue[0]; first !== undefined; first = this.queue[0]) {
      const isAlive = first.aliveUntilMs > nowMs;
      if (isAlive && bytes > 0 && bytes + first.bytes > this.limitOf(first)) return;
      this.queue.shift();
      if (!isAlive) continue;
      const room = { bytes: first.bytes, takenMs: nowMs, aliveUntilMs: nowMs + this.aliveMs };
      this.taken.add(room);
      bytes += room.bytes;
      first.begin(room);
    }
  }
}
