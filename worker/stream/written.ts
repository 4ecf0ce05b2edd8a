// Tells whether a Durable Object has stored anything. When deployed, an empty object costs nothing
// and is simply called. On the local server, every object that is called gets a file, so queries
// for names that do not exist would fill the folder. There the folder is looked up first, and an
// object without a file is not called (stream/unwritten.ts, items/unwritten.ts, requireShard). In a
// cluster every object that is called gets a record in the bucket. There a mark is put into the
// bucket before the first call that writes, and an object without a mark is not called.
import { utf8 } from "../codec/bytes.ts";
import type { Env } from "../core/bindings.ts";
import type { Writing } from "../core/writing.ts";
import { StreamError } from "../errors.ts";
import { writtenObjectsMax } from "../limits.ts";

/**
 * A positive answer is cached: only files of shards are deleted while the server runs, and
 * `forgetShard` is told.
 */
const written = new Set<string>();

/** Undefined if the object may be called; `binding` and `className` belong to it. */
export function writingOf(
  env: Env,
  binding: "CATALOG" | "ITEMS" | "SHARD",
  className: string,
  name: string,
): Writing | undefined {
  const key = `${className}/${name}`;
  if (written.has(key)) return undefined;
  const { OBJECT_FILES: files, OBJECT_MARKS: marks } = env;
  const object = () => `${className}/${env[binding].idFromName(name).toString()}`;
  const note = (isWritten: boolean) => {
    if (isWritten && written.size >= writtenObjectsMax) written.clear();
    if (isWritten) written.add(key);
    return isWritten;
  };
  if (files !== undefined) {
    return {
      async isWritten() {
        const file = `http://files/millrace-${object()}.sqlite`;
        const { status } = await files.fetch(file, { method: "HEAD" });
        return note(status !== 404);
      },
      async begin() {},
    };
  }
  // The uid of a shard is not made up: its object was called before.
  if (marks === undefined || binding === "SHARD") return undefined;
  return {
    async isWritten() {
      const mark = await reached(marks.get(`written/${object()}`));
      await mark?.arrayBuffer();
      return note(mark !== null);
    },
    async begin() {
      const onlyIf = { etagDoesNotMatch: "*" };
      await reached(marks.put(`written/${object()}`, utf8(name), { onlyIf }));
      note(true);
    },
  };
}

/** Without the bucket the object could not be used either. */
async function reached<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    console.error("the bucket of the cluster did not answer", error);
    throw new StreamError("unreachable");
  }
}

/**
 * For a uid that comes from an iterator alone, whose stream may be gone. Throws `shardNotFound`.
 */
export async function requireShard(env: Env, uid: string): Promise<void> {
  const writing = writingOf(env, "SHARD", "Shard", uid);
  if (writing !== undefined && !(await writing.isWritten()))
    throw new StreamError("shardNotFound", { uid });
}

/** Call it when the file of a shard is deleted. */
export function forgetShard(uid: string): void {
  written.delete(`Shard/${uid}`);
}
