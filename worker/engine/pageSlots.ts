// Places in the engine's memory for the texts of pages that are being sent. A page is printed into a
// free slot and sent from there, without a copy of its own. Nothing is printed into a slot while
// anybody may still read it: a slot is free again when its reply has ended, that is when the
// platform has asked for its last byte, or when nothing refers to the reply any more. A reply
// that was cancelled or has failed is not taken for ended: somebody may hold what it gave last.
// If no slot is free, the page is copied out of the output window as larger ones are.

export class PageSlot {
  /** Address of the first byte, and of the byte after the last one. */
  readonly start: number;
  readonly end: number;
  private readonly slots: PageSlots;
  private holder: WeakRef<object> | undefined;

  constructor(slots: PageSlots, start: number, end: number) {
    this.slots = slots;
    this.start = start;
    this.end = end;
  }

  /** The slot belongs to this object until it is released or the object has been collected. */
  holdBy(holder: object): void {
    this.holder = new WeakRef(holder);
  }

  get isAbandoned(): boolean {
    return this.holder !== undefined && this.holder.deref() === undefined;
  }

  /** Nobody reads the slot any more. */
  release(): void {
    this.holder = undefined;
    this.slots.free(this);
  }
}

/**
 * Which free slot is taken next. The one that has been free for the longest time is the most careful choice; the latest one is
 * still in the processor's cache, for whoever knows exactly when a slot is free.
 */
export type NextSlot = "longest free" | "latest";

export class PageSlots {
  /** Bytes of each slot. */
  readonly bytes: number;
  /** The one that has been free for the longest time is first. */
  private readonly unused: PageSlot[];
  private readonly next: NextSlot;
  private readonly used = new Set<PageSlot>();

  /** `count` slots, the first of them at `address`, each `stride` bytes after the one before. */
  constructor(address: number, count: number, bytes: number, stride: number, next: NextSlot) {
    this.bytes = bytes;
    this.next = next;
    this.unused = Array.from({ length: count }, (_, i) => {
      const start = address + i * stride;
      return new PageSlot(this, start, start + bytes);
    });
  }

  /** Whoever takes a slot releases it, or names who holds it. */
  take(): PageSlot | undefined {
    const free = this.next === "latest" ? this.unused.pop() : this.unused.shift();
    const slot = free ?? this.takeAbandoned();
    if (slot !== undefined) this.used.add(slot);
    return slot;
  }

  free(slot: PageSlot): void {
    if (this.used.delete(slot)) this.unused.push(slot);
  }

  private takeAbandoned(): PageSlot | undefined {
    for (const slot of this.used) {
      if (!slot.isAbandoned) continue;
      slot.release();
      return this.unused.shift();
    }
    return undefined;
  }
}
