// Replies that wait here until their client's request comes for them (gathered.ts). They hold memory of segments, so
// their number of bytes is bounded, and what nobody comes for is forgotten after a moment.

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

  constructor(options: LeftRepliesOptions) {
    this.options = options;
  }

  /** Returns the name of the reply; undefined if there is no room for it. */
  leave(reply: Reply, bytes: number, nowMs: number): string | undefined {
    this.forgetOld(nowMs);
    if (this.bytes + bytes > this.options.bytesMax) return undefined;
    const name = crypto.randomUUID();
    this.left.set(name, { reply, bytes, sinceMs: nowMs });
    this.bytes += bytes;
    return name;
  }

  /** Undefined if it is gone. */
  take(name: string): Reply | undefined {
    const found = this.left.get(name);
    if (found === undefined) return undefined;
    this.left.delete(name);
    this.bytes -= found.bytes;
    return found.reply;
  }

  private forgetOld(nowMs: number): void {
    for (const [name, { sinceMs }] of this.left) {
      const ageMs = nowMs - sinceMs;
      if (ageMs >= 0 && ageMs < this.options.msMax) return;
      this.take(name);
    }
  }
}
