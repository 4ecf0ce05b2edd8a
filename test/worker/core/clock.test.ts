// Spans of time by a clock that somebody sets back or forward while they last.

import { assert, integer, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { isDue, isOver, timeLeft } from "../../../worker/core/clock.ts";

const startMs = Date.UTC(2036, 0, 1, 12);
const spanMs = 5000;

describe("a span", () => {
  test.each([
    ["at its beginning", 0, spanMs],
    ["a millisecond before its end", spanMs - 1, 1],
    ["at its end", spanMs, 0],
    ["long after", 1e9, 0],
    ["by a clock that was set back to before it began", -1, 0],
  ])("%s", (_, sinceMs, leftMs) => {
    expect(timeLeft(startMs, spanMs, startMs + sinceMs)).toBe(leftMs);
    expect(isOver(startMs, spanMs, startMs + sinceMs)).toBe(leftMs === 0);
    expect(isDue(startMs + spanMs, spanMs, startMs + sinceMs)).toBe(leftMs === 0);
  });

  test("never waits longer than itself, whatever the clock says", () => {
    assert(
      property(integer(), integer({ min: 0, max: 1e9 }), integer(), (start, span, now) => {
        const left = timeLeft(start, span, now);
        expect(left).toBeGreaterThanOrEqual(0);
        expect(left).toBeLessThanOrEqual(span);
      }),
    );
  });
});
