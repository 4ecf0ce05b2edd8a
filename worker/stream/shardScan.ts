// Reads on in a shard, step by step, and finds the records that a selection takes. A step reads several segments, or
// what the tail has, and is as long as one turn of the isolate should be: between steps other requests run. It goes on
// after the last record that was looked at, also if none was taken.
import type { Runtime } from "../core/bindings.ts";
import { INDEX_MAX } from "../engine/chunk.ts";
import { scanSegmentsMax, scanStepBytes } from "../limits.ts";
import { hashOfKey, type KeyHash } from "../core/keyHash.ts";
import type { Selection } from "../scan/selection.ts";
import type { Location } from "../core/types.ts";
import type { RecordRun } from "../engine/printer.ts";
import { findCandidates } from "./keyIndex.ts";
import { freshView, type Page, readPage, type Trimmed, viewBehind } from "./reader.ts";
import type { PageLimits } from "./readPlan.ts";
import { ScanSegments } from "./scanSegments.ts";
import { SegmentScreen } from "./segmentScreen.ts";
import { type ScanStep, take } from "./taking.ts";

/** Bytes of a whole segment, which ends where its records do. */
const recordBytesLimit = Number.MAX_SAFE_INTEGER;

export interface ScanRequest {
  /** All records if undefined. */
  selection: Selection | undefined;
  trimmed: Trimmed;
  /** Records from this index on are not looked at. */
  endIndex?: number | undefined;
}

export class ShardScan {
  at: Location;
  /** Segments that were passed over because they hold none of the keys. */
  passedOver = 0;
  private readonly runtime: Runtime;
  private readonly uid: string;
  private readonly request: ScanRequest;
  private readonly segments: ScanSegments;
  private readonly screen: SegmentScreen | undefined;
  /** The first step is read at once: many scans need no other. */
  private hasBegun = false;
  private reading: Promise<Page> | undefined;
  /** Only where a scan begins may be told to be gone. */
  private trimmed: Trimmed;

  constructor(runtime: Runtime, uid: string, location: Location, request: ScanRequest) {
    this.runtime = runtime;
    this.uid = uid;
    this.at = location;
    this.request = request;
    this.trimmed = request.trimmed;
    this.segments = new ScanSegments(runtime, uid);
    const program = request.selection?.program;
    this.screen = program && new SegmentScreen(runtime, uid, program);
  }

  /** Loads what the first step looks at. */
  begin(): void {
    this.reading ??= this.read();
    // The step gets the failure.
    this.reading.catch(() => {});
  }

  /**
   * Reads on, and takes records within the limits. If nothing has been taken for the page before, one
   * is taken even if it alone exceeds the limits. Throws `shardNotFound`, `locationNotFound`, `corrupt`.
   */
  async step(limits: PageLimits, hasRecords = false): Promise<ScanStep> {
    const reading = this.reading ?? this.read();
    this.reading = undefined;
    const page = await reading;
    const step = await take(page, this.request.selection, limits, hasRecords);
    if (page.scanned !== undefined) step.scanned = page.scanned;
    this.at = step.next;
    this.trimmed = "skip";
    this.segments.passTo(step.next.segment, step.runs);
    return step;
  }

  /** For a caller who goes on: what the next step needs is loaded meanwhile. */
  readAhead({ view }: ScanStep): void {
    const { selection } = this.request;
    const isScreened = this.screen?.isUseful === true;
    if (selection?.keys === undefined && !isScreened) this.segments.readAhead(view);
    else this.begin();
  }

  private async read(): Promise<Page> {
    const { selection, endIndex = INDEX_MAX } = this.request;
    const keys = selection?.keys;
    const found = keys && (await this.readCandidates(keys.map(hashOfKey), endIndex));
    if (found !== undefined) return found;
    if (this.hasBegun && this.screen?.isUseful === true) {
      const screened = await this.readScreened(this.screen, endIndex);
      if (screened !== undefined) return screened;
    }
    this.hasBegun = true;
    const limits = { recordsMax: endIndex - this.at.index, bytesMax: scanStepBytes };
    return readPage(this.runtime, this.uid, this.at, limits, this.trimmed, this.segments);
  }

  /** A page of nothing for segments that are passed over, or of the segment before which that ends. */
  private async readScreened(screen: SegmentScreen, endIndex: number): Promise<Page | undefined> {
    const { runtime, uid, at, trimmed } = this;
    const view = await freshView(runtime, uid);
    if (at.index < view.firstIndex) return undefined;
    const screened = await screen.next(at, endIndex, view);
    if (screened === undefined) return undefined;
    if ("passed" in screened) {
      const { next, scanned, lastTimeMs } = screened.passed;
      const newer = await viewBehind(runtime, uid, next.index, view);
      return { runs: [], next, lastSegment: next.segment - 1, view: newer, lastTimeMs, scanned };
    }
    const recordsMax = screened.endIndex - at.index;
    const limits = { recordsMax, bytesMax: recordBytesLimit, segmentsMax: 1 };
    return readPage(runtime, uid, at, limits, trimmed, this.segments);
  }

  /**
   * The next segments that may hold one of the keys, several at once. Undefined if nothing is known
   * about the keys of the next segment. Throws as `step`.
   */
  private async readCandidates(
    keys: readonly KeyHash[],
    endIndex: number,
  ): Promise<Page | undefined> {
    const { runtime, uid, at, trimmed } = this;
    const view = await freshView(runtime, uid);
    if (at.index >= view.tailIndex || at.index < view.firstIndex) return undefined;
    const found = await findCandidates(runtime, uid, at, keys, scanSegmentsMax);
    if (found === undefined) return undefined;
    this.passedOver += found.passedOver;
    const wanted = found.segments.filter(({ location }) => location.index < endIndex);
    const { next } = found;
    const none: Page = {
      runs: [],
      next: next.index < endIndex ? next : { ...next, index: endIndex },
      lastSegment: next.segment - 1,
      view,
      lastTimeMs: undefined,
    };
    const loads = await Promise.allSettled(
      wanted.map(({ location, endIndex: end }) => {
        const recordsMax = Math.min(end, endIndex) - location.index;
        const limits = { recordsMax, bytesMax: recordBytesLimit, segmentsMax: 1 };
        return readPage(runtime, uid, location, limits, trimmed);
      }),
    );
    const page = joinInOrder(none, loads, wanted);
    return { ...page, view: await viewBehind(runtime, uid, page.next.index, page.view) };
  }
}

/**
 * One page of all: up to the first segment that cannot be read, or has less than is known of it.
 * Between them are segments that were passed over.
 */
function joinInOrder(
  whole: Page,
  loads: readonly PromiseSettledResult<Page>[],
  wanted: readonly { location: Location; endIndex: number }[],
): Page {
  const runs: RecordRun[] = [];
  let lastTimeMs: number | undefined;
  for (const [i, load] of loads.entries()) {
    const { location = whole.next, endIndex = 0 } = wanted[i] ?? {};
    if (load.status === "rejected") {
      if (i === 0) throw load.reason;
      return { ...whole, runs, lastTimeMs, next: location, lastSegment: location.segment - 1 };
    }
    const page = load.value;
    runs.push(...page.runs);
    lastTimeMs = page.lastTimeMs ?? lastTimeMs;
    if (page.next.index < Math.min(endIndex, whole.next.index)) {
      return { ...page, runs, lastTimeMs };
    }
  }
  return { ...whole, runs, lastTimeMs };
}
