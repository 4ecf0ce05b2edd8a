/**
 * How long a client may take to send the rest of a request, and the code that watches it. Without
 * these limits, a connection that sends nothing, or half of a request, would hold memory and
 * descriptors for ever. Waiting for a reply has no limit here.
 */

export interface Patience {
  /** For the first byte, for a complete head, or for the SETTINGS after an HTTP/2 preface. */
  headMs: number;
  /** Between two parts of a body. */
  bodySilenceMs: number;
  /** For a whole body. */
  bodyMs: number;
  /** For the next request on a connection that workerd has no part in. */
  idleMs: number;
  /**
   * For a connection to workerd that lies idle while calls go with others: workerd would end it after 15 s, and a request
   * that is on its way then would be lost.
   */
  spareMs: number;
  /** For an HTTP/2 session without an open stream. */
  idleSessionMs: number;
}

/**
 * workerd waits 15 s for a head, so a longer time has no effect. The Worker gives a body a minute,
 * and 10 s of silence (worker/limits.ts); the double here is for bodies that the Worker does not
 * read. Of a connection of its own workerd waits as long for the next request. Clients that keep a session open use it more often than every two minutes, or open another
 * one.
 */
export const patience: Patience = {
  headMs: 15_000,
  bodySilenceMs: 20_000,
  bodyMs: 120_000,
  idleMs: 15_000,
  spareMs: 4000,
  idleSessionMs: 120_000,
};

/** Ends the watch. */
export type Stop = () => void;

/**
 * Calls `expired` after `totalMs`, or when `progress` has returned the same number for `silenceMs`.
 * The silence is noticed after twice that time at the latest.
 */
export function watchProgress(
  { silenceMs, totalMs }: { silenceMs: number; totalMs: number },
  progress: () => number,
  expired: () => void,
): Stop {
  const endMs = performance.now() + totalMs;
  let last = progress();
  let timer: NodeJS.Timeout;
  const wait = () => {
    const leftMs = endMs - performance.now();
    timer = setTimeout(look, Math.max(0, Math.min(silenceMs, leftMs))).unref();
  };
  const look = () => {
    const now = progress();
    if (now === last || performance.now() >= endMs) expired();
    else {
      last = now;
      wait();
    }
  };
  wait();
  return () => clearTimeout(timer);
}
