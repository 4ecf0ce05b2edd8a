// Cuts a page out of runs of records that follow one another.
import { engine } from "../engine/instance.ts";
import { horizonOf } from "./horizon.ts";
import type { ReadRequest, ShardView } from "./types.ts";

/** A stored run of records. */
interface Body {
  firstIndex: number;
  count: number;
  /** Arrival of its first record. */
  firstMs: number;
}

/** Records `from` to `to` (excluded) of a body's bytes. */
export interface CutRun<B extends Body> {
  body: B;
  chunk: Uint8Array;
  from: number;
  to: number;
}

/**
 * The records of a page, from those bodies on that begin at position `at`, and the index after them.
 * The page ends where `load` has no bytes. It has no record that readers do not see yet, and none
 * that has expired.
 */
export function cutRuns<B extends Body>(
  bodies: readonly B[],
  at: number,
  { recordsMax, bytesMax, ...request }: ReadRequest,
  view: ShardView,
  nowMs: number,
  load: (body: B, isFirst: boolean) => Uint8Array | undefined,
): { runs: CutRun<B>[]; index: number } {
  let index = Math.max(request.index, view.firstIndex);
  const runs: CutRun<B>[] = [];
  let records = recordsMax;
  let bytes = bytesMax;
  const horizonMs = horizonOf(view, nowMs);
  for (let position = at; records > 0; position++) {
    const body = bodies[position];
    if (body === undefined || body.firstIndex >= view.nextIndex) break;
    const chunk = load(body, runs.length === 0);
    if (chunk === undefined) break;
    const kept = body.firstMs < horizonMs ? engine.findTime(chunk, horizonMs, 0) : 0;
    const from = Math.max(index - body.firstIndex, kept);
    if (from >= body.count) {
      index = body.firstIndex + body.count;
      continue;
    }
    const to = engine.fit(chunk, from, records, Math.max(bytes, 0));
    const size = engine.payloadBytes(chunk, from, to);
    if (size > bytes && runs.length > 0) break;
    runs.push({ body, chunk, from, to });
    index = body.firstIndex + to;
    records -= to - from;
    bytes -= size;
    if (to < body.count) break;
  }
  return { runs, index };
}
