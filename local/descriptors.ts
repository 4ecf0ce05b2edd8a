/**
 * How many connections the system's limit of open files allows. Each takes a descriptor here, one more for
 * the way to workerd and one there; workerd also has three for each object that is awake, and both
 * processes die or go deaf when they have none left. So connections get at most half of the limit there.
 */
import { spawnSync } from "node:child_process";

/** For everything that is no connection: the lock, the pipes, Miniflare's own sockets. */
const ownDescriptors = 128;

/** Clients, tunnels and the bridge's connections here: three; a fourth part stays free. */
const descriptorsEach = 4;

const connectionsMin = 16;

/** More than anybody's tests open; each may take a megabyte of windows and buffers. */
const connectionsMost = 8192;

/** What macOS gives a process that has no limit of its own (kern.maxfilesperproc, at least). */
const unlimited = 10_240;

/** Clients that may be connected at once. */
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
