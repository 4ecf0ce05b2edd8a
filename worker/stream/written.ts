// Tells whether a Durable Object has stored anything. When deployed, an empty object costs nothing
// and is simply called. On the local server, every object that is called gets a file, so queries
// for names that do not exist would fill the folder. There the folder is looked up first, and an
// object without a file is not called (stream/unwritten.ts, items/unwritten.ts).
import type { Env } from "../core/bindings.ts";
import { writtenObjectsMax } from "../limits.ts";

/** A file is not deleted while requests use it, so a positive answer may be cached. */
const written = new Set<string>();

/** Undefined if there is no such folder; `binding` and `className` belong to the object. */
export function writtenCheck(
  env: Env,
  binding: "CATALOG" | "ITEMS",
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
