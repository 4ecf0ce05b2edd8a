/**
 * What must outlive a loss of power. Writing a file leaves its bytes, and its name in its folder, in the
 * memory of the operating system: each is on the disk only once it has been synced, and a folder's own
 * name is kept by the folder above it. SQLite does this for its own files; everything else of the data
 * folder that matters is synced through here.
 */
import { mkdirSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "./failure.ts";

/** Some file systems do not sync folders, and a folder above ours may not be ours to read. */
const unsyncable: ReadonlySet<string> = new Set(["EACCES", "EINVAL", "ENOTSUP", "EPERM"]);

/** Resolves when the file's bytes are on the disk, whoever wrote them. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Resolves when the names in the folder are on the disk, as far as its file system can do that. */
export async function syncFolder(path: string): Promise<void> {
  try {
    await syncFile(path);
  } catch (error) {
    if (!unsyncable.has(errorCode(error))) throw error;
  }
}

/**
 * Makes the folder and the missing ones above it; returns those that it made, the upper ones first.
 * `mkdir` of Node with `recursive` never returns where the system refuses with ENOENT, as in /proc.
 */
export function makeFolder(path: string): string[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return [];
  const made = stats === undefined ? makeFolder(dirname(path)) : [];
  mkdirSync(path);
  return [...made, path];
}

/** As `makeFolder`; resolves when the folder is on the disk, also one that was there. */
export async function keepFolder(path: string): Promise<void> {
  const parents = new Set([...makeFolder(path), path].map((made) => dirname(made)));
  for (const parent of parents) await syncFolder(parent);
}
