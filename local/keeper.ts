/**
 * The part of the bucket of files that workerd cannot do, done in Node. workerd's file service writes
 * and reads the files, but it syncs nothing: after a loss of power they would be empty or gone. The Worker
 * calls here before it relies on files to be on the disk, with many at once, and to delete them for good.
 */
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Request, Response } from "miniflare";
import { errorCode } from "./failure.ts";
import { syncFile, syncFolder } from "./disk.ts";

/** Files that are open at once: few beside the 1,024 that a process may have open on many systems. */
const openFilesMax = 16;

/** Paths of plain names, so that nothing outside the folder has a key; a folder's ends with a slash. */
const keyPattern = /^(\w[\w.-]*\/)*\w[\w.-]*\/?$/;

const works: Readonly<Record<string, (folder: string, keys: readonly string[]) => Promise<void>>> =
  { sync: syncFiles, delete: deleteFiles };

/** Serves `POST /sync` and `POST /delete` with a JSON list of keys of the folder. */
export function keepFiles(folder: string): (request: Request) => Promise<Response> {
  return async (request) => {
    const work = works[new URL(request.url).pathname.slice(1)];
    const keys: unknown = await request.json();
    if (work === undefined || !isKeys(keys)) return new Response("no such work", { status: 400 });
    try {
      await work(folder, keys);
      return new Response(null, { status: 204 });
    } catch (error) {
      return new Response(String(error), { status: 500 });
    }
  };
}

/** Resolves when the files, their names, and the folders they are in are on the disk. */
async function syncFiles(folder: string, keys: readonly string[]): Promise<void> {
  await eachOf(keys, (key) => syncFile(join(folder, key)));
  for (const above of foldersOf(folder, keys)) await syncFolder(above);
}

/** Resolves when the files, or folders with all in them, are gone and cannot come back. */
async function deleteFiles(folder: string, keys: readonly string[]): Promise<void> {
  await eachOf(keys, (key) => rm(join(folder, key), { recursive: true, force: true }));
  for (const above of new Set(keys.map((key) => dirname(join(folder, key))))) {
    await syncFolder(above).catch(ignoreAbsence);
  }
}

/** All folders that lead to the keys, the deeper ones first. */
function foldersOf(folder: string, keys: readonly string[]): Set<string> {
  const folders = new Set<string>();
  for (const key of keys) {
    const names = key.split("/");
    while (names.pop() !== undefined) folders.add(join(folder, ...names));
  }
  return new Set([...folders].toSorted((a, b) => b.length - a.length));
}

async function eachOf(
  keys: readonly string[],
  work: (key: string) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < keys.length; at += openFilesMax) {
    await Promise.all(keys.slice(at, at + openFilesMax).map(work));
  }
}

function ignoreAbsence(error: unknown): void {
  if (errorCode(error) !== "ENOENT") throw error;
}

function isKeys(value: unknown): value is string[] {
  return (
    Array.isArray(value) && value.every((key) => typeof key === "string" && keyPattern.test(key))
  );
}
