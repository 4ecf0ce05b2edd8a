/**
 * Looks at the files of segments for a scan, in Node: it reads them several times as fast as workerd's file service
 * passes them on, and on another core than the Worker's. What it finds to be sound and without a record that the
 * scan selects, the Worker need not read. The scanner is the Worker's own.
 */
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type ScreenedSegment, screenSegment } from "../worker/engine/screen.ts";
import { Scanner } from "../worker/engine/scanner.ts";
import { programBytesMax, segmentBytes } from "../worker/limits.ts";

/** What the Worker asks for: the program in base64. */
export interface ScreenOrder {
  keys: readonly string[];
  uid: string;
  program: string;
}

/** A longer file is left to the Worker: nearly all of its segments are shorter. */
const fileBytesMax = 2 * segmentBytes;

/** One is read while another is looked at. */
const lanes = 2;

export class FileScreen {
  readonly #folder: string;
  readonly #scannerFile: string;
  #scanner: Promise<Scanner> | undefined;
  readonly #spare: Uint8Array[] = [];

  /** The folder of the bucket, and the file of the scanner's module. */
  constructor(folder: string, scannerFile: string) {
    this.#folder = folder;
    this.#scannerFile = scannerFile;
  }

  /** What is known of each file that is a sound segment of the shard; null for any other. */
  async screen({ keys, uid, program }: ScreenOrder): Promise<(ScreenedSegment | null)[]> {
    const scanner = await (this.#scanner ??= loadScanner(this.#scannerFile));
    const bytes = Buffer.from(program, "base64");
    if (bytes.length > programBytesMax) throw new RangeError("program: too long");
    const found = keys.map((): ScreenedSegment | null => null);
    let next = 0;
    const work = async () => {
      const buffer = this.#spare.pop() ?? new Uint8Array(fileBytesMax + 1);
      while (next < keys.length) {
        const i = next++;
        const chunk = await readInto(buffer, join(this.#folder, keys[i] ?? ""));
        found[i] = (chunk && screenSegment(scanner, bytes, chunk, uid)) ?? null;
      }
      if (this.#spare.length < lanes) this.#spare.push(buffer);
    };
    await Promise.all(Array.from({ length: lanes }, work));
    return found;
  }
}

async function loadScanner(file: string): Promise<Scanner> {
  // The types are those of Workers, which compile nothing; Node does.
  const module: WebAssembly.Module = Reflect.construct(WebAssembly.Module, [await readFile(file)]);
  return new Scanner(module);
}

/** The whole file; undefined if it cannot be read, or is longer than the buffer. */
async function readInto(buffer: Uint8Array, path: string): Promise<Uint8Array | undefined> {
  try {
    const file = await open(path, "r");
    try {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      return bytesRead === buffer.length ? undefined : buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}
