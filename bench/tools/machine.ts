// Whether the machine is busy with other work. The load average is too slow to tell, and contains the
// build that ran just before; so processors are observed for a moment.

import { cpus } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

const observedMs = 600;
/** Parts of all cores that other work may take before figures are doubtful. */
const busyShareMax = 0.1;

/** A line that warns of other work on this machine, or undefined. Observes it for 0.6 s. */
export async function findOtherWork(): Promise<string | undefined> {
  const before = readTimes();
  await delay(observedMs);
  const after = readTimes();
  const busy = after.busyMs - before.busyMs;
  return describeOtherWork(busy / (busy + after.idleMs - before.idleMs), cpus().length);
}

/** `busyShare`: parts of all cores, 0 to 1. */
export function describeOtherWork(busyShare: number, cores: number): string | undefined {
  if (!(busyShare > busyShareMax)) return undefined;
  const busyCores = (busyShare * cores).toFixed(1);
  return (
    `warning: other work keeps ${busyCores} of ${cores} cores busy; ` +
    "rates and latencies will be worse than this machine's, and spreads wider"
  );
}

function readTimes(): { busyMs: number; idleMs: number } {
  let [busyMs, idleMs] = [0, 0];
  for (const { times } of cpus()) {
    busyMs += times.user + times.nice + times.sys + times.irq;
    idleMs += times.idle;
  }
  return { busyMs, idleMs };
}
