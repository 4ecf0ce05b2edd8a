// Whether an object has anything stored. Deployed, one that has written nothing has nothing, and is asked like
// any other. On the local server every object has a file from the moment it is called, so that questions
// about what is not there would fill the folder: there the folder is asked first, and an object without a
// file is answered for (stream/unwritten.ts, items/unwritten.ts).
import type { Env } from "../core/bindings.ts";
import { writtenObjectsMax } from "../limits.ts";

/** Once there, a file stays as long as anybody asks. */
const written = new Set<string>();

/** Undefined where there is no folder to ask; `binding` and `className` are those of the object. */
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
