// Replies that wait here until their client's request comes for them (gathered.ts). They hold memory of segments, so
// their number of bytes is bounded: what does not fit waits until others have left. What nobody comes for is forgotten
// after a moment.

export interface LeftRepliesOptions {
  bytesMax: number;
  /** How long a reply waits. */
  msMax: number;
}

interface Left<Reply> {
  reply: Reply;
  bytes: number;
  sinceMs: number;
}

export class LeftReplies<Reply> {
  private readonly options: LeftRepliesOptions;
  /** By random names, the oldest first. */
  private readonly left = new Map<string, Left<Reply>>();
  private bytes = 0;
  /** Those who wait for room, the first one first. */
  private readonly waiting: { bytes: number; go: () => void }[] = [];

  constructor(options: LeftRepliesOptions) {
    this.options = options;
  }

  /** How many replies there are. */
  get count(): number {
    return this.left.size;
  }

  /** Resolves with the name of the reply when there is room for it. A reply that is larger than all room gets all. */
  async leave(reply: Reply, bytes: number, now: () => number): Promise<string> {
    this.forgetOld(now());
    if (this.waiting.length > 0 || !this.hasRoom(bytes)) {
      await new Promise<void>((go) => this.waiting.push({ bytes, go }));
    } else this.bytes += bytes;
    const name = crypto.randomUUID();
    this.left.set(name, { reply, bytes, sinceMs: now() });
    return name;
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

  private letIn(): void {
    for (let [first] = this.waiting; first && this.hasRoom(first.bytes); [first] = this.waiting) {
      this.waiting.shift();
      this.bytes += first.bytes;
      first.go();
    }
  }
}
