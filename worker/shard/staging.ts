// Bodies that the front of the local server keeps (engine/putManifest.ts), on their way to the bucket. A body is written
// to a file before its row is; the file becomes the object of its segment with a later call of the same kind, or
// when the mover gets there (tierMover.ts). A file that no row refers to is removed some time later.
import { adoptionWaitMs } from "../limits.ts";
import {
  adopted,
  dropStaged,
  type ExpectedObject,
  type SegmentBucket,
  stagedObject,
  type StagedSegment,
} from "../core/segmentBucket.ts";
import type { Adoption } from "../engine/putManifest.ts";
import type { ShardStore } from "./store.ts";

/** What it needs of the mover. */
export interface StagingOwner {
  bucket(): SegmentBucket | undefined;
  /** Undefined if the shard was deleted. */
  store(): ShardStore | undefined;
  /** The segments that are to move next: from one, up to another one. */
  toMove(): { from: number; to: number };
  /** Called for each segment that has moved, in order. */
  moved(store: ShardStore, segment: number, object: ExpectedObject): Promise<unknown>;
}

interface Known {
  staged: StagedSegment;
  sinceMs: number;
}

interface Move {
  segment: number;
  adoption: Adoption;
  object: ExpectedObject;
}

export class Staging {
  private readonly owner: StagingOwner;
  /** Staged segments that have not moved yet, as far as they are known. */
  private readonly known = new Map<number, Known>();
  /** Those that move with a call that is under way. */
  private readonly moving = new Set<number>();
  /** Ids of bodies that are being written, or have no row yet. */
  private readonly pending = new Set<string>();
  /** True if there may be files that no row refers to. */
  private hasLeft = true;
  /** True if the shard is being removed with all its files. */
  private isOver = false;

  constructor(owner: StagingOwner) {
    this.owner = owner;
  }

  /** True if bodies that the front keeps can be stored. */
  get isPossible(): boolean {
    return this.owner.bucket()?.stage !== undefined;
  }

  /** The store was read from its rows again. */
  recover(): void {
    this.known.clear();
    this.hasLeft = true;
  }

  /**
   * Writes a body durably, and runs `work`, after which a row refers to it or nobody does. Null, without `work`, if the
   * body could not be written.
   */
  async run<T>(store: ShardStore, id: string, work: () => Promise<T>): Promise<T | null> {
    const key = stagedObject(store.description.uid, id);
    this.pending.add(id);
    try {
      if (await this.tryWrite(store, id, key)) return await work();
      this.hasLeft = true;
      return null;
    } catch (error) {
      this.hasLeft = true;
      // Nobody comes back to the files of a shard that is gone. Without that, a row that is not readable now may refer to it.
      if (this.isOver) await this.owner.bucket()?.delete([key]);
      throw error;
    } finally {
      this.pending.delete(id);
    }
  }

  /** The shard is being removed: what is being written is not needed. */
  end(): void {
    this.isOver = true;
  }

  /** Notes a segment whose row is durable: it need not be read to be moved. */
  note(segment: number, staged: StagedSegment): void {
    this.known.set(segment, { staged, sinceMs: Date.now() });
  }

  /** True if the segment is known, once. Waits a little for a new one, because the next body may take it along. */
  async take(segment: number): Promise<boolean> {
    const ageMs = Date.now() - (this.known.get(segment)?.sinceMs ?? 0);
    if (ageMs >= 0 && ageMs < adoptionWaitMs) await scheduler.wait(adoptionWaitMs - ageMs);
    while (this.moving.has(segment)) await scheduler.wait(adoptionWaitMs);
    return this.known.delete(segment);
  }

  /** Rows have been deleted: their files may be left. */
  forgetRows(): void {
    this.hasLeft = true;
  }

  /** Removes files that appends that failed, objects that ended and segments that have moved have left. */
  async removeLeft(store: ShardStore): Promise<void> {
    const bucket = this.owner.bucket();
    if (bucket?.stage === undefined || !this.hasLeft) return;
    this.hasLeft = false;
    try {
      await dropStaged(bucket, store.description.uid, () => {
        // After a commit that failed, another store knows what was committed meanwhile.
        const ids = this.owner.store()?.stagedIds();
        return (id) => ids === undefined || ids.has(id) || this.pending.has(id);
      });
    } catch (error) {
      this.hasLeft = true;
      throw error;
    }
  }

  private async tryWrite(store: ShardStore, id: string, key: string): Promise<boolean> {
    const bucket = this.owner.bucket();
    if (bucket?.stage === undefined) return false;
    const moves = this.takeKnown(store);
    const adoptions = moves.map(({ adoption }) => adoption);
    try {
      const areMoved = await isDone(bucket.stage([{ id, key }], adoptions));
      if (areMoved) for (const move of moves) await this.moved(store, move);
      // What cannot be moved must not keep others from being stored. The mover looks at it by itself.
      return areMoved || (moves.length > 0 && (await isDone(bucket.stage([{ id, key }], []))));
    } finally {
      for (const { segment } of moves) this.moving.delete(segment);
    }
  }

  private async moved(store: ShardStore, { segment, object }: Move): Promise<void> {
    try {
      await this.owner.moved(store, segment, object);
    } catch (error) {
      console.error(`segment ${segment} moved, and was not deleted`, error);
    }
  }

  /** The known segments that are next to move, once each. */
  private takeKnown({ description: { uid } }: ShardStore): Move[] {
    const moves: Move[] = [];
    const { from, to } = this.owner.toMove();
    for (let segment = from; segment < to; segment++) {
      const known = this.known.get(segment);
      if (known === undefined) break;
      this.known.delete(segment);
      this.moving.add(segment);
      moves.push({ segment, ...adopted(uid, segment, known.staged) });
    }
    return moves;
  }
}

async function isDone(staged: Promise<void>): Promise<boolean> {
  try {
    await staged;
    return true;
  } catch (error) {
    console.error("staging failed", error);
    return false;
  }
}
