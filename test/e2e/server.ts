/**
 * Starts the real local server as a child process, for tests that talk to it, stop it or kill it,
 * and for scripts.
 * A server is ready when its banner is there; what it wrote is in the message of every failure.
 * `await using` ends what a test leaves running.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const root = resolve(import.meta.dirname, "..", "..");
const node = join(root, "node_modules", ".bin", "node");
const main = join(root, "command", "main.ts");

/** The engine may have to be compiled first. */
const startMsMax = 100_000;

/**
 * No file of the suite needs a server for longer, also on a machine that is busy with other work. One
 * that hangs is killed. SERVER_MS_MAX is for longer runs by hand.
 */
const runMsMax = Number(process.env["SERVER_MS_MAX"] ?? 400_000);

/** The reaper needs milliseconds, once it gets its turn. */
const goneMsMax = 60_000;

export interface ServerOptions {
  /** The data folder; a new one that is removed with the server when left out. */
  data?: string;
  /** A free port when left out. */
  port?: number;
  env?: Record<string, string>;
  flags?: string[];
  /** When it is killed at the latest, in milliseconds. */
  runMs?: number;
}

export interface Ended {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Server extends AsyncDisposable {
  endpoint: string;
  pid: number;
  data: string;
  banner: string;
  /** The workerd processes behind this server. */
  workerdPids: number[];
  /** Resolves when it has ended, whoever ended it. */
  ended: Promise<Ended>;
  /** Resolves when it has written this to stderr. */
  untilStderr(pattern: RegExp): Promise<void>;
  /** Asks it to stop, with SIGTERM unless told otherwise, and waits until it has. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
  /** Kills the server itself, and nothing else, with no chance to tidy up. */
  kill9(): Promise<Ended>;
}

export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const { port = 0, env = {}, flags = [] } = options;
  const inMemory = flags.includes("--memory");
  const ownFolder =
    options.data === undefined && !inMemory
      ? mkdtempSync(join(tmpdir(), "millrace-test-"))
      : undefined;
  const data = options.data ?? ownFolder;
  const dataFlags = data === undefined ? [] : ["--data", data];
  const child = run(["--port", String(port), ...dataFlags, ...flags], env, options.runMs);
  const banner = await readBanner(child);
  const pid = child.process.pid ?? 0;
  const folder = bannerValue(banner, "data").replace(/, (deleted at the end|a copy of .*)$/, "");
  const workerdPids = [readRuntimePid(folder)];
  const end = async (signal: NodeJS.Signals) => {
    child.process.kill(signal);
    return await child.ended;
  };
  return {
    endpoint: bannerValue(banner, "endpoint").replace(/ .*$/, ""),
    pid,
    data: folder,
    banner,
    workerdPids,
    ended: child.ended,
    untilStderr: (pattern) => child.untilStderr(pattern),
    stop: (signal = "SIGTERM") => end(signal),
    kill9: () => end("SIGKILL"),
    async [Symbol.asyncDispose]() {
      await end("SIGKILL");
      await Promise.all(workerdPids.map((workerd) => untilGone(workerd)));
      if (ownFolder !== undefined) rmSync(ownFolder, { recursive: true, force: true });
    },
  };
}

/** Runs the server to its end: for command lines that start nothing. */
export async function runToEnd(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  return await run(args, env).ended;
}

/** Resolves when no process has this pid any more. */
export async function untilGone(pid: number): Promise<void> {
  const deadlineMs = performance.now() + goneMsMax;
  while (isRunning(pid)) {
    if (performance.now() > deadlineMs) throw new Error(`process ${pid} is still there`);
    await delay(5);
  }
}

/** A process that has ended and waits to be noted by its parent does not run. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const status = `/proc/${pid}/status`;
    return !existsSync(status) || !/^State:\s+Z/m.test(readFileSync(status, "utf8"));
  } catch {
    return false;
  }
}

interface Running {
  process: ChildProcess;
  ended: Promise<Ended>;
  untilStderr(pattern: RegExp): Promise<void>;
}

function run(args: string[], env: Record<string, string>, runMs = runMsMax): Running {
  return follow(
    spawn(node, [main, ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: runMs,
      killSignal: "SIGKILL",
    }),
  );
}

/** Collects what a process writes until it has ended. */
export function follow(child: ChildProcess): Running {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (text: Buffer) => (stdout += text.toString()));
  child.stderr?.on("data", (text: Buffer) => (stderr += text.toString()));
  const ended = new Promise<Ended>((done, fail) => {
    child.once("error", fail);
    child.once("close", (exitCode, signal) => done({ exitCode, signal, stdout, stderr }));
  });
  const untilStderr = async (pattern: RegExp) => {
    while (!pattern.test(stderr)) {
      if (child.exitCode !== null) throw new Error(`it ended without ${pattern}:\n${stderr}`);
      await once(child.stderr ?? child, "data");
    }
  };
  return { process: child, ended, untilStderr };
}

/** Resolves with the banner; rejects when the process ends before it, or never prints it. */
export async function readBanner({ process: child, ended }: Running): Promise<string> {
  return await new Promise((done, fail) => {
    let text = "";
    const timer = setTimeout(() => fail(new Error(`no banner in time:\n${text}`)), startMsMax);
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (!/^ {2}stop .*\n/m.test(text)) return;
      clearTimeout(timer);
      done(text);
    });
    ended.then(({ exitCode, stdout, stderr }) => {
      clearTimeout(timer);
      fail(new Error(`the server ended with code ${exitCode}:\n${stdout}${stderr}`));
    }, fail);
  });
}

/** What the banner says behind a name, such as `endpoint`. */
export function bannerValue(banner: string, name: string): string {
  const value = new RegExp(`^ {2}${name} +(.*)$`, "m").exec(banner)?.[1];
  if (value === undefined) throw new Error(`the banner names no ${name}:\n${banner}`);
  return value;
}

/** The workerd that was started last on the folder. */
export function readRuntimePid(folder: string): number {
  const file = join(folder, "owner.json");
  if (!existsSync(file)) throw new Error(`${file} is missing`);
  const owner: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (typeof owner === "object" && owner !== null && "runtimePid" in owner) {
    return Number(owner.runtimePid);
  }
  throw new Error(`${file} names no workerd`);
}
