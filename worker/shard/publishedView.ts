// What readers of a shard see. A commit, a seal or the end of the shard becomes visible when it is
// published, which is after it is durable. The view never goes back; publishing wakes the readers
// that wait for the next record.
import { invariant } from "../errors.ts";
import type { ShardView } from "../core/types.ts";
import type { ShardStore } from "./store.ts";
import type { WaitList } from "./waitList.ts";

/** The part of the view that a commit or a seal changes; the rest follows from clock and tier. */
type Published = Pick<ShardView, "nextIndex" | "lastTimeMs" | "segment" | "tailIndex" | "closedMs">;

const nothingPublished: Published = {
  nextIndex: 0,
  lastTimeMs: 0,
  segment: 0,
  tailIndex: 0,
  closedMs: undefined,
};

export class PublishedView {
  private published = nothingPublished;
  private readonly waiting: WaitList;

  constructor(waiting: WaitList) {
    this.waiting = waiting;
  }

  /** Number that the tail will have as a segment; all below are sealed for good. */
  get segment(): number {
    return this.published.segment;
  }

  get nextIndex(): number {
    return this.published.nextIndex;
  }

  /** Makes all committed records visible to readers. */
  publish({ log, tip, description }: ShardStore): void {
    const before = this.published;
    const next: Published = {
      nextIndex: tip.nextIndex,
      lastTimeMs: tip.timeMs,
      segment: log.nextSegment,
      tailIndex: log.entries[log.sealedCount]?.firstIndex ?? tip.nextIndex,
      closedMs: description.closedMs,
    };
    const isForward =
      next.nextIndex >= before.nextIndex &&
      next.lastTimeMs >= before.lastTimeMs &&
      next.segment >= before.segment &&
      next.tailIndex >= before.tailIndex &&
      (before.closedMs ?? next.closedMs) === next.closedMs;
    const place = { shard: description.uid, index: next.nextIndex };
    invariant(isForward, `readers have seen records up to ${before.nextIndex}`, place);
    this.published = next;
    if (description.closedMs === undefined) this.waiting.published(tip.nextIndex);
    else this.waiting.ended();
  }

  /** Those who wait look again. */
  endWaits(): void {
    this.waiting.ended();
  }

  /** Ends the waits: the shard is deleted. */
  end(): void {
    this.published = nothingPublished;
    this.endWaits();
  }

  /** The view as of now. */
  viewOf(store: ShardStore, tieredSegment: number): ShardView {
    const { nextIndex, segment } = this.published;
    const kept = store.firstKept(Date.now());
    return {
      ...this.published,
      firstIndex: Math.min(kept.index, nextIndex),
      firstSegment: Math.min(kept.segment, segment),
      tieredSegment,
      retentionMs: store.retentionMs,
      floorMs: store.floorMs,
      ...lifeView(store),
    };
  }
}

/** What readers must know of a stream of Durable Streams. */
function lifeView({ description: { life, isFinal } }: ShardStore): Partial<ShardView> {
  const { isDeleted, isMixed } = life ?? {};
  return {
    ...(isFinal === true && { isFinal }),
    ...(isDeleted === true && { isDeleted }),
    ...(isMixed === true && { isMixed }),
  };
}
