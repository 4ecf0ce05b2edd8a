// Time spans on a clock that may be set. The runtime has no other clock: performance.now() returns
// what Date.now() does (workerd api/performance.c++), and only its timers run evenly. So a span
// must not depend on the clock alone. If its start is in the future, or its end is further ahead
// than the whole span, the clock has been set back, and the span counts as over. A clock that is
// set forward ends a span early. Both are harmless for the spans in this code.

/** What is left of a span that began at `startMs`; 0 once it is over. */
export function timeLeft(startMs: number, spanMs: number, nowMs: number): number {
  return nowMs < startMs ? 0 : Math.max(startMs + spanMs - nowMs, 0);
}

/** True if a span that began at `startMs` is over. */
export function isOver(startMs: number, spanMs: number, nowMs: number): boolean {
  return timeLeft(startMs, spanMs, nowMs) === 0;
}

/** True if a time has come that was set at most `spanMs` ahead. */
export function isDue(dueMs: number, spanMs: number, nowMs: number): boolean {
  return isOver(dueMs - spanMs, spanMs, nowMs);
}
