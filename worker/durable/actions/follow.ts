// Live reads by server-sent events: history page by page, then what is appended as it is committed
// (Durable Streams protocol, section 5.8). A batch is one data event and one control event, written
// together, because clients have lost one of them when they came apart. The connection ends with a
// control event after a minute, at the end of the stream, or when the stream is deleted. Then the
// client connects again with its last offset.
import { concatBytes, noBytes, utf8 } from "../../codec/bytes.ts";
import { isStreamError } from "../../errors.ts";
import { sseConnectionMs, sseKeepAliveMs } from "../../limits.ts";
import type { Selection } from "../../scan/selection.ts";
import type { LiveBatch } from "../../stream/liveFeed.ts";
import type { Page } from "../../stream/reader.ts";
import { nextCursor } from "../cursor.ts";
import { DurableError } from "../errors.ts";
import { offsetText } from "../offset.ts";
import type { Call } from "../operation.ts";
import { streamed } from "../reply.ts";
import { dataEvent, encodingOf } from "../sse.ts";
import { childrenNow, type Target } from "../target.ts";
import {
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

export async function followStream(call: Call, target: Target, read: ReadCall): Promise<Response> {
  // If the first page cannot be read, a status tells that: once events have begun there is none.
  const isEarliest = read.start.kind === "earliest";
  const first = await pageFrom(call, target, locationOf(read), isEarliest, read.selection);
  const { readable, writable } = new IdentityTransformStream();
  const follower = new Follower(call, target, read.selection, writable.getWriter());
  call.backend.durable.goOn(follower.run(first));
  const encoding = encodingOf(target.stream);
  return streamed(readable, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    // An edge that compresses would hold events back.
    "content-encoding": "identity",
    ...(encoding === "base64" && { "stream-sse-data-encoding": "base64" }),
  });
}

/** The events of a batch, which are printed once for all readers that get it. */
const printed = new WeakMap<LiveBatch, { cursor: number; events: Uint8Array }>();

class Follower {
  private readonly call: Call;
  private readonly target: Target;
  private readonly selection: Selection | undefined;
  private readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  private isGone = false;
  private readonly endsMs = Date.now() + sseConnectionMs;
  /** The last one that was sent. They grow with the clock alone, so that readers of a stream stay together. */
  private cursor = 0;

  constructor(
    call: Call,
    target: Target,
    selection: Selection | undefined,
    writer: WritableStreamDefaultWriter<Uint8Array>,
  ) {
    this.selection = selection;
    this.call = call;
    this.target = target;
    this.writer = writer;
    const leave = () => {
      this.isGone = true;
      call.backend.durable.wakeReaders(target.shard.uid);
    };
    writer.closed.then(leave, leave);
  }

  /** Writes events until the connection ends; never rejects. */
  async run(first: Page): Promise<void> {
    try {
      const last = await this.catchUp(first);
      if (last !== undefined) await this.live(last);
      await this.writer.close();
    } catch (error) {
      this.isGone = true;
      // The client connects again, and gets the failure as a status then.
      const isExpected = isStreamError(error) || error instanceof DurableError;
      if (isExpected) await this.writer.close().catch(() => {});
      else await this.writer.abort(error).catch(() => {});
    }
  }

  /** The last page of history; undefined if the stream has ended or the client has left. */
  private async catchUp(first: Page): Promise<Page | undefined> {
    for (let page = first; ;) {
      await this.send(page);
      if (isEnd(page) || this.isGone) return undefined;
      if (isUpToDate(page)) return page;
      page = await pageFrom(this.call, this.target, page.next, false, this.selection);
    }
  }

  private async live(last: Page): Promise<void> {
    const { durable } = this.call.backend;
    const { uid } = this.target.shard;
    const isGone = () => this.isGone;
    for (let page = last; Date.now() < this.endsMs && !this.isGone;) {
      const waitMs = Math.min(sseKeepAliveMs, this.endsMs - Date.now());
      const news = isUpToDate(page)
        ? await durable.next(uid, isGone, page.next.index, waitMs)
        : "behind";
      if (this.isGone) return;
      if (news === "silence") {
        // A proxy would close a connection that is silent for long.
        await this.send({ ...page, runs: [] });
      } else if (news === "behind") {
        page = await pageFrom(this.call, this.target, page.next, false, this.selection);
        await this.send(page);
      } else {
        const { selection } = this;
        requireShown(news.page);
        page = selection === undefined ? news.page : await durable.narrow(news.page, selection);
        if (page !== news.page || isEnd(page)) await this.send(page);
        else await this.writer.write(this.printOnce(news));
      }
      if (isEnd(page)) return;
    }
  }

  /** Readers with the same cursor, which most are, get the same bytes. */
  private printOnce(batch: LiveBatch): Uint8Array {
    const known = printed.get(batch);
    const cursor = this.cursorNow();
    if (known?.cursor === cursor) return known.events;
    const events = this.print(batch.page, this.dataOf(batch.page));
    printed.set(batch, { cursor, events });
    return events;
  }

  private dataOf(page: Page): Uint8Array {
    if (page.runs.length === 0) return noBytes;
    return dataEvent(contentOf(this.target, page), encodingOf(this.target.stream));
  }

  private async send(page: Page): Promise<void> {
    const { call, target } = this;
    const children = isEnd(page) ? await childrenNow(call, target.shard, endOf(page)) : [];
    await this.writer.write(this.print(page, this.dataOf(page), children));
  }

  private print(page: Page, data: Uint8Array, children: readonly number[] = []): Uint8Array {
    const isAtEnd = isEnd(page);
    const control = {
      streamNextOffset: offsetText(this.target.shard.uid, positionAfter(page)),
      ...(!isAtEnd && { streamCursor: String(this.cursorNow()) }),
      ...(isUpToDate(page) && { upToDate: true }),
      ...(isAtEnd && { streamClosed: true }),
      ...(children.length > 0 && { streamChildren: children }),
    };
    return concatBytes([data, utf8(`event: control\ndata:${JSON.stringify(control)}\n\n`)]);
  }

  private cursorNow(): number {
    const { call, target } = this;
    const next = nextCursor(target.shard.uid, call.query.get("cursor"), Date.now());
    this.cursor = Math.max(this.cursor, Number(next));
    return this.cursor;
  }
}
