/**
 * How long a client may take for what it owes, and the watch over it. Without it, a connection that says
 * nothing, or half of something, would stay for ever with the memory and descriptors behind it. Waiting
 * for a reply is no debt of the client's and has no limit here.
 */

export interface Patience {
  /** For a first byte, a whole head, or the SETTINGS that follow an HTTP/2 preface. */
  headMs: number;
  /** Between two pieces of a body. */
  bodySilenceMs: number;
  /** For a body in all. */
  bodyMs: number;
  /** Of an HTTP/2 session without an open stream. */
  idleSessionMs: number;
}

/**
 * workerd waits 15 s for a head, so longer would be of no use. The Worker gives a body a minute, and 10 s of
 * silence (worker/limits.ts); twice as much here is for bodies that it does not read. Clients that keep sessions open use them more often than every two minutes, or open another.
 */
export const patience: Patience = {
  headMs: 15_000,
  bodySilenceMs: 20_000,
  bodyMs: 120_000,
  idleSessionMs: 120_000,
};

/** Stops a watch. */
export type Stop = () => void;

/**
 * Calls `expired` after `totalMs`, or once `progress` has given the same number for `silenceMs`, at the
 * latest after twice that.
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
