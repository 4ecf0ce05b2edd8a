// A shard's sealed segments on their way out of SQLite: to R2 in order, one at a time, and out of
// existence when retention has passed them. Rows are freed by generation, once R2 has all of it.
// Nothing here is on the way of an acknowledgement; what fails is tried again by the alarm.
import { StreamError } from "../errors.ts";
import { tierRetryMs } from "../limits.ts";
import type { LogEntry } from "./log.ts";
import type { ShardStore } from "./store.ts";
import { dropSegments, moveSegments, readObject } from "./tier.ts";

/** The shard, as far as its segments go. */
export interface SegmentOwner {
  /** Undefined when the shard is gone; another one after a recovery. */
  store(): ShardStore | undefined;
  /** Segments below this one are sealed for good. */
  sealedSegment(): number;
  transact(change: () => void): void;
  wakeBy(timeMs: number): Promise<void>;
}

export class Tiering {
  /** Segments below this one are in R2. */
  tieredSegment = 0;
  readonly damaged = new Set<number>();
  private readonly bucket: R2Bucket | undefined;
  private readonly owner: SegmentOwner;
  private moving = false;

  constructor(bucket: R2Bucket | undefined, owner: SegmentOwner) {
    this.bucket = bucket;
    this.owner = owner;
  }

  /** Begins again from what a store's rows say. */
  recover(store: ShardStore): void {
    this.tieredSegment = store.generations.oldestInSqlite()?.firstSegment ?? store.firstLogSegment;
  }

  /** True while something sealed is not in R2 that should be. */
  get isBehind(): boolean {
    return this.bucket !== undefined && this.tieredSegment < this.owner.sealedSegment();
  }

  /** Moves what is sealed to R2, and frees the rows of generations that are there whole. */
  async move(): Promise<void> {
    const { bucket } = this;
    const store = this.owner.store();
    if (store === undefined || bucket === undefined || this.moving) return;
    this.moving = true;
    try {
      await moveSegments(bucket, {
        uid: store.description.uid,
        next: () =>
          this.owner.store() === store && this.isBehind ? this.tieredSegment : undefined,
        load: (segment) => this.load(store, segment),
        done: (segment) => this.moved(store, segment),
      });
    } catch (error) {
      console.error("moving segments to R2 failed", error);
      await this.owner.wakeBy(Date.now() + tierRetryMs);
    } finally {
      this.moving = false;
    }
  }

  /** Forgets the generations whose records have all arrived before the horizon. */
  async forget(store: ShardStore, horizonMs: number): Promise<void> {
    for (;;) {
      const oldest = store.generations.oldest();
      if (oldest === undefined || oldest.lastMs >= horizonMs) return;
      if (this.bucket !== undefined) {
        const numbers = oldest.segments.map((_, i) => oldest.firstSegment + i);
        await dropSegments(this.bucket, store.description.uid, numbers);
      }
      if (this.owner.store() !== store) return;
      this.owner.transact(() => store.forget(oldest));
    }
  }

  async drop(uid: string): Promise<void> {
    if (this.bucket !== undefined) await dropSegments(this.bucket, uid);
  }

  /** As the store's loadSegment, remembering what is damaged. Throws `corrupt`. */
  load(store: ShardStore, segment: number): Uint8Array | undefined {
    try {
      return store.loadSegment(segment);
    } catch (error) {
      if (error instanceof StreamError && error.code === "corrupt") this.damaged.add(segment);
      throw error;
    }
  }

  /** The bytes of a chunk or segment, wherever they are. Throws `corrupt`. */
  async body(store: ShardStore, entry: LogEntry): Promise<Uint8Array> {
    const { segment } = entry;
    if (segment === undefined) return store.log.load(entry);
    const { uid } = store.description;
    const body =
      this.load(store, segment) ?? (this.bucket && (await readObject(this.bucket, uid, segment)));
    if (body === undefined) throw new StreamError("corrupt", { shard: uid, segment });
    return body;
  }

  private moved(store: ShardStore, segment: number): void {
    if (this.owner.store() !== store) return;
    this.tieredSegment = segment + 1;
    const oldest = store.generations.oldestInSqlite();
    if (oldest === undefined) return;
    const end = oldest.firstSegment + oldest.segments.length;
    const whole = oldest.segments.every((each) => !this.damaged.has(each.segment ?? -1));
    if (end <= this.tieredSegment && whole) this.owner.transact(() => store.free(oldest));
  }
}
