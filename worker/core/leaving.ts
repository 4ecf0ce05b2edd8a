// Waits of objects that an instance of a cluster is about to hand over. An object moves when its calls
// have ended, so one that waits would hold up all others. Once the instance leaves, waits end in a
// moment: their callers ask again, and find the object where it is then. An object's timer can only be
// stopped by the object itself, so in a cluster a wait looks now and then whether the instance leaves.
// Elsewhere nothing leaves, and a wait is one timer.

/** How often a wait looks; also how long one lasts once the instance leaves. */
const lookMs = 100;

let isClustered = false;
let hasBegun = false;

export function isLeaving(): boolean {
  return hasBegun;
}

/** The objects of this isolate may move to other instances. */
export function expectLeaving(): void {
  isClustered = true;
}

/** From now on this instance hands its objects over. */
export function leave(): void {
  hasBegun = true;
}

/** Calls `end` after a time, or when the instance leaves. Returns what must be called when it is over. */
export function startWait(end: () => void, timeoutMs: number): () => void {
  if (!isClustered) {
    const timer = setTimeout(end, timeoutMs);
    return () => clearTimeout(timer);
  }
  let timer: ReturnType<typeof setTimeout>;
  const wait = (leftMs: number) => {
    const pauseMs = Math.min(leftMs, lookMs);
    timer = setTimeout(() => {
      if (leftMs <= pauseMs || hasBegun) end();
      else wait(leftMs - pauseMs);
    }, pauseMs);
  };
  wait(timeoutMs);
  return () => clearTimeout(timer);
}
