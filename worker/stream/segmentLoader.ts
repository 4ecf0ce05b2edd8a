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
import { readInTurn } from "./loadBudget.ts";
import { markHeader, placeHeader } from "./segments.ts";
import type { ShardView } from "../core/types.ts";

/** Where the page of each shard that was read last has ended; the shard read longest ago goes first. */
const readTo = new BoundedMap<number>(viewsMax);

/** The verified bytes of segments in a row, for a page that begins with record `index`. */
export async function fetchSegments(
  runtime: Runtime,
  uid: string,
  segments: readonly number[],
  index: number,
  view: ShardView,
): Promise<PromiseSettledResult<Uint8Array>[]> {
  const isAway = (segment: number): boolean => !bodies.has(segmentKey(uid, segment));
  const missing = segments.filter(isAway);
  const ahead =
    missing.length > 0 && readTo.get(uid) === index ? segmentsAhead(segments, view) : [];
  const wanted = [...segments, ...ahead.filter(isAway)];
  const count = missing.length + wanted.length - segments.length;
  const loading = readInTurn(uid, count, () =>
    Promise.allSettled(wanted.map((segment) => loadSegment(runtime, uid, segment, view))),
  );
  // A reader that goes away must not leave its part of the budget behind.
  runtime.waitUntil(loading);
  return (await loading).slice(0, segments.length);
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
