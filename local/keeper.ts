/**
 * Operations of the bucket of files that workerd cannot do, done in Node. workerd's file service
 * writes and reads files, but it syncs nothing: after a loss of power they would be empty or
 * missing. The Worker calls this service before it relies on many files at once: they are read and
 * checked here, where no request waits for it, and synced. And to delete files permanently.
 */
import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import type { ExpectedObject } from "../worker/core/segmentBucket.ts";
import { errorCode } from "./failure.ts";
import { syncFile, syncFolder } from "./disk.ts";
import { FileScreen, type ScreenOrder } from "./screen.ts";

/** Files that are open at once: a small part of the 1,024 that many systems allow a process. */
const openFilesMax = 16;

/**
 * Keys are paths of plain names, so that no key leads outside the folder. The key of a folder ends
 * with a slash.
 */
const keyPattern = /^(\w[\w.-]*\/)*\w[\w.-]*\/?$/;

/** How much of a file is read at a time. */
const readBytes = 256 * 1024;

/**
 * Serves `POST /confirm`, of a JSON list of ExpectedObject, and `POST /delete`, of a list of keys; with the file of
 * the scanner also `POST /screen`, of a ScreenOrder.
 */
export function keepFiles(
  folder: string,
  scannerFile?: string,
): (request: Request) => Promise<Response> {
  const screen = scannerFile === undefined ? undefined : new FileScreen(folder, scannerFile);
  return async (request) => {
    const path = new URL(request.url).pathname;
    const order: unknown = await request.json();
    try {
      if (path === "/screen" && screen !== undefined && isScreenOrder(order)) {
        return Response.json(await screen.screen(order));
      }
      const work = workOf(path, order, folder);
      if (work === undefined) return new Response("no such work", { status: 400 });
      await work();
      return new Response(null, { status: 204 });
    } catch (error) {
      return new Response(String(error), { status: 500 });
    }
  };
}

function workOf(path: string, list: unknown, folder: string): (() => Promise<void>) | undefined {
  if (!Array.isArray(list)) return undefined;
  if (path === "/confirm" && list.every(isExpected)) return () => confirmFiles(folder, list);
  if (path === "/delete" && list.every(isKey)) return () => deleteFiles(folder, list);
  return undefined;
}

/**
 * Resolves when the files hold what is expected, and they, their names and the folders above them
 * are on the disk.
 */
async function confirmFiles(folder: string, objects: readonly ExpectedObject[]): Promise<void> {
  const keys = objects.map(({ key }) => key);
  await eachOf(keys, (key) => syncFile(join(folder, key)));
  for (const above of foldersOf(folder, keys)) await syncFolder(above);
  const buffer = Buffer.allocUnsafe(readBytes);
  for (const object of objects) await checkFile(join(folder, object.key), object, buffer);
}

/** Throws unless the file is as expected. */
async function checkFile(
  path: string,
  { key, bytes, head, restCrc }: ExpectedObject,
  buffer: Buffer,
): Promise<void> {
  const file = await open(path, "r");
  try {
    const expected = Buffer.from(head, "base64");
    const { size } = await file.stat();
    const isHead = (await readSome(file, buffer.subarray(0, expected.length), 0)).equals(expected);
    let crc = 0;
    for (let at = expected.length; at < size;) {
      const part = await readSome(file, buffer, at);
      if (part.length === 0) break;
      crc = crc32(part, crc);
      at += part.length;
    }
    if (size === bytes && isHead && crc === restCrc) return;
  } finally {
    await file.close();
  }
  throw new Error(`${key} holds other bytes than were put`);
}

async function readSome(file: FileHandle, buffer: Buffer, at: number): Promise<Buffer> {
  const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
  return buffer.subarray(0, bytesRead);
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

function isKey(value: unknown): value is string {
  return typeof value === "string" && keyPattern.test(value);
}

function isExpected(value: unknown): value is ExpectedObject {
  if (typeof value !== "object" || value === null) return false;
  const { key, bytes, head, restCrc } = value as Partial<ExpectedObject>;
  const isSound = typeof bytes === "number" && typeof restCrc === "number";
  return isKey(key) && typeof head === "string" && isSound;
}

function isScreenOrder(value: unknown): value is ScreenOrder {
  if (typeof value !== "object" || value === null) return false;
  const { keys, uid, program } = value as Partial<ScreenOrder>;
  const isSound = typeof uid === "string" && typeof program === "string";
  return isSound && Array.isArray(keys) && keys.every(isKey);
}
