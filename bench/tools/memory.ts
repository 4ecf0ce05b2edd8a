// Memory of the measured servers, as Linux counts it: what their processes have in RAM. On other systems it is
// not known.

import { readFileSync } from "node:fs";

/** Megabytes (10^6 bytes) that the processes have; undefined where the system does not tell. */
export function readMegabytes(pids: readonly number[]): number | undefined {
  try {
    return pids.reduce((sum, pid) => sum + residentBytes(pid) / 1e6, 0);
  } catch {
    return undefined;
  }
}

/** VmRSS of proc_pid_status(5), which counts in KiB. */
function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  if (kibibytes === undefined) throw new Error(`process ${pid} has no memory`);
  return Number(kibibytes) * 1024;
}
