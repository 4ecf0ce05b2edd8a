/**
 * Makes sure that workerd never outlives this process, even after kill -9: an orphan would keep
 * writing to files that the next server opens. A shell waits on a pipe that only this process
 * holds. When the kernel closes the pipe, the shell kills workerd. It uses no processor time while
 * it waits, and it is told to end when workerd has ended first.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";

// `read` fails at the end of the pipe, and succeeds when this process writes the release line.
const script = 'read -r word || { kill -9 "$1"; [ -z "$2" ] || rm -rf -- "$2"; }';

/**
 * Kills `child` as soon as this process has ended, for whatever reason, then deletes
 * `temporaryFolder` if given.
 */
export function reapWithUs(child: ChildProcess, temporaryFolder = ""): void {
  // The shell has its own session, so that signals to the server's terminal do not end it.
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
