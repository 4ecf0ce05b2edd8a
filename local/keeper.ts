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
import { CHUNK_HEADER_BYTES } from "../worker/engine/chunk.ts";
import type { Adoption, StagedBody } from "../worker/engine/putManifest.ts";
import { errorCode } from "./failure.ts";
import { syncFolder } from "./disk.ts";
import { keyFilterOf } from "../worker/shard/keyIndexer.ts";
import type { ConfirmReply } from "./bucket.ts";
import { OpenFolders } from "./openFolders.ts";
import { FileScreen, type ScreenOrder } from "./screen.ts";
import type { KeptPuts } from "./keptPuts.ts";
import type { Answer, Handler } from "./services.ts";
import { StagedFiles, type StageOrder } from "./stagedFiles.ts";

/** Files that are deleted at once. */
const deletedAtOnceMax = 16;

/** Files of a call that are synced and read at once: Node has four threads for such work. */
const confirmedAtOnceMax = 4;

/**
 * Keys are paths of plain names, so that no key leads outside the folder. The key of a folder ends
 * with a slash.
 */
const keyPattern = /^(\w[\w.-]*\/)*\w[\w.-]*\/?$/;

/** How much of a file is read at a time: a usual segment is one part. */
const partBytes = 1280 * 1024;

/** Buffers of that size that nobody uses now. */
const spareParts: Buffer[] = [];

/**
 * Serves the calls `confirm`, of a JSON list of ExpectedObject, which gives a ConfirmReply, and `delete`, of a list of keys; with the file of the
 * scanner also `screen`, of a ScreenOrder; with what the front keeps also `stage`, of a StageOrder.
 */
export function keepFiles(folder: string, scannerFile?: string, puts?: KeptPuts): Handler {
  const screen = scannerFile === undefined ? undefined : new FileScreen(folder, scannerFile);
  const folders = new OpenFolders();
  const staged = puts && { files: new StagedFiles(folder, folders), puts };
  return async ({ path, body }): Promise<Answer> => {
    const order: unknown = JSON.parse(body.toString());
    try {
      if (path === "screen" && screen !== undefined && isScreenOrder(order)) {
        return { status: 200, body: JSON.stringify(await screen.screen(order)) };
      }
      if (path === "stage" && staged !== undefined && isStageOrder(order)) {
        await staged.files.stage(order, staged.puts);
        return { status: 204 };
      }
      if (path === "confirm" && Array.isArray(order) && order.every(isExpected)) {
        const reply: ConfirmReply = { filters: await confirmFiles(folder, order, folders) };
        return { status: 200, body: JSON.stringify(reply) };
      }
      const work = workOf(path, order, { folder, folders, staged: staged?.files });
      if (work === undefined) return { status: 400, body: "no such work" };
      await work();
      return { status: 204 };
    } catch (error) {
      return { status: 500, body: String(error) };
    }
  };
}

interface Bucket {
  folder: string;
  folders: OpenFolders;
  staged: StagedFiles | undefined;
}

function workOf(
  path: string,
  list: unknown,
  { folder, folders, staged }: Bucket,
): (() => Promise<void>) | undefined {
  if (!Array.isArray(list)) return undefined;
  if (path === "delete" && list.every(isKey)) {
    return async () => {
      await deleteFiles(folder, list);
      if (!list.some((key) => key.endsWith("/"))) return;
      folders.forget();
      staged?.forget();
    };
  }
  return undefined;
}

/**
 * Resolves when the files hold what is expected, and they, their names and the folders above them
 * are on the disk; with the filters of keys of the segments that were read. workerd's one thread need not make them.
 */
async function confirmFiles(
  folder: string,
  objects: readonly ExpectedObject[],
  folders: OpenFolders,
): Promise<(string | null)[]> {
  const waiting = [...objects.entries()];
  const filters: (string | null)[] = [];
  const lanes = Array.from({ length: confirmedAtOnceMax }, async () => {
    const part = spareParts.pop() ?? Buffer.allocUnsafeSlow(partBytes);
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [i, object] = next;
        await confirmFile(join(folder, object.key), object, part);
        filters[i] = object.isOnlyCopy === true ? null : filterIn(part, object.bytes);
      }
    } finally {
      if (spareParts.length < confirmedAtOnceMax) spareParts.push(part);
    }
  });
  await Promise.all(lanes);
  const keys = objects.map(({ key }) => key);
  for (const above of foldersOf(folder, keys)) await folders.sync(above);
  return filters;
}

/** The filter of keys of a segment that was read whole; null if it is longer than what is read at once, or no segment. */
function filterIn(part: Buffer, bytes: number): string | null {
  if (bytes > part.length) return null;
  try {
    return Buffer.from(keyFilterOf(part.subarray(0, bytes)) ?? []).toString("base64");
  } catch {
    return null;
  }
}

/** Throws unless the file is on the disk and as expected. */
async function confirmFile(path: string, object: ExpectedObject, part: Buffer): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
    const isSound = object.isOnlyCopy === true ? hasHead : isAsExpected;
    if (await isSound(file, object, part)) return;
  } finally {
    await file.close();
  }
  throw new Error(`${object.key} holds other bytes than were put`);
}

/**
 * Of a file that this server has written and synced whole, length and head. Its bytes would be read from the system's
 * memory again, and no row could replace them.
 */
async function hasHead(
  file: FileHandle,
  { bytes, head }: ExpectedObject,
  part: Buffer,
): Promise<boolean> {
  const expected = Buffer.from(head, "base64");
  const { bytesRead } = await file.read(part, 0, expected.length, 0);
  const { size } = await file.stat();
  return size === bytes && part.subarray(0, bytesRead).equals(expected);
}

async function isAsExpected(
  file: FileHandle,
  { bytes, head, restCrc }: ExpectedObject,
  part: Buffer,
): Promise<boolean> {
  const expected = Buffer.from(head, "base64");
  let crc = 0;
  let at = 0;
  for (;;) {
    const { bytesRead } = await file.read(part, 0, part.length, at);
    const start = at === 0 ? expected.length : 0;
    if (at === 0 && !part.subarray(0, Math.min(start, bytesRead)).equals(expected)) return false;
    crc = crc32(part.subarray(start, bytesRead), crc);
    at += bytesRead;
    // A part that is not full ends the file. One that ends before the file should is followed by another one or by none.
    if (bytesRead === 0 || at > bytes || (at === bytes && bytesRead < part.length)) break;
  }
  return at === bytes && crc === restCrc;
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
  for (let at = 0; at < keys.length; at += deletedAtOnceMax) {
    await Promise.all(keys.slice(at, at + deletedAtOnceMax).map(work));
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

function isStageOrder(value: unknown): value is StageOrder {
  if (typeof value !== "object" || value === null) return false;
  const { bodies, adoptions } = value as Partial<StageOrder>;
  const areLists = Array.isArray(bodies) && Array.isArray(adoptions);
  return areLists && bodies.every(isStagedBody) && adoptions.every(isAdoption);
}

function isStagedBody(value: unknown): value is StagedBody {
  if (typeof value !== "object" || value === null) return false;
  const { id, key } = value as Partial<StagedBody>;
  return typeof id === "string" && isFileKey(key);
}

function isAdoption(value: unknown): value is Adoption {
  if (typeof value !== "object" || value === null) return false;
  const { from, to, head } = value as Partial<Adoption>;
  const isHead = typeof head === "string" && decodedBytes(head) === CHUNK_HEADER_BYTES;
  return isHead && isFileKey(from) && isFileKey(to);
}

function isFileKey(value: unknown): value is string {
  return isKey(value) && !value.endsWith("/");
}

function decodedBytes(base64: string): number {
  return Buffer.from(base64, "base64").length;
}

function isScreenOrder(value: unknown): value is ScreenOrder {
  if (typeof value !== "object" || value === null) return false;
  const { keys, uid, program } = value as Partial<ScreenOrder>;
  const isSound = typeof uid === "string" && typeof program === "string";
  return isSound && Array.isArray(keys) && keys.every(isKey);
}
