// The segments of one scan. It reads each of them once, in order, and nobody else reads them soon: so they are not put
// into the isolate's cache, where they would take the place of what others read again. Those that are in the bucket
// are read from there, into buffers that the scan uses again for later segments, with no service in between. The next
// ones are loaded while the last ones are looked at.
import type { Runtime } from "../core/bindings.ts";
import { bodies, segmentKey } from "../core/bodyCache.ts";
import { readObject } from "../core/segmentBucket.ts";
import type { ShardView } from "../core/types.ts";
import type { RecordRun } from "../engine/printer.ts";
import { scanAheadBytes, segmentBytes, segmentFetchesMax } from "../limits.ts";
import { expectedBytes, readInTurn } from "./loadBudget.ts";
import { readCounters } from "./readCounters.ts";
import { loadSegment, type SegmentSource } from "./segmentLoader.ts";

interface Load {
  body: Promise<Uint8Array>;
  /** What was loaded, if it lies in a buffer of this scan. */
  own?: Uint8Array | undefined;
  /** Records of it were given to the caller, who may keep them. */
  isGiven: boolean;
}

/** Room in a new buffer until a longer segment was seen. */
const bufferBytesMin = segmentBytes + segmentBytes / 4;

export class ScanSegments implements SegmentSource {
  private readonly runtime: Runtime;
  private readonly uid: string;
  private readonly loads = new Map<number, Load>();
  private readonly spare: ArrayBuffer[] = [];
  private bufferBytes = bufferBytesMin;
  /** Segments before this one are not read any more. */
  private first = 0;

  constructor(runtime: Runtime, uid: string) {
    this.runtime = runtime;
    this.uid = uid;
  }

  toFetch(segments: readonly number[]): number[] {
    return [...segments];
  }

  isAtHand(segment: number): boolean {
    return this.loads.has(segment) || bodies.has(segmentKey(this.uid, segment));
  }

  fetch(segments: readonly number[], view: ShardView) {
    return Promise.allSettled(segments.map((segment) => this.load(segment, view)));
  }

  /** Tells that the scan goes on in segment `next`, and what it has given to its caller. */
  passTo(next: number, runs: readonly RecordRun[]): void {
    const given = new Set(runs.map(({ chunk }) => chunk));
    this.first = next;
    for (const [segment, load] of this.loads) {
      load.isGiven ||= load.own !== undefined && given.has(load.own);
      if (segment >= next) continue;
      this.loads.delete(segment);
      if (load.own !== undefined && !load.isGiven) this.spare.push(load.own.buffer as ArrayBuffer);
    }
  }

  /** Loads the segments that come next. One that fails is loaded again when it is needed. */
  readAhead(view: ShardView): void {
    const room = Math.floor(scanAheadBytes / expectedBytes(this.uid));
    const end = Math.min(this.first + Math.min(Math.max(room, 1), segmentFetchesMax), view.segment);
    const missing: number[] = [];
    for (let segment = this.first; segment < end; segment++) {
      if (!this.isAtHand(segment)) missing.push(segment);
    }
    if (missing.length === 0) return;
    const reading = readInTurn(this.uid, missing.length, () =>
      this.fetch(
        missing.filter((segment) => segment >= this.first && !this.isAtHand(segment)),
        view,
      ),
    );
    this.runtime.waitUntil(reading.catch(() => {}));
  }

  private load(segment: number, view: ShardView): Promise<Uint8Array> {
    const known = this.loads.get(segment);
    if (known !== undefined) return known.body;
    const cached = bodies.get(segmentKey(this.uid, segment));
    if (cached !== undefined) return Promise.resolve(cached);
    const load = { isGiven: false } as Load;
    this.loads.set(segment, load);
    load.body = this.read(load, segment, view);
    // Whoever needs it asks again.
    load.body.catch(() => {
      if (this.loads.get(segment) === load) this.loads.delete(segment);
    });
    return load.body;
  }

  /** What the bucket does not have as it should be, the segment's address may. */
  private async read(load: Load, segment: number, view: ShardView): Promise<Uint8Array> {
    const { runtime, uid } = this;
    const { SEGMENTS } = runtime.env;
    if (SEGMENTS !== undefined && segment < view.tieredSegment) {
      readCounters.segmentRequests++;
      try {
        load.own = await readObject(SEGMENTS, uid, segment, this.takeBuffer());
      } catch {
        // The address says what is wrong with it.
      }
    }
    if (load.own === undefined) return loadSegment(runtime, uid, segment, view);
    this.bufferBytes = Math.max(this.bufferBytes, load.own.length + 1);
    return load.own;
  }

  private takeBuffer(): ArrayBuffer {
    const buffer = this.spare.pop();
    const isLarge = buffer !== undefined && buffer.byteLength >= this.bufferBytes;
    return isLarge ? buffer : new ArrayBuffer(this.bufferBytes);
  }
}
