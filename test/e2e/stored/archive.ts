// A data folder as one small file: what a server of one version has stored, kept for later versions. Inside
// the compression, entry after entry: a line of JSON with path and length, then the bytes. What a server
// makes anew at each start is left out. Beside the folder's own files stands what was promised of it.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";

export interface Archive {
  files: Map<string, Buffer>;
  promised: string;
}

interface Entry {
  path: string;
  bytes: number;
}

const promisedPath = "promised.json";
const passing = /^(tmp\/|cache\/|lock|owner\.json)|-shm$/;
const lineEnd = 0x0a;

export function readFolder(folder: string): Map<string, Buffer> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
    .filter((path) => !passing.test(path));
  return new Map(paths.toSorted().map((path) => [path, readFileSync(join(folder, path))]));
}

export function writeFolder(folder: string, files: ReadonlyMap<string, Buffer>): void {
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
}

export function packArchive({ files, promised }: Archive): Buffer {
  const all = [...files, [promisedPath, Buffer.from(promised)] as const];
  const parts = all.flatMap(([path, bytes]) => {
    const entry: Entry = { path, bytes: bytes.length };
    return [Buffer.from(`${JSON.stringify(entry)}\n`), bytes];
  });
  // The widest window: most of what is stored is stored alike somewhere before.
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 24 };
  return brotliCompressSync(Buffer.concat(parts), { params });
}

export function unpackArchive(archive: Buffer): Archive {
  const bytes = brotliDecompressSync(archive);
  const files = new Map<string, Buffer>();
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(lineEnd, at);
    const entry = JSON.parse(bytes.toString("utf8", at, end)) as Entry;
    at = end + 1 + entry.bytes;
    files.set(entry.path, bytes.subarray(end + 1, at));
  }
  const promised = files.get(promisedPath)?.toString() ?? "";
  files.delete(promisedPath);
  return { files, promised };
}
