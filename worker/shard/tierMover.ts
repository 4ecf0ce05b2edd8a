// Moves a shard's sealed segments to R2, in order, one at a time, and deletes expired ones. Rows
// are deleted by generation, when R2 has the whole generation. No reply to a put waits for this
// code. The alarm repeats what fails.
import { tally } from "../core/tally.ts";
import { invariant, StreamError } from "../errors.ts";
import { tierRetryMs } from "../limits.ts";
import type { Generation } from "./generations.ts";
import { isCorrupt } from "../core/bodyCheck.ts";
import type { LogEntry } from "./logTable.ts";
import { Staging } from "./staging.ts";
import type { ShardStore } from "./store.ts";
import {
  confirmSegments,
  dropSegments,
  type ExpectedObject,
  moveSegments,
  readObject,
  readStaged,
  type SegmentBucket,
  type StagedSegment,
} from "../core/segmentBucket.ts";

/** What the mover needs of the shard. */
export interface SegmentOwner {
  /** Undefined if the shard was deleted; another object after a recovery. */
  store(): ShardStore | undefined;
  /** Segments below this one are sealed for good. */
  sealedSegment(): number;
  transact(change: () => void): void;
  /** Called with the verified bytes of each segment that moves, unless the bucket makes the filters of keys. */
  moves(segment: number, body: Uint8Array): void;
  /** Called with the filter of a segment's keys; undefined if it gets none. */
  filtered(segment: number, filter: Uint8Array | undefined): void;
  /** The filters of a generation's keys, which are stored when it is marked as moved. */
  filtersOf(store: ShardStore, generation: Generation): Promise<Uint8Array>;
  wakeBy(timeMs: number): Promise<void>;
}

export class TierMover {
  /** Segments below this one are in R2. */
  tieredSegment = 0;
  private readonly bucket: SegmentBucket | undefined;
  private readonly owner: SegmentOwner;
  private moving: Promise<void> | undefined;
  /** Segments below this one are being deleted, or have been. */
  private droppedSegment = 0;
  /** What was put of the generations that still have their rows, by segment. */
  private readonly put = new Map<number, ExpectedObject>();
  readonly staging: Staging;

  constructor(bucket: SegmentBucket | undefined, owner: SegmentOwner) {
    this.bucket = bucket;
    this.owner = owner;
    this.staging = new Staging({
      bucket: () => this.bucket,
      store: () => owner.store(),
      toMove: () => ({ from: this.tieredSegment, to: owner.sealedSegment() }),
      moved: (store, segment, object) => this.noteMoved(store, segment, object),
    });
  }

  /** Resets the state from the rows of a store. */
  recover(store: ShardStore): void {
    this.tieredSegment = store.generations.inSqlite()[0]?.firstSegment ?? store.firstLogSegment;
    this.put.clear();
    this.staging.recover();
  }

  /** True if a sealed segment is not yet in R2. */
  get isBehind(): boolean {
    return this.bucket !== undefined && this.tieredSegment < this.owner.sealedSegment();
  }

  /** Moves sealed segments to R2, and drops the tables of generations that are completely there. */
  async move(): Promise<void> {
    const { bucket } = this;
    const store = this.owner.store();
    if (store === undefined || bucket === undefined || this.moving !== undefined) return;
    this.moving = this.moveAll(store, bucket);
    try {
      await this.moving;
    } catch (error) {
      console.error("moving segments to the bucket failed", error);
      await this.owner.wakeBy(Date.now() + tierRetryMs);
    } finally {
      this.moving = undefined;
    }
  }

  /** Deletes the generations whose records have all expired. */
  async forget(store: ShardStore, horizonMs: number): Promise<void> {
    for (;;) {
      const oldest = store.generations.oldest();
      if (oldest === undefined || oldest.lastMs >= horizonMs) return;
      if (this.bucket !== undefined) {
        const numbers = segmentsOf(oldest);
        this.droppedSegment = oldest.firstSegment + numbers.length;
        await dropSegments(this.bucket, store.description.uid, numbers);
        if (!oldest.tiered) this.staging.forgetRows();
      }
      if (this.owner.store() !== store) return;
      this.owner.transact(() => store.forget(oldest));
      this.forgetPut(oldest);
    }
  }

  /** Deletes all objects of a deleted shard, also one that is being moved now. */
  async drop(uid: string): Promise<void> {
    this.staging.end();
    await this.moving?.catch(() => {});
    if (this.bucket !== undefined) await dropSegments(this.bucket, uid);
  }

  /** The bytes of a chunk or segment, from any place that has them. Throws `corrupt`. */
  async body(store: ShardStore, entry: LogEntry): Promise<Uint8Array> {
    const { segment, firstIndex: index } = entry;
    if (segment !== undefined) return await this.segmentBody(store, segment);
    const body = store.log.load(entry);
    invariant(body !== undefined, "a chunk of the tail was staged", { index });
    return body;
  }

  /**
   * The bytes of a segment that was staged; undefined for any other, and for one that readers may pass over if they are
   * not intact. Throws `corrupt`.
   */
  async stagedBody(store: ShardStore, segment: number): Promise<Uint8Array | undefined> {
    const staged = store.stagedSegment(segment);
    if (staged === undefined || this.bucket === undefined) return undefined;
    try {
      const body = await readStaged(this.bucket, store.description.uid, segment, staged);
      if (body !== undefined) store.inspector.inspect(body, staged.entry, segment);
      return body;
    } catch (error) {
      if (isCorrupt(error) && store.skippedSegment(segment) !== undefined) return undefined;
      throw error;
    }
  }

  /** The bytes of a sealed segment, from any place that has them. Throws `corrupt`. */
  async segmentBody(store: ShardStore, segment: number): Promise<Uint8Array> {
    const { uid } = store.description;
    let damage: unknown;
    try {
      const body = store.loadSegment(segment) ?? (await this.stagedBody(store, segment));
      if (body !== undefined) return body;
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      damage = error;
    }
    const body = this.bucket && (await readObject(this.bucket, uid, segment));
    if (body !== undefined) return body;
    throw damage ?? new StreamError("corrupt", { shard: uid, segment, what: "missing" });
  }

  /** As `body`; undefined if readers may pass over the segment and no copy is intact. */
  async bodyUnlessSkipped(store: ShardStore, entry: LogEntry): Promise<Uint8Array | undefined> {
    try {
      return await this.body(store, entry);
    } catch (error) {
      const { segment } = entry;
      const isSkipped = segment !== undefined && store.skippedSegment(segment) !== undefined;
      if (isSkipped && isCorrupt(error)) return undefined;
      throw error;
    }
  }

  private async moveAll(store: ShardStore, bucket: SegmentBucket): Promise<void> {
    await this.freeMoved(store, bucket);
    await this.staging.removeLeft(store);
    await moveSegments(bucket, {
      uid: store.description.uid,
      next: () => (this.owner.store() === store && this.isBehind ? this.tieredSegment : undefined),
      staged: async (segment) => {
        const staged = await this.stagedSegment(store, segment);
        // A commit has moved it.
        if (segment < this.tieredSegment) await this.freeMoved(store, bucket);
        return staged;
      },
      load: (segment) => this.load(store, segment),
      done: (segment, object) => this.moved(store, bucket, segment, object),
    });
  }

  private async stagedSegment(
    store: ShardStore,
    segment: number,
  ): Promise<StagedSegment | undefined> {
    const staged = store.stagedSegment(segment);
    if (staged === undefined) return undefined;
    const isKnown = await this.staging.take(segment);
    if (isKnown || segment < this.tieredSegment) return staged;
    try {
      const body = await this.segmentBody(store, segment);
      this.owner.moves(segment, body);
      return staged;
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      // It stays where it is, and its generation with it.
      store.inspector.damaged.add(staged.entry.firstIndex);
      return undefined;
    }
  }

  private load(store: ShardStore, segment: number): Uint8Array | undefined {
    const body = store.loadSegment(segment);
    if (body !== undefined && this.bucket?.confirm === undefined) this.owner.moves(segment, body);
    return body;
  }

  private async moved(
    store: ShardStore,
    bucket: SegmentBucket,
    segment: number,
    object: ExpectedObject | undefined,
  ): Promise<void> {
    if (await this.noteMoved(store, segment, object)) await this.freeMoved(store, bucket);
  }

  /** Notes that the next segment has moved; false if it was not the next one, or is needed no more. */
  private async noteMoved(
    store: ShardStore,
    segment: number,
    object: ExpectedObject | undefined,
  ): Promise<boolean> {
    if (this.owner.store() !== store || segment !== this.tieredSegment) return false;
    this.tieredSegment = segment + 1;
    tally.segmentsMoved++;
    if (segment < this.droppedSegment) {
      // It has expired while it was being moved.
      if (this.bucket !== undefined) {
        await dropSegments(this.bucket, store.description.uid, [segment]);
      }
      return false;
    }
    if (object !== undefined) this.put.set(segment, object);
    return true;
  }

  /** Rows are the only durable copy until the bucket confirms that its objects are durable. */
  private async freeMoved(store: ShardStore, bucket: SegmentBucket): Promise<void> {
    for (const generation of store.generations.inSqlite()) {
      const { firstSegment, segments } = generation;
      const isMoved = firstSegment + segments.length <= this.tieredSegment;
      const isWhole = segments.every((each) => !store.inspector.damaged.has(each.firstIndex));
      if (!isMoved || !isWhole) continue;
      try {
        const filters = await confirmSegments(bucket, this.putOf(generation));
        for (const [i, filter] of filters.entries()) {
          if (filter !== undefined) this.owner.filtered(firstSegment + i, filter ?? undefined);
        }
      } catch (error) {
        this.tieredSegment = Math.min(this.tieredSegment, firstSegment);
        throw error;
      }
      const keys = await this.owner.filtersOf(store, generation);
      // It may have expired meanwhile.
      const isThere = store.generations.inSqlite().includes(generation);
      if (this.owner.store() !== store || !isThere) return;
      this.owner.transact(() => store.free(generation, keys));
      this.forgetPut(generation);
      tally.generationsFreed++;
      this.staging.forgetRows();
      await this.staging.removeLeft(store);
    }
  }

  /** What the bucket must have of a generation. Throws if it was not put. */
  private putOf(generation: Generation): ExpectedObject[] {
    return segmentsOf(generation).map((segment) => {
      const object = this.put.get(segment);
      if (object === undefined) throw new Error(`segment ${segment} was not put into the bucket`);
      return object;
    });
  }

  private forgetPut(generation: Generation): void {
    for (const segment of segmentsOf(generation)) this.put.delete(segment);
  }
}

function segmentsOf({ firstSegment, segments }: Generation): number[] {
  return segments.map((_, i) => firstSegment + i);
}
