// When a stream of Durable Streams expires: at a time, or when it was not used for its time to
// live. Every use counts at once in memory. On disk the last use is noted only if the noted one is
// older than a sixteenth of the time to live, and at least a second; after a restart that much is added,
// so that a stream never expires too early. The alarm only frees the space of an expired stream.
import type { ShardLife } from "../core/durable.ts";

/** The share of the time to live by which the noted use may lag. */
const lagShare = 16;
const lagMsMin = 1000;

export class Lifetime {
  /** As it is stored now. */
  life: ShardLife;
  /** The last use that is known; those before a restart are known inexactly. */
  private usedMs: number;

  /** `isNew` if nothing was used before. */
  constructor(life: ShardLife, isNew: boolean) {
    this.life = life;
    const { touchedMs = 0 } = life;
    this.usedMs = isNew ? touchedMs : touchedMs + this.lagMs;
  }

  isOver(nowMs: number): boolean {
    return nowMs >= this.endMs;
  }

  /** Infinity if it does not expire. */
  get endMs(): number {
    const { ttlMs, expiresMs } = this.life;
    return expiresMs ?? (ttlMs === undefined ? Infinity : this.usedMs + ttlMs);
  }

  /** Counts a use; returns the time to note on disk, if it must be. */
  touch(nowMs: number): number | undefined {
    if (this.life.ttlMs === undefined) return undefined;
    this.usedMs = Math.max(nowMs, this.usedMs);
    const notedMs = this.life.touchedMs ?? 0;
    return nowMs - notedMs > this.lagMs ? nowMs : undefined;
  }

  private get lagMs(): number {
    return Math.max((this.life.ttlMs ?? 0) / lagShare, lagMsMin);
  }
}
