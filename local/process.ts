/**
 * Which process a number means. Numbers are given out again, so a number that was written down may be
 * another program's by now; together with the time at which the process began it is the same one or none.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** When the process began, as the system says it; undefined when it does not run. */
export function startOf(pid: number): string | undefined {
  if (pid <= 0 || !isRunning(pid)) return undefined;
  return existsSync("/proc/self/stat") ? startByProc(pid) : startByPs(pid);
}

/** Whether a process with this number runs, be it another user's. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Clock ticks since the system began (proc_pid_stat(5), field 22), and which beginning that was. */
function startByProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    // Field 3 is the first here. A process that has ended and is not noted yet runs no more.
    return fields[0] === "Z" ? undefined : `${fields[19]} after boot ${boot}`;
  } catch {
    return undefined;
  }
}

function startByPs(pid: number): string | undefined {
  const { stdout } = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
  return stdout?.trim() || undefined;
}
