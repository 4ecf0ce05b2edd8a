// Tells whether a Durable Object has stored anything. When deployed, an empty object costs nothing
// and is simply called. On the local server, every object that is called gets a file, so queries
// for names that do not exist would fill the folder. There the folder is looked up first, and an
// object without a file is not called (stream/unwritten.ts, items/unwritten.ts, requireShard).
import type { Env } from "../core/bindings.ts";
import { StreamError } from "../errors.ts";
import { writtenObjectsMax } from "../limits.ts";

/**
 * A positive answer is cached: only files of shards are deleted while the server runs, and
 * `forgetShard` is told.
 */
const written = new Set<string>();

/** Undefined if there is no such folder; `binding` and `className` belong to the object. */
export function writtenCheck(
  env: Env,
  binding: "CATALOG" | "ITEMS" | "SHARD",
  className: string,
  name: string,
): (() => Promise<boolean>) | undefined {
  const { OBJECT_FILES: files } = env;
  if (files === undefined || written.has(`${className}/${name}`)) return undefined;
  return async () => {
    const path = `millrace-${className}/${env[binding].idFromName(name).toString()}.sqlite`;
    const { status } = await files.fetch(`http://files/${path}`, { method: "HEAD" });
    if (status === 404) return false;
    if (written.size >= writtenObjectsMax) written.clear();
    written.add(`${className}/${name}`);
    return true;
  };
}

/**
 * For a uid that comes from an iterator alone, whose stream may be gone. Throws `shardNotFound`.
 */
export async function requireShard(env: Env, uid: string): Promise<void> {
  const isWritten = writtenCheck(env, "SHARD", "Shard", uid);
  if (isWritten !== undefined && !(await isWritten()))
    throw new StreamError("shardNotFound", { uid });
}

/** Call it when the file of a shard is deleted. */
export function forgetShard(uid: string): void {
  written.delete(`Shard/${uid}`);
}
