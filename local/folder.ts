/**
 * The data folder. One server uses it at a time; in memory mode it is temporary and deleted at the
 * end. The claim is a lock that the operating system holds for this process (SQLite's lock on an
 * empty file). So the lock ends with the process, also after kill -9, and no stale lock remains. A
 * second file names the process that holds the folder, for users and for the next server, which
 * waits until the workerd of a killed server has ended. Stored data may be secret, so only the
 * owner may read the folder and the files in it.
 */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { keepFolder } from "./disk.ts";
import { Failure, errorCode, messageOf } from "./failure.ts";
import { startOf } from "./process.ts";
import { openDatabase } from "./sqlite.ts";

/** The reaper needs milliseconds. If workerd still runs after this time, a user must look at it. */
const orphanWaitMs = 3000;

export interface DataFolder {
  path: string;
  /** Scratch space for this run, emptied at the start of each. */
  scratch: string;
  /** Records which workerd writes here now. */
  recordRuntime(pid: number): void;
  /** Releases the lock; deletes a temporary folder. */
  release(): void;
}

/** The server and its workerd, each with its start time. */
interface Owner {
  pid: number;
  start: string | undefined;
  runtimePid: number;
  runtimeStart: string | undefined;
}

/**
 * Makes the folder if needed and locks it for this process. Throws a Failure that names the holder
 * if another process has it.
 */
export function claimFolder(path: string): Promise<DataFolder> {
  return takeFolder(resolve(path), lockFolder);
}

async function takeFolder(
  folder: string,
  lockIt: (folder: string) => Pick<DatabaseSync, "close"> | undefined,
): Promise<DataFolder> {
  const scratch = join(folder, "tmp");
  try {
    await keepFolder(folder);
    withdrawRights(folder);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(folder, error);
  }
  const lock = lockIt(folder);
  try {
    await outliveOrphan(folder);
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch);
    writeOwner(folder, 0);
  } catch (error) {
    lock?.close();
    throw error instanceof Failure ? error : unusable(folder, error);
  }
  return {
    path: folder,
    scratch,
    recordRuntime(runtimePid) {
      try {
        writeOwner(folder, runtimePid);
      } catch (error) {
        // A full disk must not end a server that can still read.
        console.error(`millrace: ${ownerFile(folder)} is out of date: ${String(error)}`);
      }
    },
    release() {
      rmSync(ownerFile(folder), { force: true });
      rmSync(scratch, { recursive: true, force: true });
      lock?.close();
    },
  };
}

/**
 * Locks a folder that is there, and changes nothing in it. A folder that was never locked, or that
 * cannot be written, such as a copy on a read-only disk, needs no lock. Throws a Failure that names
 * the holder if a server has it.
 */
export async function holdFolder(path: string): Promise<Pick<DataFolder, "release">> {
  const folder = resolve(path);
  const lock = canLock(folder) ? lockFolder(folder) : undefined;
  await outliveOrphan(folder);
  return { release: () => lock?.close() };
}

function canLock(folder: string): boolean {
  try {
    accessSync(lockFile(folder), constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * A folder that `release` deletes; in memory where the system has a file system for that. It needs no
 * lock, because nobody else knows its name.
 */
export async function makeTemporaryFolder(): Promise<DataFolder> {
  const parent = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const folder = await takeFolder(mkdtempSync(join(parent, "millrace-")), () => undefined);
  return {
    ...folder,
    release() {
      folder.release();
      rmSync(folder.path, { recursive: true, force: true });
    },
  };
}

/**
 * Removes the rights of others on an existing folder. A folder of another user is left as it is.
 */
function withdrawRights(folder: string): void {
  const { uid, mode } = statSync(folder);
  if (uid === process.getuid?.() && (mode & 0o077) !== 0) chmodSync(folder, mode & 0o700);
}

function lockFolder(folder: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    const file = lockFile(folder);
    writeFileSync(file, "", { flag: "a", mode: 0o600 });
    database = openDatabase(file);
    database.exec("PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof Failure) throw error;
    if (/locked/.test(messageOf(error))) {
      const owner = readOwner(folder);
      const isKnown = owner?.start !== undefined && owner.start === startOf(owner.pid);
      const who = isKnown ? `the server with pid ${owner.pid}` : "another program";
      throw new Failure(`${folder} is in use by ${who}: stop it, or pass another --data folder`);
    }
    throw unusable(folder, error);
  }
}

/** Waits until the workerd of a killed server has ended. */
async function outliveOrphan(folder: string): Promise<void> {
  const { runtimePid: pid = 0, runtimeStart } = readOwner(folder) ?? {};
  if (runtimeStart === undefined) return;
  const deadlineMs = performance.now() + orphanWaitMs;
  for (;;) {
    if (startOf(pid) !== runtimeStart) return;
    if (performance.now() > deadlineMs) break;
    await delay(20);
  }
  const what = `${folder} is still open in workerd, pid ${pid}, whose server is gone`;
  throw new Failure(`${what}: end it with kill -9 ${pid}`);
}

function lockFile(folder: string): string {
  return join(folder, "lock");
}

function ownerFile(folder: string): string {
  return join(folder, "owner.json");
}

function writeOwner(folder: string, runtimePid: number): void {
  const { pid } = process;
  const owner: Owner = { pid, start: startOf(pid), runtimePid, runtimeStart: startOf(runtimePid) };
  // Renamed, so that a reader gets either the old file or the new one.
  const next = `${ownerFile(folder)}.next`;
  writeFileSync(next, `${JSON.stringify(owner)}\n`, { mode: 0o600 });
  renameSync(next, ownerFile(folder));
}

function readOwner(folder: string): Owner | undefined {
  try {
    const owner: unknown = JSON.parse(readFileSync(ownerFile(folder), "utf8"));
    if (typeof owner !== "object" || owner === null) return undefined;
    if (!("pid" in owner) || !("runtimePid" in owner)) return undefined;
    const { pid, runtimePid } = owner;
    if (typeof pid !== "number" || typeof runtimePid !== "number") return undefined;
    const start = "start" in owner ? textOf(owner.start) : undefined;
    const runtimeStart = "runtimeStart" in owner ? textOf(owner.runtimeStart) : undefined;
    return { pid, start, runtimePid, runtimeStart };
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function unusable(folder: string, error: unknown): Failure {
  const reasons: Record<string, string> = {
    EEXIST: "a file is in the way",
    ENOTDIR: "a file is in the way",
    EACCES: "no permission",
    EPERM: "no permission",
    EROFS: "a read-only file system",
    ENOSPC: "no space left",
  };
  const reason = reasons[errorCode(error)] ?? messageOf(error);
  return new Failure(`cannot keep data in ${folder} (${reason}): pass another folder, --data DIR`);
}
