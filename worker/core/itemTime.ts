// Times of objects, in whole seconds and nanoseconds as v3io shows them.
import type { ItemTime } from "./itemTypes.ts";

const nanosecondsPerSecond = 1_000_000_000;
export const nanosecondsPerMs = 1_000_000;

/** A time in milliseconds as the time of an object. */
export function itemTimeAt(timeMs: number): ItemTime {
  return { seconds: Math.floor(timeMs / 1000), nanoseconds: (timeMs % 1000) * nanosecondsPerMs };
}

export function later(a: ItemTime, b: ItemTime): ItemTime {
  return isLater(a, b) ? a : b;
}

export function isLater(a: ItemTime, b: ItemTime): boolean {
  return a.seconds === b.seconds ? a.nanoseconds > b.nanoseconds : a.seconds > b.seconds;
}

export function justAfter({ seconds, nanoseconds }: ItemTime): ItemTime {
  const next = nanoseconds + 1;
  return next < nanosecondsPerSecond
    ? { seconds, nanoseconds: next }
    : { seconds: seconds + 1, nanoseconds: 0 };
}
