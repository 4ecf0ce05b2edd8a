// Processor time of the measured servers, as Linux counts it. Unlike a rate it hardly depends on
// other load on the machine. On other systems it is not known.

import { readFileSync } from "node:fs";

/** The kernel counts user and system time in hundredths of a second (proc_pid_stat(5), USER_HZ). */
const tickMs = 10;

/** Milliseconds that the processes have used so far; undefined where the system does not tell. */
export function readCpuMs(pids: readonly number[]): number | undefined {
  try {
    const all = pids.map(readProcess);
    return all.reduce((sum, ms) => sum + ms, 0);
  } catch {
    return undefined;
  }
}

function readProcess(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name in parentheses may hold anything; utime and stime are the 12th and 13th after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}
