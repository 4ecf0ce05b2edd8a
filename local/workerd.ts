/**
 * Starts one workerd process and tells when it listens. It is deaf to Ctrl-C and to a closing
 * terminal, which send their signals to every process on it: when to stop, and what may finish
 * first, is for the server above to say. What it creates can be read by its owner only. Its log and
 * its complaints are given on line by line.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

const script = `trap '' INT HUP; umask 077; exec "$0" "$@"`;

export interface WorkerdLog {
  level: string;
  message: string;
}

/** The name of the inspector's port. */
export const inspectorSocket = "inspector";

export interface WorkerdOptions {
  /** The configuration, as renderConfig writes it. */
  config: string;
  /** How many sockets it describes. */
  socketCount: number;
  /** True to open the inspector, on a free port of the loopback address. */
  inspect?: boolean;
  /** Where the configuration is written while workerd reads it: it may hold access keys. */
  scratch: string;
  log: (entry: WorkerdLog) => void;
  /** Called as soon as the process runs. */
  onSpawn: (child: ChildProcess) => void;
}

export interface Workerd {
  child: ChildProcess;
  /** The ports of its sockets, by their names, and of the inspector if it is open. */
  ports: ReadonlyMap<string, number>;
}

/** Resolves when workerd listens. Rejects, with what it said, when it ends before. */
export async function startWorkerd(options: WorkerdOptions): Promise<Workerd> {
  const file = join(options.scratch, `workerd-${process.pid}-${Date.now()}.capnp`);
  writeFileSync(file, options.config, { mode: 0o600 });
  try {
    return await run(file, options);
  } finally {
    rmSync(file, { force: true });
  }
}

async function run(file: string, options: WorkerdOptions): Promise<Workerd> {
  const { socketCount, inspect = false, log, onSpawn } = options;
  const inspector = inspect ? ["--inspector-addr=127.0.0.1:0"] : [];
  const args = ["serve", "--experimental", "--control-fd=3", ...inspector, file];
  const child = spawn("sh", ["-c", script, binaryPath(), ...args], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: { ...process.env, TZ: "UTC" },
  });
  const said: string[] = [];
  let isReady = false;
  const take = (entry: WorkerdLog) => {
    if (isReady) log(entry);
    else said.push(entry.message);
  };
  for (const stream of [child.stdout, child.stderr]) {
    const takeUnlessNoise = withoutNoise(take);
    eachLine(stream, (line) => takeUnlessNoise(parse(line)));
  }
  child.once("spawn", () => onSpawn(child));
  const ports = new Map<string, number>();
  await new Promise<void>((done, fail) => {
    child.once("error", fail);
    child.once("close", (code, signal) => {
      fail(new Error(said.join("; ") || `it ended at once (${signal ?? `code ${code}`})`));
    });
    eachLine(child.stdio[3] as Readable, (line) => {
      ports.set(...readPort(line));
      if (ports.size === socketCount + inspector.length) done();
    });
  });
  isReady = true;
  // It ends with this process in any case (reaper.ts), and must not keep it alive.
  child.unref();
  for (const stream of child.stdio) if (stream instanceof Socket) stream.unref();
  return { child, ports };
}

/** The program in the package `workerd` that is for this machine. */
function binaryPath(): string {
  const program: unknown = createRequire(import.meta.url)("workerd").default;
  return String(program);
}

function eachLine(stream: Readable | null, take: (line: string) => void): void {
  if (stream !== null) createInterface(stream).on("line", take);
}

/** `{"event":"listen","socket":"direct","port":N}`, or `{"event":"listen-inspector","port":N}` */
function readPort(line: string): [socket: string, port: number] {
  const { socket, port }: { socket?: string; port: number } = JSON.parse(line);
  return [socket ?? inspectorSocket, port];
}

/** Lines of workerd's log are JSON; a crash writes others. */
function parse(line: string): WorkerdLog {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry === "object" && entry !== null && "level" in entry && "message" in entry) {
      return { level: String(entry.level), message: String(entry.message) };
    }
  } catch {
    // Not JSON.
  }
  return { level: "error", message: line };
}

/** Takes what is no noise, nor the stack of calls below some. */
function withoutNoise(take: (entry: WorkerdLog) => void): (entry: WorkerdLog) => void {
  let isDropping = false;
  return (entry) => {
    const { message } = entry;
    isDropping = isNoise(message) || (isDropping && /^ +at /.test(message));
    if (!isDropping) take(entry);
  };
}

/**
 * What helps only those who debug workerd: traces made of addresses, and why they are; and that a client left
 * whose request waited for what another one does (stream/jointAppends.ts, stream/liveFeed.ts).
 */
function isNoise(message: string): boolean {
  return (
    message === "" ||
    message.includes("A promise was resolved or rejected from a different request context") ||
    message.includes("dropped queued cross-context actions") ||
    message.includes("$LLVM_SYMBOLIZER is not set") ||
    /stack:( (0|[a-f\d]{4,})){3,}/.test(message)
  );
}
