// Whether a segment can be passed over by a scan: said of its bytes alone, wherever they lie. A bucket that can look at
// its objects itself does so (SegmentBucket.screen), and only the others are sent to the isolate that scans.
import { scanTurnWork } from "../limits.ts";
import { isCode } from "../errors.ts";
import { timeMsAt, verifyHeader } from "./chunk.ts";
import type { Scanner } from "./scanner.ts";

/** A segment whose checksums are right. */
export interface ScreenedSegment {
  firstIndex: number;
  count: number;
  payloadBytes: number;
  /** Arrival of its first and its last record. */
  timeMs: number;
  lastTimeMs: number;
  /** False only if no record is selected. */
  isCandidate: boolean;
}

/** Undefined for bytes that are no sound segment of the shard: whoever reads them finds out what is wrong. */
export function screenSegment(
  scanner: Scanner,
  program: Uint8Array,
  chunk: Uint8Array,
  uid: string,
): ScreenedSegment | undefined {
  try {
    const header = verifyHeader(chunk, uid);
    const isOut = scanner.rulesOut(program, chunk, scanTurnWork);
    if (isOut === false) return undefined;
    const { firstIndex, count, payloadBytes, timeMs } = header;
    const lastTimeMs = timeMsAt(chunk, header, count - 1);
    return { firstIndex, count, payloadBytes, timeMs, lastTimeMs, isCandidate: isOut !== true };
  } catch (error) {
    if (isCode(error, "corrupt") || error instanceof RangeError) return undefined;
    throw error;
  }
}
