/**
 * What a workerd that was killed has left in the bucket's folder. Its file service writes a body beside
 * the file that it is to be, `.<name>.<pid>.<count>.tmp`, and renames it when it is whole; a kill in
 * between leaves that behind. It never shows as an object, so nothing would ever remove it. Call this
 * while no workerd runs on the folder.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const leftover = /^\..+\.\d+\.\d+\.tmp$/;

export function removeLeftovers(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !leftover.test(entry.name)) continue;
    rmSync(join(entry.parentPath, entry.name), { force: true });
  }
}
