/**
 * Folders that are synced again and again, kept open: opening and closing one for each sync costs two turns of the
 * thread pool. A folder that was deleted and made again under the same name is another one, which is noticed.
 */
import fs from "node:fs";
import { promisify } from "node:util";
import { cannotSync } from "./disk.ts";

const openedMax = 64;

const openFile = promisify(fs.open);
const syncFile = promisify(fs.fsync);

interface Opened {
  file: number;
  device: number;
  inode: number;
  /** Syncs that run. */
  syncs: number;
  isOver: boolean;
}

export class OpenFolders {
  /** By path; the one that was used last is the last. */
  readonly #opened = new Map<string, Opened>();

  /** Resolves when the names that are in the folder now are on the disk, as far as the file system supports it. */
  async sync(path: string): Promise<void> {
    try {
      const folder = this.#take(path) ?? (await this.#open(path));
      try {
        await syncFile(folder.file);
      } finally {
        folder.syncs--;
        closeIfOver(folder);
      }
    } catch (error) {
      if (!cannotSync(error)) throw error;
    }
  }

  /** Closes all of them. */
  forget(): void {
    for (const path of this.#opened.keys()) this.#drop(path);
  }

  /** For one more sync. */
  #take(path: string): Opened | undefined {
    const folder = this.#opened.get(path);
    if (folder === undefined) return undefined;
    // An inode has no other folder's number while it is open.
    const found = fs.statSync(path, { throwIfNoEntry: false });
    if (found?.ino !== folder.inode || found.dev !== folder.device) {
      this.#drop(path);
      return undefined;
    }
    this.#opened.delete(path);
    this.#opened.set(path, folder);
    folder.syncs++;
    return folder;
  }

  /** For a first sync. */
  async #open(path: string): Promise<Opened> {
    const file = await openFile(path, "r");
    const { dev: device, ino: inode } = fs.fstatSync(file);
    const folder = { file, device, inode, syncs: 1, isOver: false };
    // Another sync may have opened it meanwhile.
    this.#drop(path);
    const [oldest] = this.#opened.keys();
    if (oldest !== undefined && this.#opened.size >= openedMax) this.#drop(oldest);
    this.#opened.set(path, folder);
    return folder;
  }

  #drop(path: string): void {
    const folder = this.#opened.get(path);
    if (folder === undefined) return;
    this.#opened.delete(path);
    folder.isOver = true;
    closeIfOver(folder);
  }
}

function closeIfOver({ file, syncs, isOver }: Opened): void {
  if (isOver && syncs === 0) fs.closeSync(file);
}
