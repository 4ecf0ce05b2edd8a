// The clock of a test: dates are the test's, and stand still until it moves them. Timers run as ever.
import { afterEach, beforeEach, vi } from "vitest";

/** A noon that no clock shows yet. */
export const noonMs = Date.UTC(2036, 0, 1, 12);

/** Dates are the test's from now on, until `vi.useRealTimers`. */
export function setClock(timeMs: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: timeMs });
}

/** Each test of the file begins at `noonMs`, before what its own `beforeEach` does. */
export function beginAtNoon(): void {
  beforeEach(() => setClock(noonMs));
  afterEach(() => {
    vi.useRealTimers();
  });
}
