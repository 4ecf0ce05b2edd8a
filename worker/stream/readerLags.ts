// How far behind the newest record the readers of an isolate were in the last minute. A reader is known
// by its dialect and, where it has subscribed, by its consumer: pages say nothing else of who reads. Of
// several readers that look the same, the one that was furthest behind counts, as in the service's metrics
// IteratorAgeMilliseconds and MillisBehindLatest. Whoever stops reading is forgotten after a minute.
import { BoundedMap } from "../core/boundedMap.ts";
import { isOver } from "../core/clock.ts";
import { lagReadersMax, lagSpanMs, viewsMax } from "../limits.ts";
import type { Page } from "./reader.ts";

export interface ReaderName {
  dialect: "kinesis" | "v3io" | "yandex" | "durable";
  /** Of a registered consumer that has subscribed. */
  consumer?: string;
}

export interface Lag {
  /** Age of the last record that the reader got; 0 if it got the newest one. */
  behindMs: number;
  /** Records that it has still to read. */
  behindRecords: number;
}

export type ReaderLag = ReaderName & Lag;

interface Noted {
  reader: ReaderName;
  /** The span that `now` is of; `before` is of the one before it. */
  spanMs: number;
  now: Lag;
  before: Lag | undefined;
}

export class ReaderLags {
  private readonly shards = new BoundedMap<Map<string, Noted>>(viewsMax);

  /** Notes a page that a reader of the shard got. */
  note(uid: string, reader: ReaderName, page: Page, nowMs: number): void {
    let readers = this.shards.get(uid);
    if (readers === undefined) this.shards.set(uid, (readers = new Map()));
    const name = `${reader.dialect} ${reader.consumer ?? ""}`;
    const lag = lagOf(page, nowMs);
    const known = readers.get(name);
    if (known === undefined) {
      if (readers.size >= lagReadersMax) forgetOld(readers, nowMs);
      if (readers.size >= lagReadersMax) return;
      readers.set(name, { reader, spanMs: nowMs, now: lag, before: undefined });
    } else if (isOver(known.spanMs, lagSpanMs, nowMs)) {
      known.before = isOver(known.spanMs, 2 * lagSpanMs, nowMs) ? undefined : known.now;
      known.spanMs = nowMs;
      known.now = lag;
    } else {
      known.now = furthest(known.now, lag);
    }
  }

  /** The readers of a shard in the last minute. */
  of(uid: string, nowMs: number): ReaderLag[] {
    const readers = this.shards.get(uid);
    if (readers === undefined) return [];
    forgetOld(readers, nowMs);
    return [...readers.values()].map(({ reader, now, before }) =>
      Object.assign({}, reader, before === undefined ? now : furthest(now, before)),
    );
  }
}

/** Those of this isolate. */
export const readerLags = new ReaderLags();

function lagOf({ next, view, lastTimeMs }: Page, nowMs: number): Lag {
  const behindRecords = Math.max(view.nextIndex - next.index, 0);
  if (behindRecords === 0) return { behindMs: 0, behindRecords };
  return { behindMs: Math.max(nowMs - (lastTimeMs ?? view.lastTimeMs), 1), behindRecords };
}

function furthest(a: Lag, b: Lag): Lag {
  return {
    behindMs: Math.max(a.behindMs, b.behindMs),
    behindRecords: Math.max(a.behindRecords, b.behindRecords),
  };
}

function forgetOld(readers: Map<string, Noted>, nowMs: number): void {
  for (const [name, { spanMs }] of readers) {
    if (isOver(spanMs, 2 * lagSpanMs, nowMs)) readers.delete(name);
  }
}
