/**
 * Tells the Worker how much free space the disk of the data folder has (worker/core/space.ts). A
 * part of it is reserved, because workerd also writes by itself, for example when a shard seals its
 * tail: such a write must never find the disk full. The log has one line when writes are refused,
 * and one when they are accepted again.
 */
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { SpaceAnswer } from "../worker/core/space.ts";
import { Failure } from "./failure.ts";
import type { Handler } from "./services.ts";

/** Enough for a hundred shards to seal their tails; on a small disk a quarter of its size. */
const minFreeBytesUsual = 128 << 20;
const minFreePart = 4;

/**
 * SQLite makes a file of 32 KB for each database that it opens, also to read. Without room for a few,
 * workerd crashes at its start (measured: below 120 KB).
 */
const startBytesMin = 1 << 20;

export interface Disk {
  freeBytes: number;
  sizeBytes: number;
}

export interface Space {
  /** Writes are refused below this. */
  minFreeBytes: number;
  /** Bytes that may be written now; 0 when writes are refused. */
  look(): Promise<number>;
  handler: Handler;
}

/** Throws a Failure if the disk has no room to open what is stored; writes nothing. */
export async function requireSpace(folder: string, readDisk = readDiskOf): Promise<void> {
  const { freeBytes } = await readDisk(nearestFolder(resolve(folder)));
  if (freeBytes >= startBytesMin) return;
  throw new Failure(
    `the disk of ${folder} is full (${Math.floor(freeBytes / 1024)} KB free): ` +
      `free at least ${startBytesMin >> 20} MB, or pass another folder, --data DIR`,
  );
}

/** The folder itself, or the nearest one above it that exists. */
function nearestFolder(folder: string): string {
  const above = dirname(folder);
  return existsSync(folder) || above === folder ? folder : nearestFolder(above);
}

export async function watchSpace(options: {
  folder: string;
  /** The default when undefined. */
  minFreeBytes?: number | undefined;
  readDisk?: (folder: string) => Promise<Disk>;
  log?: (line: string) => void;
}): Promise<Space> {
  const { folder, readDisk = readDiskOf, log = console.error } = options;
  const { sizeBytes } = await readDisk(folder);
  const usual = Math.min(minFreeBytesUsual, Math.floor(sizeBytes / minFreePart));
  const minFreeBytes = options.minFreeBytes ?? usual;
  let isFull = false;
  const look = async () => {
    const { freeBytes } = await readDisk(folder);
    const spareBytes = freeBytes - minFreeBytes;
    // Two thresholds: otherwise the state could change with every write.
    const full = spareBytes <= minFreeBytes / (isFull ? 4 : 8);
    if (full !== isFull)
      log(`millrace: ${full ? renderFull(folder, minFreeBytes) : renderRoom(folder)}`);
    isFull = full;
    return full ? 0 : spareBytes;
  };
  const handler = async () => {
    const answer: SpaceAnswer = { spareBytes: await look() };
    return { status: 200, body: JSON.stringify(answer) };
  };
  return { minFreeBytes, look, handler };
}

export function renderFull(folder: string, minFreeBytes: number): string {
  const megabytes = Math.ceil(minFreeBytes / (1 << 20));
  return `the disk of ${folder} has less than ${megabytes} MB free: writes are refused, reads are served`;
}

function renderRoom(folder: string): string {
  return `the disk of ${folder} has room again: writes are accepted`;
}

async function readDiskOf(folder: string): Promise<Disk> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
}
