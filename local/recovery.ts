/**
 * What happens when workerd ends and nobody asked it to. Miniflare starts it again at once, and leaves it
 * at that when the new one does not come up. So here: again, after pauses that grow; and when that does
 * not help, or when one after the other ends, no more, because a server that answers nothing for ever
 * is worse than one that says why it has ended.
 */
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { Failure } from "./failure.ts";

/** Before each further attempt to start. */
export const restartPausesMs = [250, 500, 1000, 2000];

/** A single record that crashes workerd can do so often before somebody should look at it. */
const endsMax = 10;
const endsWithinMs = 60_000;

export interface Restarts {
  /** Resolves when the start that Miniflare has begun is done; rejects when it failed. */
  ready: () => Promise<unknown>;
  start: () => Promise<unknown>;
  isOver: () => boolean;
  /** Called once, when there is no use in going on. */
  giveUp: (failure: Failure) => void;
}

/** To be called each time that workerd has ended. */
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
  // By then Miniflare knows that workerd has ended, too.
  await nextTurn();
  try {
    await retry([ready, ...restartPausesMs.map(() => start)], isOver);
  } catch (error) {
    if (!isOver()) giveUp(startFailure(error));
  }
}

/** Does the first that succeeds, with a pause before each but the first. */
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
