// Writes build outputs so that no reader ever sees half a file, and not at all if nothing would change.
import { readFile, rename, writeFile } from "node:fs/promises";
import { errorCode } from "./failure.ts";

/** Writes to a temporary name beside it, and renames. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const draft = `${path}.${process.pid}.draft`;
  await writeFile(draft, content);
  await rename(draft, path);
}

/** True if writing would change nothing. Then the folder need not be writable. */
export async function hasContent(path: string, content: Uint8Array): Promise<boolean> {
  try {
    return (await readFile(path)).equals(content);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}
