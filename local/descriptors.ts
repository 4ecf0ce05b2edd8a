/**
 * How many connections the system's limit of open files allows. A connection takes a descriptor
 * here, a second one for the connection to workerd, and one in workerd. workerd also has three for
 * each active object. Both processes crash or stop accepting when they have no descriptor left. So
 * connections get at most half of workerd's limit.
 */
import { spawnSync } from "node:child_process";

/** Descriptors for everything else: the lock, the pipes, the Worker's requests to this process. */
const ownDescriptors = 128;

/**
 * A client takes up to three descriptors here: its own, the tunnel's and the bridge's. A quarter
 * stays free.
 */
const descriptorsEach = 4;

const connectionsMin = 16;

/** More than test suites open. Each connection may take a megabyte of windows and buffers. */
const connectionsMost = 8192;

/** The limit of a process on macOS that has none of its own (kern.maxfilesperproc, at least). */
const unlimited = 10_240;

/** How many clients may be connected at once. */
export function connectionsMaxFor(descriptors: number): number {
  const fit = Math.floor((descriptors - ownDescriptors) / descriptorsEach);
  return Math.min(connectionsMost, Math.max(connectionsMin, fit));
}

/** The limit of open files for this process and for those that it starts. */
export function readDescriptorLimit(): number {
  const { stdout } = spawnSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" });
  const limit = Number(stdout);
  return Number.isInteger(limit) && limit > 0 ? limit : unlimited;
}
