/**
 * Writes chunks that the front keeps to files of the bucket, so that they survive a loss of power, and makes such
 * files those of segments. Both for the keeper, whose clients wait for them. So files are written by descriptors: handles of
 * files cost the one thread of this process some more.
 */
import fs from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Adoption, StagedBody } from "../worker/engine/putManifest.ts";
import { keepFolder, syncFolder } from "./disk.ts";
import { errorCode } from "./failure.ts";
import type { KeptPuts } from "./keptPuts.ts";
import { OpenFolders } from "./openFolders.ts";

/** Files that are written at once: Node has four threads for such work. */
const stagedAtOnceMax = 4;

/** Folders that are known to be on the disk, with all above them. */
const keptFoldersMax = 10_000;

const openFile = promisify(fs.open);
const syncData = promisify(fs.fdatasync);
const linkFile = promisify(fs.link);

/** Where a file cannot have two names. */
const linkless: ReadonlySet<string> = new Set([
  "EPERM",
  "ENOTSUP",
  "EOPNOTSUPP",
  "EMLINK",
  "EXDEV",
]);

/** What is to be written, and what gets another name. */
export interface StageOrder {
  bodies: readonly StagedBody[];
  adoptions: readonly Adoption[];
}

export class StagedFiles {
  readonly #folder: string;
  /** Folders that were made or found by this process. */
  readonly #kept = new Map<string, Promise<void>>();

  readonly #folders: OpenFolders;

  constructor(folder: string, folders: OpenFolders) {
    this.#folder = folder;
    this.#folders = folders;
  }

  /**
   * Resolves when all files that are adopted have their headers and their further names, and all bodies are on the disk.
   * Headers and further names are not synced: a file keeps the name by which it is on the disk. If an adoption fails, no
   * body was touched, so that the order can be given again without it; if a body fails, others may be done. Adoptions may be
   * repeated.
   */
  async stage({ bodies, adoptions }: StageOrder, puts: KeptPuts): Promise<void> {
    await inLanes(adoptions.map((adoption) => () => this.#adopt(adoption)));
    await inLanes(bodies.map((body) => () => this.#write(body, puts)));
  }

  async #write({ id, key }: StagedBody, puts: KeptPuts): Promise<void> {
    const path = join(this.#folder, key);
    await puts.stage(id, (chunk) => this.#inFolder(path, () => this.#writeSynced(path, chunk)));
  }

  /** Writes a file under its name; nobody reads it before this has resolved. */
  async #writeSynced(path: string, bytes: Uint8Array): Promise<void> {
    const file = await openFile(path, "w");
    try {
      await writeAll(file, bytes);
      // The name is there since the file was opened, so the folder need not wait for the bytes.
      await allOf([syncData(file), this.#folders.sync(dirname(path))]);
    } catch (error) {
      await fs.promises.rm(path, { force: true }).catch(() => {});
      throw error;
    } finally {
      // Whatever must be on the disk is there: nothing is waited for.
      fs.closeSync(file);
    }
  }

  async #adopt({ from, to, head }: Adoption): Promise<void> {
    const [source, path] = [join(this.#folder, from), join(this.#folder, to)];
    const header = Buffer.from(head, "base64");
    await this.#inFolder(path, () => adopt(source, path, header));
  }

  /** Folders may have been deleted. */
  forget(): void {
    this.#kept.clear();
  }

  /** Does work in the folder of a path, which is made if it is missing. */
  async #inFolder(path: string, work: () => Promise<void>): Promise<void> {
    const folder = dirname(path);
    await this.#keep(folder);
    try {
      await work();
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
      // Something else has deleted the folder.
      this.#kept.delete(folder);
      await this.#keep(folder);
      await work();
    }
  }

  /** Resolves when the folder, and all between the bucket's and it, are there and on the disk. */
  #keep(folder: string): Promise<void> {
    const kept = this.#kept.get(folder) ?? this.#make(folder);
    if (this.#kept.size >= keptFoldersMax) this.#kept.clear();
    this.#kept.set(folder, kept);
    kept.catch(() => this.#kept.delete(folder));
    return kept;
  }

  async #make(folder: string): Promise<void> {
    await keepFolder(folder);
    // A folder that was there may not be on the disk yet.
    for (let above = dirname(folder); above.length >= this.#folder.length; above = dirname(above)) {
      await syncFolder(above);
    }
  }
}

/** From the beginning of a file. The system may take less at once than it is given. */
async function writeAll(file: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await writeSome(file, bytes, at);
}

function writeSome(file: number, bytes: Uint8Array, at: number): Promise<number> {
  return new Promise((done, fail) => {
    fs.write(file, bytes, at, bytes.length - at, at, (error, written) => {
      if (error === null) done(written);
      else fail(error);
    });
  });
}

async function adopt(from: string, to: string, header: Uint8Array): Promise<void> {
  try {
    await overwrite(from, header);
    await nameAlso(from, to);
  } catch (error) {
    // It may have its new name alone, and after a loss of power lack the header.
    if (errorCode(error) !== "ENOENT" || fs.existsSync(from)) throw error;
    await overwrite(to, header);
  }
}

/** Gives a file a further name, which may be that of another file. */
async function nameAlso(from: string, to: string): Promise<void> {
  try {
    await linkFile(from, to);
  } catch (error) {
    const code = errorCode(error);
    if (linkless.has(code)) return move(from, to);
    if (code !== "EEXIST") throw error;
    if (fs.statSync(from).ino === fs.statSync(to).ino) return;
    await fs.promises.rm(to);
    await linkFile(from, to);
  }
}

/** With its new name on the disk before the old one is gone for good. */
async function move(from: string, to: string): Promise<void> {
  await fs.promises.rename(from, to);
  await syncFolder(dirname(to));
  await syncFolder(dirname(from));
}

/** Replaces the beginning of a file that is there. */
async function overwrite(path: string, bytes: Uint8Array): Promise<void> {
  const file = await openFile(path, "r+");
  try {
    await writeAll(file, bytes);
  } finally {
    fs.closeSync(file);
  }
}

/** Does all work, some of it at once. All has been done or has failed when this resolves or rejects. */
async function inLanes(works: readonly (() => Promise<void>)[]): Promise<void> {
  const waiting = [...works];
  const lanes = Array.from({ length: Math.min(stagedAtOnceMax, works.length) }, async () => {
    for (let work = waiting.shift(); work !== undefined; work = waiting.shift()) await work();
  });
  await allOf(lanes);
}

/** Resolves or rejects when all of it is over. */
async function allOf(works: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(works)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}
