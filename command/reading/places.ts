/**
 * Which shards a reader takes and where it begins in each: a pure decision from the list of shards.
 * A shard that appears later is a child of one that is known, so it is read from its start once its
 * parents have been read.
 */
import { hasHash, type Shard } from "../stream/shard.ts";
import type { Place, Places } from "./state.ts";

/** Where a reader begins: the oldest record, new records only, or a Unix millisecond. */
export type From = "start" | "latest" | number;

export interface Choice {
  /** Ids of shards; they and those that are made of them are read. Undefined: all. */
  shardIds?: ReadonlySet<string>;
  /** Shards whose range has this hash key are read. Undefined: all. */
  hash?: bigint;
}

/** The places of a reader that begins. Shards that it does not read are `skipped`. */
export function firstPlaces(shards: readonly Shard[], from: From, choice: Choice): Places {
  const places: Places = new Map();
  const wanted = new Set<string>();
  for (const shard of shards) {
    const isChosen = choice.shardIds === undefined || choice.shardIds.has(shard.id);
    const isWanted = isChosen || shard.parents.some((parent) => wanted.has(parent));
    if (isWanted) wanted.add(shard.id);
    // A closed shard gets no new records. A time suits all: a younger shard is read from its start.
    const isRead = isWanted && isInRange(shard, choice) && (from !== "latest" || shard.isOpen);
    places.set(shard.id, isRead ? from : "skipped");
  }
  return places;
}

/** Adds shards that are not known yet; returns their ids. */
export function addNewShards(places: Places, shards: readonly Shard[], choice: Choice): string[] {
  const added: string[] = [];
  for (const shard of shards) {
    if (places.has(shard.id)) continue;
    const parents = shard.parents.map((parent) => places.get(parent));
    // Parents that nobody knows any more expired before anyone asked: nothing of them was skipped.
    const isUnknown = parents.every((place) => place === undefined);
    const isWanted = parents.some(isRead) || (isUnknown && choice.shardIds === undefined);
    places.set(shard.id, isWanted && isInRange(shard, choice) ? "start" : "skipped");
    added.push(shard.id);
  }
  return added;
}

/** True if a reader may begin with the shard: its parents have been read, or are gone. */
export function isReady(shard: Shard, places: Places, listed: ReadonlySet<string>): boolean {
  const place = places.get(shard.id);
  if (place === undefined || place === "end" || place === "skipped") return false;
  return shard.parents.every((parent) => {
    const before = places.get(parent);
    return before === undefined || before === "end" || before === "skipped" || !listed.has(parent);
  });
}

function isRead(place: Place | undefined): boolean {
  return place !== undefined && place !== "skipped";
}

function isInRange(shard: Shard, { hash }: Choice): boolean {
  return hash === undefined || hasHash(shard, hash);
}
