/**
 * Syncs files and folders, so that they survive a loss of power. After a write, the bytes of a file
 * and its name in the folder are in the operating system's memory. Each is on the disk only after a
 * sync, and the name of a folder is stored in the folder above it. SQLite syncs its own files. All
 * other files of the data folder that must survive are synced here.
 */
import { mkdirSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "./failure.ts";

/**
 * Some file systems cannot sync folders, and this user may not be allowed to read a folder above
 * ours.
 */
const unsyncable: ReadonlySet<string> = new Set(["EACCES", "EINVAL", "ENOTSUP", "EPERM"]);

/** Resolves when the file's bytes are on the disk, whichever process wrote them. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Resolves when the names in the folder are on the disk, as far as the file system supports it. */
export async function syncFolder(path: string): Promise<void> {
  try {
    await syncFile(path);
  } catch (error) {
    if (!cannotSync(error)) throw error;
  }
}

/** True if an error says that this folder cannot be synced, and need not be. */
export function cannotSync(error: unknown): boolean {
  return unsyncable.has(errorCode(error));
}

/**
 * Makes the folder and the missing folders above it. Returns those that it made, the upper ones
 * first. Node's `mkdir` with `recursive` never returns where the system refuses with ENOENT, as in
 * /proc.
 */
export function makeFolder(path: string): string[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return [];
  const made = stats === undefined ? makeFolder(dirname(path)) : [];
  // Only the owner may read what is stored.
  mkdirSync(path, 0o700);
  return [...made, path];
}

/** As `makeFolder`. Resolves when the folder is on the disk, also if it existed before. */
export async function keepFolder(path: string): Promise<void> {
  const parents = new Set([...makeFolder(path), path].map((made) => dirname(made)));
  for (const parent of parents) await syncFolder(parent);
}
