// Replies that wait here until their client's request comes for them (gathered.ts). They hold memory of segments, so
// their number of bytes is bounded: what does not fit waits until others have left, for a moment. What nobody comes for is
// forgotten after another one. A request may end at any time: what it leaves or waits for is forgotten like that.

export interface LeftRepliesOptions {
  bytesMax: number;
  /** How long a reply waits to be taken. */
  msMax: number;
  /** Resolves when nobody waits for room any more. It is time of the request that waits, which workerd would end as hung. */
  patience: () => Promise<void>;
}

interface Left<Reply> {
  reply: Reply;
  bytes: number;
  sinceMs: number;
}

interface Waiting<Reply> {
  reply: Reply;
  bytes: number;
  now: () => number;
  enter: (name: string) => void;
}

export class LeftReplies<Reply> {
  private readonly options: LeftRepliesOptions;
  /** By random names, the oldest first. */
  private readonly left = new Map<string, Left<Reply>>();
  private bytes = 0;
  /** Those who wait for room, the first one first. */
  private waiting: Waiting<Reply>[] = [];

  constructor(options: LeftRepliesOptions) {
    this.options = options;
  }

  /** How many replies there are. */
  get count(): number {
    return this.left.size;
  }

  /**
   * Resolves with the name of the reply when there is room for it, and with undefined if there is none for too long. A
   * reply that is larger than all room gets all.
   */
  async leave(reply: Reply, bytes: number, now: () => number): Promise<string | undefined> {
    this.forgetOld(now());
    if (this.waiting.length === 0 && this.hasRoom(bytes)) return this.enter(reply, bytes, now());
    const { promise, resolve } = Promise.withResolvers<string>();
    const waiting = { reply, bytes, now, enter: resolve };
    this.waiting.push(waiting);
    const name = await Promise.race([promise, this.options.patience()]);
    if (name === undefined) this.waiting = this.waiting.filter((each) => each !== waiting);
    return name ?? undefined;
  }

  /** Undefined if it is gone. */
  take(name: string): Reply | undefined {
    const found = this.left.get(name);
    if (found === undefined) return undefined;
    this.left.delete(name);
    this.bytes -= found.bytes;
    this.letIn();
    return found.reply;
  }

  /** Forgets the replies that nobody has come for in time. */
  forgetOld(nowMs: number): void {
    for (const [name, { sinceMs }] of this.left) {
      const ageMs = nowMs - sinceMs;
      if (ageMs >= 0 && ageMs < this.options.msMax) return;
      this.take(name);
    }
  }

  private hasRoom(bytes: number): boolean {
    return this.bytes === 0 || this.bytes + bytes <= this.options.bytesMax;
  }

  private enter(reply: Reply, bytes: number, nowMs: number): string {
    const name = crypto.randomUUID();
    this.left.set(name, { reply, bytes, sinceMs: nowMs });
    this.bytes += bytes;
    return name;
  }

  private letIn(): void {
    for (let [first] = this.waiting; first && this.hasRoom(first.bytes); [first] = this.waiting) {
      this.waiting.shift();
      first.enter(this.enter(first.reply, first.bytes, first.now()));
    }
  }
}
