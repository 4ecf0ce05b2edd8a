// The servers that are measured: started as child processes on free loopback ports with a folder of
// their own on a disk, ready when they say so or when their port answers, and ended with the run,
// however it ends.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Address } from "./wire.ts";

export interface Command {
  program: string;
  args: readonly string[];
  cwd?: string;
  env?: Record<string, string>;
}

export interface Server extends AsyncDisposable {
  address: Address;
  pid: number;
  /** What it has printed. */
  output(): string;
}

export const root = resolve(import.meta.dirname, "..", "..");
export const node = process.execPath;
const startMsMax = 60_000;
const stopMsMax = 4000;

/** Type of a file system in memory (statfs(2), TMPFS_MAGIC). */
const tmpfs = 0x01021994;

const running = new Set<ChildProcess>();
const folders = new Set<string>();

/** A new folder on a disk, under `parent`; it is removed when it is disposed of. */
export function makeDataFolder(parent = join(root, "build")): { path: string } & Disposable {
  mkdirSync(parent, { recursive: true });
  if (statfsSync(parent).type === tmpfs)
    throw new Error(`${parent} is in memory, and durability is the point: pass --data DIR`);
  const path = mkdtempSync(join(parent, "bench-"));
  folders.add(path);
  return { path, [Symbol.dispose]: () => removeFolder(path) };
}

/** Starts a server that prints its address, which `ready` finds as its first group. */
export async function startAndRead(command: Command, ready: RegExp): Promise<Server> {
  const { child, output } = start(command);
  const found = await untilReady(child, output, () => ready.exec(output())?.[1]);
  const { hostname, port } = new URL(found);
  return asServer(child, output, { host: hostname, port: Number(port) });
}

/** Starts a server on a port that it is told. */
export async function startOnPort(makeCommand: (port: number) => Command): Promise<Server> {
  const port = await findFreePort();
  const { child, output } = start(makeCommand(port));
  const address = { host: "127.0.0.1", port };
  await untilReady(child, output, async () => ((await answers(address)) ? true : undefined));
  return asServer(child, output, address);
}

export async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === "object" && address !== null ? address.port : 0;
}

function start({ program, args, cwd = root, env = {} }: Command) {
  endWithUs();
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  child.once("close", () => running.delete(child));
  let text = "";
  child.stdout.on("data", (part: Buffer) => (text += part.toString()));
  child.stderr.on("data", (part: Buffer) => (text += part.toString()));
  child.once("error", (error) => (text += error.message));
  return { child, output: () => text };
}

async function untilReady<T>(
  child: ChildProcess,
  output: () => string,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const endMs = performance.now() + startMsMax;
  // A program that is not there has no pid.
  while (child.pid !== undefined && child.exitCode === null && performance.now() < endMs) {
    const found = await look();
    if (found !== undefined) return found;
    await delay(20);
  }
  await end(child);
  throw new Error(`${child.spawnargs.join(" ")} does not start:\n${output()}`);
}

function asServer(child: ChildProcess, output: () => string, address: Address): Server {
  return { address, pid: child.pid ?? 0, output, [Symbol.asyncDispose]: () => end(child) };
}

async function answers({ host, port }: Address): Promise<boolean> {
  return await new Promise((done) => {
    const socket = connect({ host, port });
    socket.once("connect", () => done(true)).once("error", () => done(false));
    socket.once("connect", () => socket.destroy());
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (!running.has(child) || child.pid === undefined) return;
  const ended = new Promise((done) => child.once("close", done));
  child.kill("SIGTERM");
  const last = setTimeout(() => child.kill("SIGKILL"), stopMsMax);
  await ended;
  clearTimeout(last);
}

/** Once: on the way out, whatever the reason, takes along what is running and what it wrote. */
function endWithUs(): void {
  if (process.listeners("exit").includes(tidy)) return;
  process.once("exit", tidy);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => process.exit(130));
}

function tidy(): void {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders) removeFolder(folder);
}

function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  folders.delete(path);
}
