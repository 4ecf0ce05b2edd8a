/**
 * Restarts workerd after it ended unexpectedly. Miniflare starts it again at once and does nothing
 * more if that start fails. Here the start is tried again, with growing pauses. If that fails too,
 * or if workerd ends again and again, the server ends with a message: that is better than a server
 * that answers nothing for ever.
 */
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { Failure } from "./failure.ts";

/** Pause before each further attempt to start. */
export const restartPausesMs = [250, 500, 1000, 2000];

/**
 * Ends of workerd within a minute that are accepted. More need the attention of a user: for
 * example, one request may crash it each time.
 */
const endsMax = 10;
const endsWithinMs = 60_000;

export interface Restarts {
  /** Resolves when the start that Miniflare has begun succeeds; rejects if it fails. */
  ready: () => Promise<unknown>;
  start: () => Promise<unknown>;
  isOver: () => boolean;
  /** Called once, when no further attempt is made. */
  giveUp: (failure: Failure) => void;
}

/** Call it each time workerd has ended. */
export function createRecovery(restarts: Restarts): () => void {
  let ends: number[] = [];
  let isBusy = false;
  return () => {
    if (restarts.isOver()) return;
    const nowMs = performance.now();
    ends = [...ends.filter((endMs) => nowMs - endMs < endsWithinMs), nowMs];
    if (ends.length > endsMax) {
      restarts.giveUp(new Failure(`workerd ended ${ends.length} times within a minute`));
      return;
    }
    if (isBusy) return;
    isBusy = true;
    void recover(restarts).finally(() => (isBusy = false));
  };
}

async function recover({ ready, start, isOver, giveUp }: Restarts): Promise<void> {
  // After this, Miniflare has noticed the end of workerd too.
  await nextTurn();
  try {
    await retry([ready, ...restartPausesMs.map(() => start)], isOver);
  } catch (error) {
    if (!isOver()) giveUp(startFailure(error));
  }
}

/** Tries until an attempt succeeds, with a pause before each attempt but the first. */
export async function retry<T>(attempts: (() => Promise<T>)[], isOver: () => boolean): Promise<T> {
  for (const [i, attempt] of attempts.entries()) {
    try {
      return await attempt();
    } catch (error) {
      const pauseMs = restartPausesMs[i];
      if (pauseMs === undefined || i + 1 === attempts.length || isOver()) throw error;
      console.error(`millrace: ${startFailure(error).message}: trying again in ${pauseMs} ms`);
      await delay(pauseMs);
    }
  }
  throw new Error("nothing to attempt");
}

export function startFailure(error: unknown): Failure {
  const text = error instanceof Error ? error.message : String(error);
  return new Failure(`workerd did not start: ${text.replace(/\s*\n\s*/g, "; ")}`);
}
