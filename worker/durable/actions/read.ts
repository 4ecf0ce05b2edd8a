// GET: catch-up reads and long polls; live reads by SSE are in follow.ts. A page of history ends where
// it is full, so the same offset always gives the same page, and caches can answer it for everybody. Only
// the page that reaches the end of the stream is not cached (Durable Streams protocol, sections 5.6,
// 5.7 and 10).
import { crc32 } from "node:zlib";
import { compileSelection, type Selection } from "../../scan/selection.ts";
import type { DurableState } from "../../core/durable.ts";
import { StreamError } from "../../errors.ts";
import { readHeader } from "../../engine/chunk.ts";
import type { Page } from "../../stream/reader.ts";
import { printRuns } from "../content.ts";
import { nextCursor } from "../cursor.ts";
import { gone, invalid } from "../errors.ts";
import { matchesTag } from "../headers.ts";
import { isPositionOf, type MarkedPosition, offsetText, readOffset } from "../offset.ts";
import { type Call, operation } from "../operation.ts";
import {
  ancestorsOf,
  contentOf,
  endOf,
  isEnd,
  isUpToDate,
  locationOf,
  pageFrom,
  positionAfter,
  type ReadCall,
  requireShown,
} from "../page.ts";
import { bare, body, contentHeaders, type Headers, noStore } from "../reply.ts";
import { childrenHeader, childrenNow, onlyOf, type Target, withShard } from "../target.ts";
import { endHeaders } from "./head.ts";
import { followStream } from "./follow.ts";

export const readStream = operation({
  name: "ReadStream",
  action: "kinesis:GetRecords",
  run: (call) =>
    withShard(call, async (target) => {
      const read = await readRequest(call, target);
      if (read.live === "sse") return followStream(call, target, read);
      if (read.live === "long-poll") return await longPoll(call, target, read);
      return read.start.kind === "now"
        ? await emptyPage(call, target, read.state!)
        : await catchUp(call, target, read);
    }),
});

/** Throws DurableError; if the stream does not exist, that one, whatever is wrong with the request. */
async function readRequest(call: Call, target: Target): Promise<ReadCall> {
  const { backend, query } = call;
  const { stream, shard } = target;
  const offsets = query.getAll("offset");
  const [offset = "-1"] = offsets;
  const isNow = offset === "now";
  // A read prolongs the life of a stream that can expire, so its shard is told.
  const asks = stream.expires || isNow;
  const state = asks ? await backend.durable.look(shard.uid, true) : undefined;
  if (state?.isDeleted === true) throw gone();
  if (offsets.length > 1) throw invalid("INVALID_OFFSET", "There is more than one offset.");
  const start = readOffset(offset);
  if (start.kind === "at") await requirePositionOf(call, target, start.at);
  const live = onlyOf(query, "live") ?? undefined;
  if (live !== undefined && live !== "sse" && live !== "long-poll") {
    throw invalid("INVALID_LIVE", "live must be long-poll or sse.");
  }
  if (live !== undefined && offsets.length === 0) {
    throw invalid("OFFSET_MISSING", "A live read needs an offset.");
  }
  return { start, offset, live, state, selection: selectionOf(query) };
}

/** Throws `locationNotFound`, or `shardNotFound` if the stream was deleted and created again. */
async function requirePositionOf(
  { backend, scope, name }: Call,
  { stream, shard }: Target,
  at: MarkedPosition,
): Promise<void> {
  if (isPositionOf(at, shard.uid, ancestorsOf(stream, shard))) return;
  const now = await backend.durable.refresh(scope, name);
  if (now.uid !== stream.uid) throw new StreamError("shardNotFound", { uid: shard.uid });
  throw new StreamError("locationNotFound");
}

function isEarliest({ start }: ReadCall): boolean {
  return start.kind === "earliest";
}

/** Throws `invalidCondition`. */
function selectionOf(query: URLSearchParams): Selection | undefined {
  return compileSelection({
    where: onlyOf(query, "where") ?? undefined,
    keys: query.getAll("key"),
  });
}

async function catchUp(call: Call, target: Target, read: ReadCall): Promise<Response> {
  const page = await pageFrom(call, target, locationOf(read), isEarliest(read), read.selection);
  const tag = tagOf(call, target, read, page);
  const headers = { ...(await pageHeaders(call, target, page)), etag: tag };
  const control = { "cache-control": cacheControl(call, target, page, historyControl) };
  if (matchesTag(call.request.headers, tag)) return bare(304, { ...headers, ...control });
  return await body(contentOf(target, page), {
    ...contentHeaders(target.stream.contentType),
    ...headers,
    ...control,
  });
}

async function longPoll(call: Call, target: Target, read: ReadCall): Promise<Response> {
  const { query } = call;
  const location = locationOf(read);
  let page = await pageFrom(call, target, location, isEarliest(read), read.selection);
  if (page.runs.length === 0 && !isEnd(page)) {
    page = await nextPage(call, target, page, read.selection);
  }
  const place = `${target.shard.uid} ${page.next.index}`;
  const headers = {
    ...(await pageHeaders(call, target, page)),
    ...(!isEnd(page) && { "stream-cursor": nextCursor(place, query.get("cursor"), Date.now()) }),
  };
  if (page.runs.length === 0) return bare(204, headers);
  return await body(contentOf(target, page), {
    ...contentHeaders(target.stream.contentType),
    ...headers,
    ...(read.start.kind === "now"
      ? noStore
      : { "cache-control": cacheControl(call, target, undefined, "max-age=20") }),
  });
}

/** Waits for the page after an empty one; an empty page when the time is over. */
async function nextPage(
  call: Call,
  target: Target,
  last: Page,
  selection: Selection | undefined,
): Promise<Page> {
  const { durable, settings } = call.backend;
  const { uid } = target.shard;
  const endsMs = Date.now() + settings.longPollMs;
  let isAnswered = false;
  const isGone = () => isAnswered;
  const narrow = async (page: Page) => {
    requireShown(page);
    return selection ? await durable.narrow(page, selection) : page;
  };
  try {
    for (let page = last; ;) {
      const { next } = page;
      const leftMs = endsMs - Date.now();
      const news = isUpToDate(page)
        ? await durable.next(uid, isGone, next.index, leftMs)
        : "behind";
      if (news === "silence") return page;
      page =
        news === "behind"
          ? await pageFrom(call, target, next, false, selection)
          : await narrow(news.page);
      if (page.runs.length > 0 || isEnd(page) || Date.now() >= endsMs) return page;
    }
  } finally {
    isAnswered = true;
  }
}

async function emptyPage(
  call: Call,
  { stream, shard }: Target,
  state: DurableState,
): Promise<Response> {
  const headers = {
    ...contentHeaders(stream.contentType),
    ...endHeaders(shard.uid, state),
    ...childrenHeader(await childrenNow(call, shard, state)),
    "stream-up-to-date": "true",
    ...noStore,
  };
  return body(printRuns([], { isJson: stream.isJson, isMixed: false }), headers);
}

async function pageHeaders(call: Call, { shard }: Target, page: Page): Promise<Headers> {
  return {
    "stream-next-offset": offsetText(shard.uid, positionAfter(page)),
    ...(isUpToDate(page) && { "stream-up-to-date": "true" }),
    ...(isEnd(page) && { "stream-closed": "true" }),
    ...childrenHeader(await childrenNow(call, shard, endOf(page))),
  };
}

/**
 * With the shard's uid, so that a stream that is deleted and created again has other tags, and with the first record,
 * which is another one when the oldest have expired.
 */
function tagOf({ query }: Call, { shard }: Target, { offset }: ReadCall, page: Page): string {
  const asked = [query.get("where"), ...query.getAll("key")].join("\n");
  const selected = asked === "" ? "" : `:${crc32(asked)}`;
  const end = isEnd(page) ? ":c" : "";
  const [run] = page.runs;
  const first = run === undefined ? page.next.index : readHeader(run.chunk).firstIndex + run.from;
  return `"${shard.uid}:${offset}:${first}-${page.next.index}${selected}${end}"`;
}

const historyControl = "max-age=60, stale-while-revalidate=300";

/** A page that reaches the end changes with the next record, so it is not used without asking. */
function cacheControl(
  { isOpen }: Call,
  { stream }: Target,
  page: Page | undefined,
  control: string,
): string {
  if (page !== undefined && isUpToDate(page)) return "no-cache";
  // The shard of a stream that can expire is told of each read, and the stream may be gone before the time is over.
  if (stream.expires) return "no-cache";
  return `${isOpen ? "public" : "private"}, ${control}`;
}
