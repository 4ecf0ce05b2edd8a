// What a scan need not read: a bucket that can look at its segments itself (SegmentBucket.screen) tells which of them are
// sound and have no record that is selected. Of every other one the scan reads the bytes, and checks and selects as
// always, so the bucket's answer decides about nothing but what is read. It is asked about several segments at once,
// and about the next ones meanwhile. Where most segments have such records, it is not asked any more.
import type { Runtime } from "../core/bindings.ts";
import { horizonOf } from "../core/horizon.ts";
import { screenObjects } from "../core/segmentBucket.ts";
import type { Location, ShardView } from "../core/types.ts";
import type { ScreenedSegment } from "../engine/screen.ts";
import { screenAhead, screenSegments, screenTrials } from "../limits.ts";
import type { Amount } from "./reader.ts";

/** Segments that were passed over; of one that a scan began in the middle of, the share of its bytes. */
export interface Passed {
  next: Location;
  scanned: Amount;
  lastTimeMs: number;
}

/** What comes next: segments to pass over, or one to read that ends before a record; or neither is known. */
export type Screened = { passed: Passed } | { endIndex: number } | undefined;

export class SegmentScreen {
  private readonly runtime: Runtime;
  private readonly uid: string;
  private readonly program: Uint8Array;
  /** Answers by the first of the segments that they are about. */
  private readonly asked = new Map<number, Promise<(ScreenedSegment | undefined)[]>>();
  private seen = 0;
  private candidates = 0;

  constructor(runtime: Runtime, uid: string, program: Uint8Array) {
    this.runtime = runtime;
    this.uid = uid;
    this.program = program;
  }

  /** False if the bucket cannot say, or if asking it has turned out to save little. */
  get isUseful(): boolean {
    if (this.runtime.env.SEGMENTS?.screen === undefined) return false;
    return this.seen < screenTrials || this.candidates * 2 < this.seen;
  }

  /** What is known about the segments from a location on, before record `endIndex`. */
  async next(at: Location, endIndex: number, view: ShardView): Promise<Screened> {
    const first = at.segment - (at.segment % screenSegments);
    if (at.segment >= view.tieredSegment) return undefined;
    const answers = this.ask(first, view);
    for (let i = 1; i <= screenAhead; i++) void this.ask(first + i * screenSegments, view);
    for (const segment of this.asked.keys()) if (segment < first) this.asked.delete(segment);
    const known = await answers;
    const horizonMs = horizonOf(view, Date.now());
    let passed: Passed | undefined;
    let { segment, index } = at;
    for (const each of known.slice(segment - first)) {
      // What is not as it was expected, or has expired in part, is read as it always was.
      if (each === undefined || each.timeMs < horizonMs) break;
      const end = each.firstIndex + each.count;
      if (each.firstIndex > index || end <= index || end > endIndex) break;
      if (each.isCandidate) {
        if (passed !== undefined) break;
        this.note(true);
        return { endIndex: end };
      }
      this.note(false);
      passed = join(passed, each, { segment: segment + 1, index: end }, index);
      index = end;
      segment++;
    }
    return passed && { passed };
  }

  private note(isCandidate: boolean): void {
    this.seen++;
    this.candidates += Number(isCandidate);
  }

  private ask(first: number, view: ShardView): Promise<(ScreenedSegment | undefined)[]> {
    const known = this.asked.get(first);
    if (known !== undefined) return known;
    const { runtime, uid, program } = this;
    const count = Math.min(screenSegments, view.tieredSegment - first);
    const segments = Array.from({ length: Math.max(count, 0) }, (_, i) => first + i);
    const { SEGMENTS } = runtime.env;
    const answer =
      SEGMENTS === undefined || segments.length === 0
        ? Promise.resolve([])
        : // Without an answer all of them are read.
          screenObjects(SEGMENTS, uid, segments, program).catch(() => []);
    this.asked.set(first, answer);
    runtime.waitUntil(answer);
    return answer;
  }
}

/** The same and a segment, of which the records from `index` on were looked at for this scan. */
function join(
  before: Passed | undefined,
  { firstIndex, count, payloadBytes, lastTimeMs }: ScreenedSegment,
  next: Location,
  index: number,
): Passed {
  const records = firstIndex + count - index;
  const bytes = Math.round((payloadBytes * records) / count);
  const { scanned = { records: 0, bytes: 0 } } = before ?? {};
  return {
    next,
    scanned: { records: scanned.records + records, bytes: scanned.bytes + bytes },
    lastTimeMs,
  };
}
