// Files of a project run one after the other in the same process. At the end of each, the clock and
// all that was spied upon or replaced is as before, so that no file depends on those before it.

import { afterAll, vi } from "vitest";

afterAll(() => {
  // First the spies: one upon a timer of a test keeps that timer.
  vi.restoreAllMocks();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});
