// The filters of keys of sealed segments, as an isolate knows them: a shard sends those of many generations at once, and
// they never change. A scan for keys passes over the segments that hold none of them.
import type { Runtime } from "../core/bindings.ts";
import { BoundedMap } from "../core/boundedMap.ts";
import { decodeFilters, mayHold } from "../core/keyFilter.ts";
import type { KeyHash } from "../core/keyHash.ts";
import { unwrap } from "../core/rpc.ts";
import type { Location, SegmentFilters } from "../core/types.ts";
import { filterCacheBytesMax, viewsMax } from "../limits.ts";

interface KnownFilters {
  firstSegment: number;
  firstIndex: number;
  counts: readonly number[];
  filters: readonly (Uint8Array | undefined)[];
}

/** By shard, and there by the first segment of each generation. */
const known = new BoundedMap<Map<number, KnownFilters>>(viewsMax);
let knownBytes = 0;

/** The next segments to read, in order, and how many were passed over before them. */
export interface Candidates {
  /** Where each begins, and the index of the first record after it. */
  segments: { location: Location; endIndex: number }[];
  /** Where to go on if there is no such segment: everything before was passed over. */
  next: Location;
  passedOver: number;
}

/**
 * Segments from a location on that may hold one of the keys, at most `countMax`. Undefined if the
 * segment of the location has no filter. Throws `shardNotFound`.
 */
export async function findCandidates(
  runtime: Runtime,
  uid: string,
  at: Location,
  keys: readonly KeyHash[],
  countMax: number,
): Promise<Candidates | undefined> {
  const found: Candidates = { segments: [], next: at, passedOver: 0 };
  for (;;) {
    const generation = await filtersAt(runtime, uid, found.next.segment);
    if (generation === undefined) break;
    const { firstSegment, firstIndex, counts, filters } = generation;
    let index = firstIndex;
    for (const [i, count] of counts.entries()) {
      const segment = firstSegment + i;
      const endIndex = index + count;
      if (segment >= found.next.segment) {
        if (found.segments.length === countMax) return found;
        const filter = filters[i];
        const isCandidate = filter === undefined || keys.some((key) => mayHold(filter, key));
        const start = Math.max(index, at.index);
        if (isCandidate) found.segments.push({ location: { segment, index: start }, endIndex });
        else if (found.segments.length === 0) found.passedOver++;
        found.next = { segment: segment + 1, index: Math.max(endIndex, at.index) };
      }
      index = endIndex;
    }
    if (found.segments.length > 0) return found;
  }
  return found.next === at ? undefined : found;
}

/** The filters of the generation with a segment; undefined if they are not known to the shard yet. */
async function filtersAt(
  runtime: Runtime,
  uid: string,
  segment: number,
): Promise<KnownFilters | undefined> {
  const cached = known.get(uid);
  const next = cached?.get(segment);
  if (next !== undefined) return next;
  for (const each of cached?.values() ?? []) if (holds(each, segment)) return each;
  const { generations } = unwrap(await runtime.env.SHARD.getByName(uid).filters(segment));
  const opened = generations.map(openFilters);
  keep(uid, opened);
  return opened.find((each) => holds(each, segment));
}

function holds({ firstSegment, counts }: KnownFilters, segment: number): boolean {
  return segment >= firstSegment && segment < firstSegment + counts.length;
}

function openFilters({ firstSegment, firstIndex, counts, filters }: SegmentFilters): KnownFilters {
  const opened = { firstSegment, firstIndex, counts };
  if (filters === null) return { ...opened, filters: [] };
  try {
    return { ...opened, filters: decodeFilters(filters) };
  } catch (error) {
    // Without them the segments are read.
    console.error(`filters of keys from segment ${firstSegment} on`, error);
    return { ...opened, filters: [] };
  }
}

/** Keeps those that are complete; when there are too many, those of all shards are let go. */
function keep(uid: string, opened: readonly KnownFilters[]): void {
  const complete = opened.filter(({ filters }) => filters.length > 0);
  const bytes = complete
    .flatMap(({ filters }) => filters)
    .reduce((sum, each) => sum + (each?.length ?? 0) + 64, 0);
  if (knownBytes + bytes > filterCacheBytesMax) forgetFilters();
  const ofShard = known.get(uid) ?? new Map<number, KnownFilters>();
  for (const each of complete) ofShard.set(each.firstSegment, each);
  known.set(uid, ofShard);
  knownBytes += bytes;
}

/** Forgets all filters. */
export function forgetFilters(): void {
  known.clear();
  knownBytes = 0;
}
