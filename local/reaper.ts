/**
 * Makes sure that workerd never outlives this process, even one that is killed with -9: an orphan
 * would keep writing to files that the next server opens. A shell waits on a pipe that only this
 * process holds; when the kernel closes the pipe, the shell kills workerd. It costs nothing while
 * it waits, and it is told to leave when workerd has ended first.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";

// `read` fails at the end of the pipe and succeeds on the word of release.
const script = 'read -r word || { kill -9 "$1"; [ -z "$2" ] || rm -rf -- "$2"; }';

/**
 * Kills `child` as soon as this process is gone, however it went, and then removes
 * `temporaryFolder` when one is given.
 */
export function reapWithUs(child: ChildProcess, temporaryFolder = ""): void {
  // A session of its own, so that no signal meant for the server's terminal ends the watch.
  const shell = spawn("sh", ["-c", script, "millrace-reaper", String(child.pid), temporaryFolder], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const pipe = shell.stdin;
  const release = () => pipe.end("release\n");
  pipe.on("error", () => pipe.destroy());
  shell.once("error", (error) =>
    console.error(`millrace: no watch over workerd: ${error.message}`),
  );
  child.once("exit", release);
  shell.unref();
  if (pipe instanceof Socket) pipe.unref();
}
