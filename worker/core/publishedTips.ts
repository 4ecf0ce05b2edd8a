// The ends of shards, as plain memory of the isolate. Where the objects live in the isolate of the
// Worker, a reader at the end of a shard finds here what the shard would answer, and does not call it.
// A shard puts here what is durable, and takes it away before anything else may change
// (shard/tipNotice.ts); stream/nextDoor.ts reads it. An object may end without taking its entry away.
// That does no harm: no record can be acknowledged until the object has a successor, and the successor
// takes the entry away when it reads its rows. A last commit that is durable, but was not acknowledged,
// is seen after a second, because older entries are not used.
import { nextDoorShardsMax, tipTtlMs } from "../limits.ts";
import type { Env } from "./bindings.ts";
import { BoundedMap } from "./boundedMap.ts";
import { isOver } from "./clock.ts";
import type { ShardView } from "./types.ts";

/** A run of records of the newest generation, in the cache of bodies if it is still there. */
export interface RecentBody {
  firstIndex: number;
  count: number;
  /** Arrival of its first record. */
  firstMs: number;
  /** Its number if it is sealed. */
  segment: number | undefined;
}

export interface PublishedTip {
  /** As of `saidMs`. Its first index and first segment may have moved on. */
  view: ShardView;
  /** Number of the segment that has, or will have, the last record. */
  lastSegment: number;
  /** The last ones, without a gap, up to the last record. */
  recent: readonly RecentBody[];
  /** True for a stream that can expire: its shard must be told of reads, and it may end at any time. */
  canExpire: boolean;
  saidMs: number;
}

const tips = new BoundedMap<PublishedTip>(nextDoorShardsMax);

/**
 * True if nobody outside this isolate can write to a shard. Only the server of one machine says so:
 * one process owns the data folder, and workerd runs a Worker and its objects in one isolate.
 * Elsewhere an object may move away while its isolate lives on.
 */
export function isOnlyIsolate({ ONE_ISOLATE }: Pick<Env, "ONE_ISOLATE">): boolean {
  return ONE_ISOLATE !== undefined;
}

/** The entry of a shard; undefined if the shard must be asked. */
export function findTip(uid: string, nowMs: number): PublishedTip | undefined {
  const tip = tips.get(uid);
  return tip === undefined || isOver(tip.saidMs, tipTtlMs, nowMs) ? undefined : tip;
}

export function publishTip(uid: string, tip: PublishedTip): void {
  tips.set(uid, tip);
}

export function retractTip(uid: string): void {
  tips.delete(uid);
}
