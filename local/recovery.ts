/**
 * Restarts workerd after it ended unexpectedly: at once, and if that start fails, again with growing
 * pauses. If that fails too, or if workerd ends again and again, the server ends with a message:
 * that is better than a server that answers nothing for ever. An instance of a cluster goes on
 * trying: its workerd ends whenever the bucket does not answer for a while.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Failure, messageOf } from "./failure.ts";

/** Pause before each further attempt to start. */
export const restartPausesMs = [250, 500, 1000, 2000];

const endlessPauseMs = 2000;

/**
 * Ends of workerd within a minute that are accepted. More need the attention of a user: for
 * example, one request may crash it each time.
 */
const endsMax = 10;
const endsWithinMs = 60_000;

export interface Restarts {
  /** Resolves when workerd listens; rejects if it does not start. */
  start: () => Promise<unknown>;
  isOver: () => boolean;
  /** Called once, when no further attempt is made. */
  giveUp: (failure: Failure) => void;
  log: (line: string) => void;
  /** Goes on until a start succeeds. */
  isEndless?: boolean;
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
    restarts.log("millrace: workerd crashed unexpectedly and is being restarted");
    void recover(restarts).finally(() => (isBusy = false));
  };
}

async function recover(restarts: Restarts): Promise<void> {
  const { start, isOver, giveUp, log, isEndless = false } = restarts;
  try {
    await retry(
      [0, ...restartPausesMs].map(() => start),
      isOver,
      log,
    );
  } catch (error) {
    if (isOver()) return;
    if (!isEndless) return giveUp(startFailure(error));
    log(`millrace: ${startFailure(error).message}: trying again in ${endlessPauseMs} ms`);
    await delay(endlessPauseMs);
    await recover(restarts);
  }
}

/** Tries until an attempt succeeds, with a pause before each attempt but the first. */
export async function retry<T>(
  attempts: (() => Promise<T>)[],
  isOver: () => boolean,
  log: (line: string) => void,
): Promise<T> {
  for (const [i, attempt] of attempts.entries()) {
    try {
      return await attempt();
    } catch (error) {
      const pauseMs = restartPausesMs[i];
      if (pauseMs === undefined || i + 1 === attempts.length || isOver()) throw error;
      log(`millrace: ${startFailure(error).message}: trying again in ${pauseMs} ms`);
      await delay(pauseMs);
    }
  }
  throw new Error("nothing to attempt");
}

export function startFailure(error: unknown): Failure {
  return new Failure(`workerd did not start: ${messageOf(error).replace(/\s*\n\s*/g, "; ")}`);
}
