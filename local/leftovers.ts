/**
 * Removes files from a data folder that no other code removes. Call it only while no workerd uses
 * the folder.
 */
import { existsSync, readdirSync, rmdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "./failure.ts";
import { openDatabase } from "./sqlite.ts";

/**
 * workerd's file service writes a body beside its final file and renames it when it is complete. A
 * kill before the rename leaves the first file. It is never visible as an object.
 */
const leftover = /^\..+\.\d+\.\d+\.tmp$/;

const database = /^[0-9a-f]{64}\.sqlite$/;

/** Size of an empty database: one page. */
const emptyBytesMax = 4096;

/** Removes incomplete bodies, and empty folders of the bucket. */
export function removeLeftovers(folder: string): void {
  if (!existsSync(folder)) return;
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const folders: string[] = [];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) folders.push(path);
    else if (entry.isFile() && leftover.test(entry.name)) rmSync(path, { force: true });
  }
  // Inner folders first.
  for (const path of folders.toSorted((a, b) => b.length - a.length)) removeEmptyFolder(path);
}

/**
 * Removes databases without a table. workerd leaves one for each object that deleted all its data,
 * and for each object that was called and never wrote.
 */
export function removeEmptyDatabases(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => database.test(each))) {
    const path = join(folder, name);
    if (statSync(path).size > emptyBytesMax || !isEmpty(path)) continue;
    for (const part of [path, `${path}-wal`, `${path}-shm`]) rmSync(part, { force: true });
  }
}

/**
 * The last writes of a killed workerd are in the log beside the database, which SQLite reads too.
 */
function isEmpty(path: string): boolean {
  const file = openDatabase(path);
  try {
    return file.prepare("SELECT 1 FROM sqlite_master").get() === undefined;
  } catch {
    // Not a database that this code knows: leave it.
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
