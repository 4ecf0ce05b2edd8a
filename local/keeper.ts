/**
 * Operations of the bucket of files that workerd cannot do, done in Node. workerd's file service
 * writes and reads files, but it syncs nothing: after a loss of power they would be empty or
 * missing. The Worker calls this service to sync many files at once before it relies on them, and
 * to delete files permanently.
 */
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode } from "./failure.ts";
import { syncFile, syncFolder } from "./disk.ts";

/** Files that are open at once: a small part of the 1,024 that many systems allow a process. */
const openFilesMax = 16;

/**
 * Keys are paths of plain names, so that no key leads outside the folder. The key of a folder ends
 * with a slash.
 */
const keyPattern = /^(\w[\w.-]*\/)*\w[\w.-]*\/?$/;

const works: Readonly<Record<string, (folder: string, keys: readonly string[]) => Promise<void>>> =
  { sync: syncFiles, delete: deleteFiles };

/** Serves `POST /sync` and `POST /delete`; the body is a JSON list of keys. */
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

/** Resolves when the files, their names and the folders above them are on the disk. */
async function syncFiles(folder: string, keys: readonly string[]): Promise<void> {
  await eachOf(keys, (key) => syncFile(join(folder, key)));
  for (const above of foldersOf(folder, keys)) await syncFolder(above);
}

/** Resolves when the files, and folders with their contents, are deleted permanently. */
async function deleteFiles(folder: string, keys: readonly string[]): Promise<void> {
  await eachOf(keys, (key) => rm(join(folder, key), { recursive: true, force: true }));
  for (const above of new Set(keys.map((key) => dirname(join(folder, key))))) {
    await syncFolder(above).catch(ignoreAbsence);
  }
}

/** All folders above the keys, the deeper ones first. */
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
