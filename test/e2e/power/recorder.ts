// Loaded into the local server before anything else (`node --import`): writes down which files and folders
// it syncs, one JSON line each in the file that SYNC_LOG names. With that, a test can take away what a loss
// of power would.
import fs, { appendFileSync, readdirSync, readlinkSync, statSync } from "node:fs";
import promises, { type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

/** A file by its inode, so that a new name for it changes nothing; a folder with the names it had. */
export type Sync = { inode: number } | { folder: string; names: string[] };

const log = process.env["SYNC_LOG"];
if (log !== undefined) record(log);

function record(file: string): void {
  const { open } = promises;
  promises.open = async (path, ...rest) => {
    const handle = await open(path, ...rest);
    follow(handle, String(path), file);
    return handle;
  };
  for (const name of ["fsync", "fdatasync"] as const) {
    const sync = fs[name];
    const noting = (fd: number, done: (error: Error | null) => void) => {
      const noted = describe(readlinkSync(`/proc/self/fd/${fd}`));
      sync(fd, (error) => {
        if (error === null) appendFileSync(file, `${JSON.stringify(noted)}\n`);
        done(error);
      });
    };
    Object.assign(fs, { [name]: noting });
  }
  syncBuiltinESMExports();
}

function follow(handle: FileHandle, path: string, file: string): void {
  const sync = handle.sync.bind(handle);
  handle.sync = async () => {
    const done = describe(path);
    await sync();
    appendFileSync(file, `${JSON.stringify(done)}\n`);
  };
}

/** What is there before the sync is what the sync is sure to keep. */
function describe(path: string): Sync {
  const stats = statSync(path);
  return stats.isDirectory() ? { folder: path, names: readdirSync(path) } : { inode: stats.ino };
}
