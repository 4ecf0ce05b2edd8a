/**
 * The free space of the disk that the data folder is on, for the Worker to ask (worker/core/space.ts). Some of
 * it is kept back: what workerd writes by itself, such as sealing what was put, must never find the disk
 * full. When it is near the log says so once, and once more when there is room again.
 */
import { statfs } from "node:fs/promises";
import { Response } from "miniflare";
import type { SpaceAnswer } from "../worker/core/space.ts";

/** Room for a hundred shards to seal what they have; of a small disk a quarter. */
const minFreeBytesUsual = 128 << 20;
const minFreePart = 4;

export interface Disk {
  freeBytes: number;
  sizeBytes: number;
}

export interface Space {
  /** Writes are refused below this. */
  minFreeBytes: number;
  /** Bytes that may be written now; none when that is refused. */
  look(): Promise<number>;
  handler: () => Promise<Response>;
}

export async function watchSpace(options: {
  folder: string;
  /** As the usual one when left out. */
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
    // Further up than down, so that it does not change its mind with every write.
    const full = spareBytes <= minFreeBytes / (isFull ? 4 : 8);
    if (full !== isFull)
      log(`millrace: ${full ? renderFull(folder, minFreeBytes) : renderRoom(folder)}`);
    isFull = full;
    return full ? 0 : spareBytes;
  };
  const handler = async () => {
    const answer: SpaceAnswer = { spareBytes: await look() };
    return Response.json(answer);
  };
  return { minFreeBytes, look, handler };
}

export function renderFull(folder: string, minFreeBytes: number): string {
  const megabytes = Math.ceil(minFreeBytes / (1 << 20));
  return `the disk of ${folder} has less than ${megabytes} MB free: writes are refused, reads go on`;
}

function renderRoom(folder: string): string {
  return `the disk of ${folder} has room again: writes are taken`;
}

async function readDiskOf(folder: string): Promise<Disk> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
}
