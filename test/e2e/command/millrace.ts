/** Runs commands of `millrace` as a user does: a process, with arguments, stdin and an environment. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..", "..", "..");
const node = join(root, "node_modules", ".bin", "node");
const main = join(root, "command", "main.ts");

export interface Ended {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface Started {
  /** What it has printed on stdout so far. */
  stdout(): string;
  /** Resolves with stdout when it has this many lines. Rejects if the command ends before. */
  untilLines(count: number): Promise<string[]>;
  kill(signal: NodeJS.Signals): void;
  /** Goes away as the reader of stdout. */
  closeStdout(): void;
  ended: Promise<Ended>;
}

export interface Millrace {
  run(args: string[], input?: string | Uint8Array): Promise<Ended>;
  start(args: string[], input?: string | Uint8Array): Started;
  /** Runs with an open file as stdout; `stdout` of the result is empty. */
  runInto(file: number, args: string[]): Promise<Ended>;
}

/** Commands that talk to `endpoint`; nothing of the machine's own AWS configuration is used. */
export function millraceAt(endpoint: string, others: Record<string, string> = {}): Millrace {
  const env = {
    PATH: process.env["PATH"],
    HOME: "/nowhere",
    AWS_ENDPOINT_URL: endpoint,
    ...others,
  };
  const start = (args: string[], input: string | Uint8Array = ""): Started => {
    const child = spawn(node, [main, ...args], { cwd: root, env });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    const ended = new Promise<Ended>((done, fail) => {
      child.once("error", fail);
      child.once("close", (exitCode) => done({ exitCode, stdout, stderr }));
    });
    const untilLines = async (count: number): Promise<string[]> =>
      await new Promise((done, fail) => {
        const look = (): void => {
          const lines = stdout.split("\n").slice(0, -1);
          if (lines.length >= count) done(lines);
        };
        child.stdout.on("data", look);
        look();
        ended.then(() => {
          look();
          fail(new Error(`it ended before line ${count}:\n${stdout}${stderr}`));
        }, fail);
      });
    return {
      stdout: () => stdout,
      untilLines,
      kill: (signal) => void child.kill(signal),
      closeStdout: () => child.stdout.destroy(),
      ended,
    };
  };
  const runInto = async (file: number, args: string[]): Promise<Ended> => {
    const child = spawn(node, [main, ...args], { cwd: root, env, stdio: ["ignore", file, "pipe"] });
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const [exitCode] = (await once(child, "close")) as [number | null];
    return { exitCode, stdout: "", stderr };
  };
  return { start, run: async (args, input) => await start(args, input).ended, runInto };
}
