// Loads sealed segments for a page: from the isolate's cache, else from their cached address,
// several at once, within the isolate's memory budget. If only the shard has the segments, each of
// them is a round trip away. So for a reader that reads page after page, some of the following
// segments are loaded too.
import type { Runtime } from "../core/bindings.ts";
import { BoundedMap } from "../core/boundedMap.ts";
import { StreamError, type StreamErrorCode, type StreamErrorDetail } from "../errors.ts";
import { segmentFetchesMax, viewsMax } from "../limits.ts";
import { bodies, segmentKey } from "../core/bodyCache.ts";
import { readStaged } from "../core/segmentBucket.ts";
import { findStaged } from "../core/stagedSegments.ts";
import { verifySegment } from "../engine/chunk.ts";
import { readCounters } from "./readCounters.ts";
import { markHeader, placeHeader } from "./segments.ts";
import type { ShardView } from "../core/types.ts";

/**
 * Where the last page of each shard ended; the shard that was read longest ago is removed first.
 */
const readTo = new BoundedMap<number>(viewsMax);

/** Where a page gets the segments of its shard. */
export interface SegmentSource {
  /** Consecutive segments that a page from a record on needs first, and those that are loaded with them. */
  toFetch(segments: readonly number[], index: number, view: ShardView): number[];
  /** True if a segment is in memory. */
  isAtHand(segment: number): boolean;
  /** Loads segments at the same time; returns their verified bytes. */
  fetch(segments: readonly number[], view: ShardView): Promise<PromiseSettledResult<Uint8Array>[]>;
}

/** The isolate's cache, and behind it the segments' cached addresses. */
export class CachedSegments implements SegmentSource {
  private readonly runtime: Runtime;
  private readonly uid: string;

  constructor(runtime: Runtime, uid: string) {
    this.runtime = runtime;
    this.uid = uid;
  }

  toFetch(segments: readonly number[], index: number, view: ShardView): number[] {
    const isMissed = !segments.every((segment) => this.isAtHand(segment));
    const isNextPage = isMissed && readTo.get(this.uid) === index;
    const ahead = isNextPage ? segmentsAhead(segments, view) : [];
    return [...segments, ...ahead.filter((segment) => !this.isAtHand(segment))];
  }

  isAtHand(segment: number): boolean {
    return bodies.has(segmentKey(this.uid, segment));
  }

  fetch(segments: readonly number[], view: ShardView) {
    const { runtime, uid } = this;
    return Promise.allSettled(segments.map((segment) => loadSegment(runtime, uid, segment, view)));
  }
}

/** Stores where a page has ended, which is where the same reader's next page begins. */
export function notePage(uid: string, nextIndex: number): void {
  readTo.set(uid, nextIndex);
}

/**
 * The following segments that are worth loading. Segments in R2 are not, because each of them is
 * loaded quickly when it is needed.
 */
function segmentsAhead(segments: readonly number[], view: ShardView): number[] {
  const first = (segments.at(-1) ?? -1) + 1;
  const end = Math.min((segments[0] ?? 0) + segmentFetchesMax, view.segment);
  if (first < view.tieredSegment) return [];
  return Array.from({ length: Math.max(end - first, 0) }, (_, i) => first + i);
}

/** From the isolate's cache, else from its address; it is cached then. Throws as the address answers. */
export async function loadSegment(
  runtime: Runtime,
  uid: string,
  segment: number,
  view: ShardView,
): Promise<Uint8Array> {
  const key = segmentKey(uid, segment);
  const cached = bodies.get(key);
  if (cached !== undefined) return cached;
  const near = await loadStaged(runtime, uid, segment);
  if (near !== undefined) {
    bodies.put(key, near);
    return near;
  }
  readCounters.segmentRequests++;
  const place = segment < view.tieredSegment ? "r2" : "shard";
  const mark = nextMark();
  const response = await runtime.segments.fetch(`https://millrace/segments/${uid}/${segment}`, {
    headers: { [placeHeader]: place, [markHeader]: mark },
  });
  if (response.status === 404) throw new StreamError("locationNotFound", { shard: uid, segment });
  if (!response.ok) throw await failureOf(response);
  const body = new Uint8Array(await response.arrayBuffer());
  if (response.headers.get(markHeader) !== mark) verifySegment(body, uid, segment);
  bodies.put(key, body);
  return body;
}

/** From the file that the front has written, if this isolate knows its name. What is wrong is left to the address. */
async function loadStaged(
  { env }: Runtime,
  uid: string,
  segment: number,
): Promise<Uint8Array | undefined> {
  const staged = findStaged(uid, segment);
  if (staged === undefined || env.SEGMENTS === undefined) return undefined;
  try {
    return await readStaged(env.SEGMENTS, uid, segment, staged);
  } catch (error) {
    console.error(`the staged segment ${segment} of shard ${uid}`, error);
    return undefined;
  }
}

async function failureOf(response: Response): Promise<Error> {
  const text = await response.text();
  if (response.headers.get("content-type") !== "application/json") return new Error(text);
  const { code, detail } = JSON.parse(text) as { code: StreamErrorCode; detail: StreamErrorDetail };
  return new StreamError(code, detail);
}

let isolateMark = "";
let markCount = 0;

/** A value that no other request of any isolate has. */
function nextMark(): string {
  isolateMark ||= crypto.randomUUID();
  return `${isolateMark}/${markCount++}`;
}
