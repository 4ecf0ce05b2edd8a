/**
 * The data folder: one server at a time, and nothing of it left behind in memory mode. The claim
 * is a lock that the operating system holds for this process (SQLite's, on an empty file), so it
 * ends with the process, also under kill -9, and there is no stale lock to clean up. A second
 * file says who holds the folder, for people and for the next server, which waits until the
 * workerd of a killed server is gone.
 */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { keepFolder } from "./disk.ts";
import { Failure, errorCode } from "./failure.ts";

/** The reaper needs milliseconds; a workerd that is there after this long is somebody's problem. */
const orphanWaitMs = 3000;

export interface DataFolder {
  path: string;
  /** Scratch space for this run, emptied at the start of each. */
  scratch: string;
  /** Notes which workerd writes here now. */
  recordRuntime(pid: number): void;
  /** Ends the claim; a temporary folder is removed. */
  release(): void;
}

interface Owner {
  pid: number;
  runtimePid: number;
}

/** Makes the folder when needed and claims it for this process, or says who has it. */
export async function claimFolder(path: string): Promise<DataFolder> {
  const folder = resolve(path);
  const scratch = join(folder, "tmp");
  try {
    await keepFolder(folder);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(folder, error);
  }
  const lock = lockFolder(folder);
  try {
    await outliveOrphan(folder);
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch);
    writeOwner(folder, { pid: process.pid, runtimePid: 0 });
  } catch (error) {
    lock.close();
    throw error instanceof Failure ? error : unusable(folder, error);
  }
  return {
    path: folder,
    scratch,
    recordRuntime: (runtimePid) => writeOwner(folder, { pid: process.pid, runtimePid }),
    release() {
      rmSync(ownerFile(folder), { force: true });
      rmSync(scratch, { recursive: true, force: true });
      lock.close();
    },
  };
}

/** A claimed folder that is gone after `release`; in memory where the system has a place for it. */
export async function makeTemporaryFolder(): Promise<DataFolder> {
  const parent = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const folder = await claimFolder(mkdtempSync(join(parent, "millrace-")));
  return {
    ...folder,
    release() {
      folder.release();
      rmSync(folder.path, { recursive: true, force: true });
    },
  };
}

function lockFolder(folder: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(folder, "lock"));
    database.exec("PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof Error && /locked/.test(error.message)) {
      const owner = readOwner(folder);
      const who = owner === undefined ? "another server" : `the server with pid ${owner.pid}`;
      throw new Failure(`${folder} is in use by ${who}: stop it, or pass another --data folder`);
    }
    throw unusable(folder, error);
  }
}

/** Waits until the workerd that a killed server left behind is gone. */
async function outliveOrphan(folder: string): Promise<void> {
  const pid = readOwner(folder)?.runtimePid ?? 0;
  const deadlineMs = performance.now() + orphanWaitMs;
  for (;;) {
    if (pid === 0 || !isWorkerd(pid)) return;
    if (performance.now() > deadlineMs) break;
    await delay(20);
  }
  throw new Failure(`${folder} is still open in workerd, pid ${pid}: end it with kill -9 ${pid}`);
}

/** Whether `pid` runs workerd; where there is no /proc to tell, whether it runs at all. */
function isWorkerd(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (!existsSync("/proc/self/cmdline")) return true;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("workerd");
  } catch {
    return false;
  }
}

function ownerFile(folder: string): string {
  return join(folder, "owner.json");
}

function writeOwner(folder: string, owner: Owner): void {
  writeFileSync(ownerFile(folder), `${JSON.stringify(owner)}\n`);
}

function readOwner(folder: string): Owner | undefined {
  try {
    const owner: unknown = JSON.parse(readFileSync(ownerFile(folder), "utf8"));
    if (typeof owner !== "object" || owner === null) return undefined;
    if (!("pid" in owner) || !("runtimePid" in owner)) return undefined;
    const { pid, runtimePid } = owner;
    return typeof pid === "number" && typeof runtimePid === "number"
      ? { pid, runtimePid }
      : undefined;
  } catch {
    return undefined;
  }
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
  const text = error instanceof Error ? error.message : String(error);
  const reason = reasons[errorCode(error)] ?? text;
  return new Failure(`cannot keep data in ${folder} (${reason}): pass another folder, --data DIR`);
}
