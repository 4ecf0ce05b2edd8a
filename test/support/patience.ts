// How long a test waits for what must come, when it asks for it again and again. It is no bound on the
// work: only what never comes waits this long, and a busy machine may need much of it.

/** For `vi.waitUntil` and `vi.waitFor`, whose own limit is one second; `expect.poll` has it from vitest.config.ts. */
export const patience = { timeout: 60_000 };
