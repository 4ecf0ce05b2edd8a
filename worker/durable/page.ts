// A page of a stream for all kinds of reads: where it begins, what it contains, and whether it reaches the
// end.
import type { Ancestor, DurableState, Position } from "../core/durable.ts";
import type { Location } from "../core/types.ts";
import { durablePageBytesMax, pageRecordsMax } from "../limits.ts";
import type { Selection } from "../scan/selection.ts";
import type { BriefStream, KnownShard } from "../stream/knownStreams.ts";
import type { Page } from "../stream/reader.ts";
import { printRuns } from "./content.ts";
import { gone } from "./errors.ts";
import type { StartOffset } from "./offset.ts";
import type { Call } from "./operation.ts";
import type { Target } from "./target.ts";

export interface ReadCall {
  start: StartOffset;
  /** As it was sent. */
  offset: string;
  live: "sse" | "long-poll" | undefined;
  /** Only the records that it selects are in the reply. */
  selection: Selection | undefined;
  /** State of the shard, if it was asked. */
  state: DurableState | undefined;
}

const limits = { recordsMax: pageRecordsMax, bytesMax: durablePageBytesMax };

/** Where a read begins. */
export function locationOf({ start, state }: ReadCall): Location {
  switch (start.kind) {
    case "earliest":
      return { segment: 0, index: 0 };
    case "now":
      return state!.next;
    case "at":
      return start.at;
  }
}

/** A page from a location on. Throws DurableError 410 for a stream that is kept for its forks. */
export async function pageFrom(
  { backend }: Call,
  { stream, shard }: Target,
  location: Location,
  isEarliest: boolean,
  selection: Selection | undefined,
): Promise<Page> {
  const source = { uid: shard.uid, ancestors: ancestorsOf(stream, shard) };
  const trimmed = isEarliest ? "skip" : "refuse";
  const page = await backend.durable.read(source, location, limits, trimmed, selection);
  requireShown(page);
  backend.shards.noteReader(shard.uid, { dialect: "durable" }, page);
  return page;
}

/** Throws DurableError 410 for a page of a stream that is kept for its forks. */
export function requireShown({ view }: Page): void {
  if (view.isDeleted === true) throw gone();
}

/** What a fork inherits is before its first shard; others that it got later begin anew. */
export function ancestorsOf(
  { ancestors }: BriefStream,
  { index }: KnownShard,
): readonly Ancestor[] {
  return index === 0 ? ancestors : [];
}

export function isUpToDate({ next, view }: Page): boolean {
  return next.index >= view.nextIndex;
}

/** True if nothing will follow the page. */
export function isEnd(page: Page): boolean {
  return isUpToDate(page) && page.view.closedMs !== undefined;
}

/** How the shard of a page has ended, if the page reaches that. */
export function endOf(page: Page): { isClosed: boolean; isFinal: boolean } {
  return { isClosed: isEnd(page), isFinal: page.view.isFinal === true };
}

export function positionAfter({ next, lastSegment }: Page): Position {
  return { index: next.index, segment: lastSegment };
}

export function contentOf({ stream }: Target, { runs, view }: Page): Uint8Array {
  return printRuns(runs, { isJson: stream.isJson, isMixed: view.isMixed === true });
}
