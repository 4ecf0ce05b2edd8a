// Folders that are kept open to be synced: few of them, each as long as it is the one that has its name. That a sync
// lasts cannot be seen from here; that the right folder is open can.

import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { OpenFolders } from "../../local/openFolders.ts";

const seesDescriptors = process.platform === "linux";

test.runIf(seesDescriptors)(
  "a folder is opened once, and closed when it is forgotten",
  async () => {
    const { root, open } = folderWith("a", "b");
    const folders = new OpenFolders();
    for (const name of ["a", "b", "a"]) await folders.sync(join(root, name));
    expect(open()).toEqual(["a", "b"]);
    folders.forget();
    expect(open()).toEqual([]);
    await folders.sync(join(root, "a"));
    expect(open()).toEqual(["a"]);
    folders.forget();
  },
);

test.runIf(seesDescriptors)(
  "a folder that was made again under its name is opened anew",
  async () => {
    const { root, open } = folderWith("a");
    const folders = new OpenFolders();
    await folders.sync(join(root, "a"));
    renameSync(join(root, "a"), join(root, "former"));
    mkdirSync(join(root, "a"));
    expect(open()).toEqual(["former"]);
    await folders.sync(join(root, "a"));
    expect(open()).toEqual(["a"]);
    rmSync(join(root, "a"), { recursive: true });
    await expect(folders.sync(join(root, "a"))).rejects.toThrow("ENOENT");
    expect(open()).toEqual([]);
  },
);

test.runIf(seesDescriptors)(
  "of many folders 64 stay open, and syncs at once leave none behind",
  async () => {
    const names = Array.from({ length: 100 }, (_, i) => `f${i}`);
    const { root, open } = folderWith(...names);
    const folders = new OpenFolders();
    await Promise.all(
      names.flatMap((name) => [name, name, name]).map((name) => folders.sync(join(root, name))),
    );
    expect(open()).toHaveLength(64);
    const sync = folders.sync(join(root, "f99"));
    folders.forget();
    await sync;
    expect(open()).toEqual([]);
  },
);

function folderWith(...names: string[]) {
  const root = mkdtempSync(join(tmpdir(), "millrace-open-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const name of names) mkdirSync(join(root, name));
  /** Those of its folders that this process has open, each as often as it has. */
  const open = (): string[] =>
    readdirSync("/proc/self/fd")
      .map((file) => linkOf(join("/proc/self/fd", file)))
      .filter((path) => path.startsWith(`${root}/`))
      .map((path) => path.slice(root.length + 1))
      .toSorted();
  return { root, open };
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // The descriptor by which they were listed.
    return "";
  }
}
