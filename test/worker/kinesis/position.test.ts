// How far behind a reader is told to be: 0 exactly when nothing is left to read.

import { expect, test } from "vitest";
import { millisBehind } from "../../../worker/kinesis/position.ts";
import type { Page } from "../../../worker/stream/reader.ts";

const nowMs = 1_000_000;

test.each<
  [
    what: string,
    left: number,
    lastTimeMs: number | undefined,
    closedMs: number | undefined,
    behind: number,
  ]
>([
  ["records are left, and the last one came this millisecond", 1, nowMs, undefined, 1],
  ["records are left that came this millisecond, and none was read", 1, undefined, undefined, 1],
  ["records are left, and the clock was set back since", 1, nowMs + 5000, undefined, 1],
  ["records are left, and the last one is old", 1, nowMs - 5000, undefined, 5000],
  ["nothing is left", 0, nowMs - 5000, undefined, 0],
  ["nothing is left of a shard that has ended", 0, nowMs - 5000, nowMs - 3000, 3000],
])("%s", (_, left, lastTimeMs, closedMs, behind) => {
  const view = { nextIndex: 10, lastTimeMs: nowMs, closedMs } as Page["view"];
  const page: Page = {
    runs: [],
    next: { segment: 0, index: 10 - left },
    lastSegment: 0,
    view,
    lastTimeMs,
  };
  expect(millisBehind(page, nowMs)).toBe(behind);
});
