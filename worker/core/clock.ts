// Spans of time by a clock that may be set. The runtime has no other one: performance.now() returns what
// Date.now() does (workerd api/performance.c++), and only its timers run evenly. So a span never
// waits for the clock alone: a beginning that lies ahead, or an end that is further ahead than the
// whole span, is of a clock that has been set back since, and counts as over. A clock that is set
// forward ends a span early. Both are harmless to what spans are used for here.

/** What is left of a span that began at `startMs`; 0 once it is over. */
export function timeLeft(startMs: number, spanMs: number, nowMs: number): number {
  return nowMs < startMs ? 0 : Math.max(startMs + spanMs - nowMs, 0);
}

/** Whether a span that began at `startMs` is over. */
export function isOver(startMs: number, spanMs: number, nowMs: number): boolean {
  return timeLeft(startMs, spanMs, nowMs) === 0;
}

/** Whether a time is there that was set for `spanMs` ahead at most. */
export function isDue(dueMs: number, spanMs: number, nowMs: number): boolean {
  return isOver(dueMs - spanMs, spanMs, nowMs);
}
