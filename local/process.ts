/**
 * Identifies a process by its number and start time. The system reuses numbers, so a stored number
 * may belong to another program later. With the start time it is the same process or none.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { errorCode } from "./failure.ts";

/** The start time of the process as the system prints it; undefined if it does not run. */
export function startOf(pid: number): string | undefined {
  if (pid <= 0 || !isRunning(pid)) return undefined;
  return existsSync("/proc/self/stat") ? startByProc(pid) : startByPs(pid);
}

/** True if a process with this number runs, also one of another user. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

/**
 * Clock ticks from the boot of the system to the start of the process (proc_pid_stat(5), field 22),
 * with the id of the boot.
 */
function startByProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    // The first field here is field 3. A process that has ended and was not waited for does not
    // run.
    return fields[0] === "Z" ? undefined : `${fields[19]} after boot ${boot}`;
  } catch {
    return undefined;
  }
}

function startByPs(pid: number): string | undefined {
  const { stdout } = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
  return stdout?.trim() || undefined;
}
