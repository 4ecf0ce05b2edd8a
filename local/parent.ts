/**
 * Notices that another process has ended, which the system tells only to its parent: looks twice a
 * second whether it still is the same process. So a server ends with the program that started it,
 * also if that was killed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { startOf } from "./process.ts";

const lookEveryMs = 500;

/** Programs that only run another one for npm. */
const shells: ReadonlySet<string> = new Set(["sh", "dash", "bash", "ash", "zsh", "ksh", "busybox"]);

/**
 * Calls `ended` once, when the process has ended; at once if it does not run. Does not keep this
 * process alive. A pid that is given to another program meanwhile counts as ended.
 */
export function watchProcess(pid: number, ended: () => void): void {
  const start = startOf(pid);
  if (start === undefined) {
    ended();
    return;
  }
  const timer = setInterval(() => {
    if (startOf(pid) === start) return;
    clearInterval(timer);
    ended();
  }, lookEveryMs).unref();
}

/** The process that started this one with a flag, for Node 22.12 (package/main.ts); undefined elsewhere. */
export function findLauncher(): number | undefined {
  const { LAUNCHED_BY_MILLRACE: pid } = process.env;
  return pid === String(process.ppid) ? process.ppid : undefined;
}

/**
 * The npm that runs this process as its foreground program: `npm start` in a clone, or `npx`.
 * Undefined if this process was started in another way.
 */
export function findNpm(): number | undefined {
  const { npm_command: command, npm_lifecycle_event: script } = process.env;
  if (command !== "exec" && script !== "start") return undefined;
  const launcher = findLauncher();
  let pid = process.ppid;
  while (pid > 1) {
    const { parent, name } = readProcess(pid);
    if (!shells.has(name) && pid !== launcher) return pid;
    pid = parent;
  }
  return undefined;
}

function readProcess(pid: number): { parent: number; name: string } {
  if (!existsSync("/proc/self/stat")) return askPs(pid);
  try {
    // proc_pid_stat(5): the name in brackets, the state, the parent.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const end = stat.lastIndexOf(")");
    const [, parent] = stat.slice(end + 2).split(" ");
    return { parent: Number(parent), name: stat.slice(stat.indexOf("(") + 1, end) };
  } catch {
    return { parent: 0, name: "" };
  }
}

function askPs(pid: number): { parent: number; name: string } {
  const { stdout } = spawnSync("ps", ["-o", "ppid=,comm=", "-p", String(pid)], {
    encoding: "utf8",
  });
  const [, parent = "0", name = ""] = /^\s*(\d+)\s+-?(.*?)\s*$/.exec(stdout ?? "") ?? [];
  return { parent: Number(parent), name: basename(name) };
}
