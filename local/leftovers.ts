/**
 * What nobody would ever remove from a data folder: call these while no workerd runs on it.
 */
import { existsSync, readdirSync, rmdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { errorCode } from "./failure.ts";

/**
 * workerd's file service writes a body beside the file that it is to be, and renames it when it is whole; a
 * kill in between leaves that behind. It never shows as an object.
 */
const leftover = /^\..+\.\d+\.\d+\.tmp$/;

const database = /^[0-9a-f]{64}\.sqlite$/;

/** An empty database is one page. */
const emptyBytesMax = 4096;

/** Removes bodies that were never whole, and folders of the bucket that nothing is in any more. */
export function removeLeftovers(folder: string): void {
  if (!existsSync(folder)) return;
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const folders: string[] = [];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) folders.push(path);
    else if (entry.isFile() && leftover.test(entry.name)) rmSync(path, { force: true });
  }
  // Those within others first.
  for (const path of folders.toSorted((a, b) => b.length - a.length)) removeEmptyFolder(path);
}

/**
 * Removes databases without a table: workerd leaves one of each object that has deleted all it had, and of
 * each that was asked for and never was.
 */
export function removeEmptyDatabases(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => database.test(each))) {
    const path = join(folder, name);
    if (statSync(path).size > emptyBytesMax || !isEmpty(path)) continue;
    for (const part of [path, `${path}-wal`, `${path}-shm`]) rmSync(part, { force: true });
  }
}

/** What a killed workerd has written last is in the log beside it, which is read too. */
function isEmpty(path: string): boolean {
  const file = new DatabaseSync(path);
  try {
    return file.prepare("SELECT 1 FROM sqlite_master").get() === undefined;
  } catch {
    // Whatever it is, it is not for us to remove.
    return false;
  } finally {
    file.close();
  }
}

function removeEmptyFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (errorCode(error) !== "ENOTEMPTY" && errorCode(error) !== "EEXIST") throw error;
  }
}
