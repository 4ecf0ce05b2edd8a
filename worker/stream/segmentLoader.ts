// Brings sealed segments to the isolate where a page is put together: out of its cache, else from
// their cached address, side by side, within the isolate's budget for what is on its way. A reader who
// goes through a shard page by page, and whose segments only the shard has, is a round trip away from
// each of them: some of those that he will want next come along.
import type { Runtime } from "../core/bindings.ts";
import { BoundedMap } from "../core/boundedMap.ts";
import { StreamError, type StreamErrorCode, type StreamErrorDetail } from "../errors.ts";
import { segmentFetchesMax, viewsMax } from "../limits.ts";
import { bodies } from "../core/bodyCache.ts";
import { verifySegment } from "../engine/chunk.ts";
import { segmentKey } from "../shard/log.ts";
import { readCounters } from "./readCounters.ts";
import { markHeader, placeHeader } from "./segments.ts";
import type { ShardView } from "../core/types.ts";

/** Where the page of each shard that was read last has ended; the shard read longest ago goes first. */
const readTo = new BoundedMap<number>(viewsMax);

/** Segments in a row that a page asks for first, and those that come along with them. */
export function segmentsToFetch(
  uid: string,
  segments: readonly number[],
  index: number,
  view: ShardView,
): number[] {
  const isMissed = !segments.every((segment) => isAtHand(uid, segment));
  const isNextPage = isMissed && readTo.get(uid) === index;
  const ahead = isNextPage ? segmentsAhead(segments, view) : [];
  return [...segments, ...ahead.filter((segment) => !isAtHand(uid, segment))];
}

/** Whether a segment is in the isolate's memory. */
export function isAtHand(uid: string, segment: number): boolean {
  return bodies.has(segmentKey(uid, segment));
}

/** The verified bytes of segments, side by side. */
export function fetchSegments(
  runtime: Runtime,
  uid: string,
  segments: readonly number[],
  view: ShardView,
): Promise<PromiseSettledResult<Uint8Array>[]> {
  return Promise.allSettled(segments.map((segment) => loadSegment(runtime, uid, segment, view)));
}

/** Tells where a page has ended, and the next one of the same reader begins. */
export function notePage(uid: string, nextIndex: number): void {
  readTo.set(uid, nextIndex);
}

/** What follows, as far as it is worth the way: from R2 each comes as soon as it is asked for. */
function segmentsAhead(segments: readonly number[], view: ShardView): number[] {
  const first = (segments.at(-1) ?? -1) + 1;
  const end = Math.min((segments[0] ?? 0) + segmentFetchesMax, view.segment);
  if (first < view.tieredSegment) return [];
  return Array.from({ length: Math.max(end - first, 0) }, (_, i) => first + i);
}

async function loadSegment(
  runtime: Runtime,
  uid: string,
  segment: number,
  view: ShardView,
): Promise<Uint8Array> {
  const key = segmentKey(uid, segment);
  const cached = bodies.get(key);
  if (cached !== undefined) return cached;
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

async function failureOf(response: Response): Promise<Error> {
  const text = await response.text();
  if (response.headers.get("content-type") !== "application/json") return new Error(text);
  const { code, detail } = JSON.parse(text) as { code: StreamErrorCode; detail: StreamErrorDetail };
  return new StreamError(code, detail);
}

let isolateMark = "";
let markCount = 0;

/** Another for each request, of any isolate. */
function nextMark(): string {
  isolateMark ||= crypto.randomUUID();
  return `${isolateMark}/${markCount++}`;
}
