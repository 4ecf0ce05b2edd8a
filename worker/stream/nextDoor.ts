// Answers for a shard whose object is in this isolate, without a call: what it has published last
// (core/publishedTips.ts) tells a reader at its end what the object would tell. Undefined wherever that is
// not certain, or where it takes more than that; then the shard is asked.
import { bodies, chunkKey, segmentKey } from "../core/bodyCache.ts";
import type { Env } from "../core/bindings.ts";
import { cutRuns } from "../core/cutRuns.ts";
import type { DurableState, Position } from "../core/durable.ts";
import { horizonOf } from "../core/horizon.ts";
import {
  findTip,
  isOnlyIsolate,
  type PublishedTip,
  type RecentBody,
} from "../core/publishedTips.ts";
import type { ReadRequest, SeekReply, SeekRequest, ShardView } from "../core/types.ts";
import { timeMsAt, readHeader } from "../engine/chunk.ts";
import type { Page } from "./reader.ts";

/** A page that begins with one of the last records or after them. */
export function readNextDoor(env: Env, uid: string, request: ReadRequest): Page | undefined {
  const nowMs = Date.now();
  const tip = tipOf(env, uid, nowMs);
  if (tip === undefined) return undefined;
  const { view, lastSegment, recent } = tip;
  const { index } = request;
  if (index === view.nextIndex) {
    const next = { segment: view.segment, index };
    return { runs: [], next, lastSegment, view, lastTimeMs: undefined };
  }
  const at = holding(tip, index, nowMs);
  if (at === undefined) return undefined;
  let isMissing = false;
  const { runs, index: nextIndex } = cutRuns(recent, at, request, view, nowMs, (body) => {
    const chunk = bodies.get(keyOf(uid, body));
    isMissing ||= chunk === undefined;
    return chunk;
  });
  const last = runs.at(-1);
  if (isMissing || last === undefined) return undefined;
  return {
    runs: runs.map(({ chunk, from, to }) => ({ chunk, from, to })),
    next: { segment: segmentAt(tip, nextIndex), index: nextIndex },
    lastSegment: last.body.segment ?? view.segment,
    view,
    lastTimeMs: timeMsAt(last.chunk, readHeader(last.chunk), last.to - 1),
  };
}

/** The end of the shard, or the place of one of the last records. */
export function seekNextDoor(env: Env, uid: string, request: SeekRequest): SeekReply | undefined {
  const nowMs = Date.now();
  const tip = tipOf(env, uid, nowMs);
  if (tip === undefined) return undefined;
  const { view } = tip;
  const { nextIndex, lastTimeMs } = view;
  const index =
    request.kind === "latest" || (request.kind === "time" && request.timeMs > lastTimeMs)
      ? nextIndex
      : request.kind === "index"
        ? request.index
        : undefined;
  if (index === undefined) return undefined;
  if (index !== nextIndex && holding(tip, index, nowMs) === undefined) return undefined;
  return { location: { segment: segmentAt(tip, index), index }, view };
}

/** The view, but for what is at the beginning of the shard. */
export function endNextDoor(
  env: Env,
  uid: string,
): Omit<ShardView, "firstIndex" | "firstSegment" | "tieredSegment"> | undefined {
  return tipOf(env, uid, Date.now())?.view;
}

/** The state of a stream that cannot expire; `next` is the end, or the place after a record. */
export function lookNextDoor(env: Env, uid: string, index?: number): DurableState | undefined {
  const tip = tipOf(env, uid, Date.now());
  if (tip === undefined || tip.canExpire) return undefined;
  const next = placeAfter(tip, (index ?? tip.view.nextIndex) - 1);
  if (next === undefined) return undefined;
  const { closedMs, isFinal, isDeleted } = tip.view;
  return {
    next,
    isClosed: closedMs !== undefined,
    isFinal: isFinal === true,
    isDeleted: isDeleted === true,
  };
}

function tipOf(env: Env, uid: string, nowMs: number): PublishedTip | undefined {
  return isOnlyIsolate(env) ? findTip(uid, nowMs) : undefined;
}

function placeAfter(
  { view, lastSegment, recent }: PublishedTip,
  last: number,
): Position | undefined {
  const index = last + 1;
  if (index === view.nextIndex) return { index, segment: lastSegment };
  const body = recent[positionOf(recent, last)];
  return body && { index, segment: body.segment ?? view.segment };
}

/**
 * Position of the body with a record that nobody may see expire before the shard says so: nothing
 * before it can be the first record then. Undefined if there is none.
 */
function holding({ recent, view }: PublishedTip, index: number, nowMs: number): number | undefined {
  const at = positionOf(recent, index);
  const body = recent[at];
  return body === undefined || body.firstMs < horizonOf(view, nowMs) ? undefined : at;
}

function positionOf(recent: readonly RecentBody[], index: number): number {
  return recent.findLastIndex(
    ({ firstIndex, count }) => firstIndex <= index && index < firstIndex + count,
  );
}

function segmentAt({ recent, view }: PublishedTip, index: number): number {
  return recent[positionOf(recent, index)]?.segment ?? view.segment;
}

function keyOf(uid: string, { segment, firstIndex }: RecentBody): string {
  return segment === undefined ? chunkKey(uid, firstIndex) : segmentKey(uid, segment);
}
