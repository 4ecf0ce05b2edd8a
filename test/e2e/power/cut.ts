// A loss of power, as a data folder knows it: the server and its workerd are stopped in the middle of
// whatever they do, and only what has been synced is carried over into a new folder. A file that was not
// synced is empty or missing there, at random, as file systems have it; so is everything below a folder
// whose name was not. What SQLite writes it syncs by itself, commit by commit; its files are taken as
// they are, provided that their folder is there.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Random } from "../../engine/random.ts";
import type { Server } from "../server.ts";
import type { Sync } from "./recorder.ts";

/** What is on the disk for good. */
export interface Disk {
  inodes: Set<number>;
  /** Names by folder. */
  names: Map<string, Set<string>>;
}

/** A disk with what a folder has now, or with nothing when it is not there. */
export function diskWith(folder: string): Disk {
  const disk: Disk = { inodes: new Set(), names: new Map() };
  if (existsSync(folder)) addFolder(disk, folder);
  return disk;
}

/** Stops the server, and copies what would be left of its data. Nothing runs afterwards. */
export async function cutPower(
  server: Server,
  log: string,
  disk: Disk,
  to: string,
  random: Random,
): Promise<void> {
  const pids = [...server.workerdPids, server.pid];
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  addSyncs(disk, log);
  if (has(disk, server.data)) copyFolder(disk, server.data, to, server.data, random);
  for (const pid of pids) process.kill(pid, "SIGKILL");
  await server.kill9();
}

function copyFolder(disk: Disk, from: string, to: string, root: string, random: Random): void {
  mkdirSync(to, { recursive: true });
  const isSqlite = relative(root, from).startsWith("do/");
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    const isNamed = isSqlite || has(disk, source);
    if (entry.isDirectory()) {
      if (isNamed) copyFolder(disk, source, target, root, random);
    } else if (isNamed && (isSqlite || disk.inodes.has(statSync(source).ino))) {
      copyFileSync(source, target);
    } else if (random.chance(0.5)) {
      writeFileSync(target, "");
    }
  }
}

function has(disk: Disk, path: string): boolean {
  return disk.names.get(dirname(path))?.has(path.slice(dirname(path).length + 1)) === true;
}

function addSyncs(disk: Disk, log: string): void {
  if (!existsSync(log)) return;
  for (const line of readFileSync(log, "utf8").trimEnd().split("\n")) {
    const sync = JSON.parse(line) as Sync;
    if ("inode" in sync) disk.inodes.add(sync.inode);
    else addNames(disk, sync.folder, sync.names);
  }
}

function addFolder(disk: Disk, folder: string): void {
  addNames(disk, dirname(folder), readdirSync(dirname(folder)));
  const entries = readdirSync(folder, { withFileTypes: true });
  addNames(
    disk,
    folder,
    entries.map(({ name }) => name),
  );
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) addFolder(disk, path);
    else disk.inodes.add(statSync(path).ino);
  }
}

function addNames(disk: Disk, folder: string, names: readonly string[]): void {
  const known = disk.names.get(folder) ?? new Set();
  for (const name of names) known.add(name);
  disk.names.set(folder, known);
}
