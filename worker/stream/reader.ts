// Reads a page of records for a consumer. History comes from sealed segments, through the isolate's
// cache and their cached address, without a request to the shard. The tail comes from the shard. A
// shard's view is used for one second. It is renewed in the background after half of that time, so
// that a steady reader never waits for it.
import { horizonOf } from "../core/horizon.ts";
import { isOver } from "../core/clock.ts";
import type { Runtime } from "../core/bindings.ts";
import { BoundedMap } from "../core/boundedMap.ts";
import { isCode, StreamError } from "../errors.ts";
import { engine } from "../engine/instance.ts";
import type { RecordRun } from "../engine/printer.ts";
import { pageSegmentsMax, viewsMax, viewTtlMs } from "../limits.ts";
import { bodies, segmentKey } from "../core/bodyCache.ts";
import { readHeader, timeMsAt } from "../engine/chunk.ts";
import { CachedSegments, notePage, type SegmentSource } from "./segmentLoader.ts";
import { isCorrupt } from "../core/bodyCheck.ts";
import { type PageLimits, planMore, planRead, type Progress, type ReadPlan } from "./readPlan.ts";
import { endNextDoor, readNextDoor, seekNextDoor } from "./nextDoor.ts";
import { expectedBytes, readInTurn } from "./loadBudget.ts";
import { readCounters } from "./readCounters.ts";
import { unwrap } from "../core/rpc.ts";
import type { Location, ReadReply, SeekReply, SeekRequest, ShardView } from "../core/types.ts";

export interface Page {
  /** The page's records, in order. */
  runs: RecordRun[];
  next: Location;
  /** Number of the segment that has, or will have, the record before `next`. */
  lastSegment: number;
  view: ShardView;
  /** Arrival of the last record that was read; undefined if none was. */
  lastTimeMs: number | undefined;
  /** What was read, if the page has only a selection of it. */
  scanned?: Amount;
}

export interface Amount {
  records: number;
  /** Keys, client infos and data of these records. */
  bytes: number;
}

/**
 * What to do with a location whose record has expired: continue at the oldest record, or refuse.
 */
export type Trimmed = "skip" | "refuse";

interface KnownView {
  view: ShardView;
  readMs: number;
  renewing: boolean;
}

const views = new BoundedMap<KnownView>(viewsMax);

/** Segments come from the isolate's cache, unless from a source that is given. Throws `shardNotFound`, `locationNotFound`, `corrupt`. */
export async function readPage(
  runtime: Runtime,
  uid: string,
  location: Location,
  limits: PageLimits,
  trimmed: Trimmed,
  source: SegmentSource = new CachedSegments(runtime, uid),
): Promise<Page> {
  try {
    return await gatherPage(runtime, uid, location, limits, trimmed, source);
  } catch (error) {
    if (isCorrupt(error)) readCounters.damagedPages++;
    throw error;
  }
}

/** Throws `shardNotFound`, `locationNotFound`. */
export async function seekShard(
  runtime: Runtime,
  uid: string,
  request: SeekRequest,
): Promise<SeekReply> {
  const known = seekNextDoor(runtime.env, uid, request);
  if (known !== undefined) return known;
  const reply = unwrap(await runtime.env.SHARD.getByName(uid).seek(request));
  noteView(uid, reply.view);
  return reply;
}

/**
 * The latest time that a reader may ask for: now, or the arrival of the shard's newest record if
 * that is later because the clock was set back. Throws `shardNotFound`.
 */
export async function latestTime(
  { env }: Pick<Runtime, "env">,
  uid: string,
  timeMs: number,
  nowMs: number,
): Promise<number> {
  if (timeMs <= nowMs) return nowMs;
  const view = endNextDoor(env, uid) ?? unwrap(await env.SHARD.getByName(uid).view());
  return Math.max(nowMs, view.lastTimeMs);
}

async function gatherPage(
  runtime: Runtime,
  uid: string,
  location: Location,
  limits: PageLimits,
  trimmed: Trimmed,
  source: SegmentSource,
): Promise<Page> {
  let at = location;
  const known = views.get(uid);
  // A sealed segment stays sealed, so an old view is good enough for this check.
  let history = known !== undefined && at.segment < known.view.segment;
  let located = false;
  for (;;) {
    if (history) {
      const view = await freshView(runtime, uid);
      refuseTrimmed(location, view, trimmed);
      const plan = planRead(at, limits, view);
      if (plan.from === "segments") {
        const gathered = await readSegments(runtime, uid, plan, limits, view, source);
        if (gathered.runs.length > 0) return historyPage(runtime, uid, gathered, view);
        if (gathered.index > plan.index) {
          // All of it has expired within the last second.
          at = gathered;
        } else if (!located) {
          // The segment number was a wrong hint, or the view is so old that the segment is deleted.
          const { index } = plan;
          at = (await seekShard(runtime, uid, { kind: "index", index })).location;
          located = true;
        } else {
          throw misplaced(uid, at);
        }
        continue;
      }
    }
    const { index } = at;
    const known = readNextDoor(runtime.env, uid, { index, ...limits });
    if (known !== undefined) {
      readCounters.nextDoorPages++;
      return known;
    }
    const reply = unwrap(await runtime.env.SHARD.getByName(uid).read({ index, ...limits }));
    noteView(uid, reply.view);
    refuseTrimmed(location, reply.view, trimmed);
    const sealed = reply.chunks.length === 0 && reply.next.index < reply.view.tailIndex;
    if (!sealed) {
      readCounters.shardPages++;
      return pageOf(reply);
    }
    at = reply.next;
    history = true;
  }
}

/** A page of history while it is gathered. */
interface Gathering {
  uid: string;
  runs: RecordRun[];
  index: number;
  segment: number;
  recordsLeft: number;
  bytesLeft: number;
  done: boolean;
  /** True after a segment that ends where the page begins: the hint was of the record before. */
  isBeside: boolean;
}

/**
 * The sealed part of the page, up to the first segment that cannot be loaded: the planned segments,
 * then those after them while the page has room.
 */
async function readSegments(
  runtime: Runtime,
  uid: string,
  plan: Extract<ReadPlan, { from: "segments" }>,
  limits: PageLimits,
  view: ShardView,
  source: SegmentSource,
): Promise<Gathering> {
  const page: Gathering = {
    uid,
    runs: [],
    index: plan.index,
    segment: plan.segments[0] ?? view.segment,
    recordsLeft: plan.endIndex - plan.index,
    bytesLeft: limits.bytesMax,
    done: false,
    isBeside: false,
  };
  const isOnly = limits.segmentsMax === plan.segments.length;
  const wanted = isOnly ? plan.segments : source.toFetch(plan.segments, plan.index, view);
  const missing = missingOf(uid, plan, wanted, limits, view, source);
  const reading = readInTurn(uid, missing, async () => {
    const loads = await source.fetch(wanted, view);
    let isWhole = takeLoads(page, loads.slice(0, plan.segments.length), plan.index, view);
    // If none of them had the record, the hint was wrong, and further segments would not help.
    while (isWhole && (page.index > plan.index || page.isBeside)) {
      page.isBeside = false;
      const more = planMore(progressOf(page, plan, limits), view);
      if (more.length === 0) break;
      const next = await source.fetch(more, view);
      isWhole = takeLoads(page, next, plan.index, view);
      loads.push(...next);
    }
    return loads;
  });
  // If the reader disconnects, its part of the budget must still be returned.
  if (missing > 0) runtime.waitUntil(reading.catch(() => {}));
  await reading;
  // A cached segment without the expected records is not used again.
  const isElsewhere = page.index === plan.index;
  if (isElsewhere) for (const segment of plan.segments) bodies.delete(segmentKey(uid, segment));
  return page;
}

/** Segments that the whole page probably needs and that are not in memory. */
function missingOf(
  uid: string,
  { index, endIndex, segments }: Extract<ReadPlan, { from: "segments" }>,
  wanted: readonly number[],
  limits: PageLimits,
  view: ShardView,
  source: SegmentSource,
): number {
  const [first = view.segment] = segments;
  const left = { recordsMax: endIndex - index, bytesMax: limits.bytesMax };
  const records = (view.tailIndex - view.firstIndex) / (view.segment - view.firstSegment);
  const count = Math.ceil(
    Math.min(left.recordsMax / Math.max(records, 1), left.bytesMax / expectedBytes(uid)),
  );
  const end = Math.min(first + count, view.segment, first + pageSegmentsMax);
  let missing = wanted.filter((segment) => !source.isAtHand(segment)).length;
  for (let segment = first + segments.length; segment < end; segment++) {
    if (!wanted.includes(segment) && !source.isAtHand(segment)) missing++;
  }
  return missing;
}

function progressOf(
  { segment, recordsLeft, bytesLeft, done }: Gathering,
  { index, endIndex, segments }: Extract<ReadPlan, { from: "segments" }>,
  limits: PageLimits,
): Progress {
  return {
    segment,
    segmentsRead: segment - (segments[0] ?? segment),
    recordsRead: endIndex - index - recordsLeft,
    bytesRead: limits.bytesMax - bytesLeft,
    left: done ? { recordsMax: 0, bytesMax: 0 } : { recordsMax: recordsLeft, bytesMax: bytesLeft },
  };
}

/** Takes consecutive segments into the page; false if one of them cannot be loaded. */
function takeLoads(
  page: Gathering,
  loads: readonly PromiseSettledResult<Uint8Array>[],
  firstIndex: number,
  view: ShardView,
): boolean {
  const horizonMs = horizonOf(view, Date.now());
  for (const load of loads) {
    if (page.done) return true;
    if (load.status === "rejected") {
      if (passOver(page, load.reason)) continue;
      if (page.index > firstIndex || isElsewhere(load.reason)) return false;
      throw load.reason;
    }
    if (readHeader(load.value).firstIndex > page.index) return false;
    takeRun(page, load.value, horizonMs);
  }
  return true;
}

/**
 * Skips a segment that an operator has let readers pass over; false if the error is another one, or
 * the segment is further on.
 */
function passOver(page: Gathering, error: unknown): boolean {
  if (!isCode(error, "segmentSkipped")) return false;
  const { index, count } = error.detail;
  const nextIndex = index + count;
  if (index > page.index) return false;
  console.warn(`a page passes over records ${page.index} to ${nextIndex - 1}`, error.detail);
  page.index = Math.max(page.index, nextIndex);
  page.segment++;
  return true;
}

/** The segment is gone, or was skipped and is further on: the record may be in another one. */
function isElsewhere(error: unknown): boolean {
  return isCode(error, "locationNotFound", "segmentSkipped");
}

/** The shard names this segment for the record, and the record is not in it. */
function misplaced(shard: string, { segment, index }: Location): StreamError {
  return new StreamError("corrupt", { shard, segment, index, what: "other records, or none" });
}

/**
 * Takes records from a segment up to the page's limits; the segment does not begin after the page's
 * index.
 */
function takeRun(page: Gathering, chunk: Uint8Array, horizonMs: number): void {
  const { firstIndex, count, timeMs } = readHeader(chunk);
  const kept = timeMs < horizonMs ? engine.findTime(chunk, horizonMs, 0) : 0;
  const from = Math.max(page.index - firstIndex, kept);
  page.isBeside ||= page.index === firstIndex + count;
  page.index = Math.max(page.index, firstIndex + Math.min(from, count));
  if (from < count) {
    const to = engine.fit(chunk, from, page.recordsLeft, Math.max(page.bytesLeft, 0));
    const bytes = engine.payloadBytes(chunk, from, to);
    page.done = to < count;
    if (bytes > page.bytesLeft && page.runs.length > 0) {
      page.done = true;
      return;
    }
    page.runs.push({ chunk, from, to, uid: page.uid, segment: page.segment });
    page.recordsLeft -= to - from;
    page.bytesLeft -= bytes;
    page.index = firstIndex + to;
  }
  page.done ||= page.recordsLeft === 0;
  if (page.index >= firstIndex + count) page.segment++;
}

async function historyPage(
  runtime: Runtime,
  uid: string,
  { runs, index, segment }: Gathering,
  view: ShardView,
): Promise<Page> {
  readCounters.historyPages++;
  notePage(uid, index);
  const last = runs.at(-1);
  return {
    runs,
    next: { segment, index },
    lastSegment: isWholeRun(last) ? segment - 1 : segment,
    view: await viewBehind(runtime, uid, index, view),
    lastTimeMs: last && timeMsAt(last.chunk, readHeader(last.chunk), last.to - 1),
  };
}

/** True if a run ends with its chunk. */
function isWholeRun(run: RecordRun | undefined): boolean {
  return run !== undefined && run.to === readHeader(run.chunk).count;
}

/** The reply of a shard, as a page. */
export function pageOf({ chunks, next, lastSegment, view }: ReadReply): Page {
  const runs = chunks.map((chunk) => ({ chunk, from: 0, to: readHeader(chunk).count }));
  const last = runs.at(-1);
  return {
    runs,
    next,
    lastSegment,
    view,
    lastTimeMs: last && timeMsAt(last.chunk, readHeader(last.chunk), last.to - 1),
  };
}

function refuseTrimmed({ index }: Location, view: ShardView, trimmed: Trimmed): void {
  if (trimmed === "refuse" && index < view.firstIndex) throw new StreamError("locationNotFound");
}

/** A view at most `viewTtlMs` old. */
export async function freshView(runtime: Runtime, uid: string): Promise<ShardView> {
  const known = views.get(uid);
  const nowMs = Date.now();
  if (known === undefined || isOver(known.readMs, viewTtlMs, nowMs)) return renewView(runtime, uid);
  if (isOver(known.readMs, viewTtlMs / 2, nowMs) && !known.renewing) {
    known.renewing = true;
    // The next reader that must wait gets this failure again, and reports it.
    runtime.waitUntil(renewView(runtime, uid).catch(() => views.delete(uid)));
  }
  return known.view;
}

/** The view of a page that ends before record `index`: "caught up" needs one that is newer than the page. */
export async function viewBehind(
  runtime: Runtime,
  uid: string,
  index: number,
  view: ShardView,
): Promise<ShardView> {
  return index >= view.nextIndex ? await renewView(runtime, uid) : view;
}

async function renewView(runtime: Runtime, uid: string): Promise<ShardView> {
  readCounters.viewRequests++;
  const view = unwrap(await runtime.env.SHARD.getByName(uid).view());
  noteView(uid, view);
  return view;
}

function noteView(uid: string, view: ShardView): void {
  views.set(uid, { view, readMs: Date.now(), renewing: false });
}
