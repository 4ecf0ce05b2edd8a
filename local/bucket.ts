// The local server's bucket: as much of R2's interface as the Worker uses, over a folder of files,
// one for each object. Miniflare's R2 would do the same at ten times the processor time of a put: it
// passes a body on 4 KiB at a time, through a digest in JavaScript, and a local server has one thread
// for that and for everything else. A file appears whole or not at all; keys are paths of plain names.
// After a loss of power only what was synced is sure to be there; what was deleted is gone.
import type { Env } from "../worker/core/bindings.ts";
import { askSpace } from "../worker/core/space.ts";
import type { SegmentBucket } from "../worker/core/segmentBucket.ts";

/** What a folder lists. */
interface FileEntry {
  name: string;
  type: "file" | "directory";
}

export class FileBucket implements SegmentBucket {
  readonly #files: Pick<Fetcher, "fetch">;
  readonly #keeper: Pick<Fetcher, "fetch">;

  readonly #space: Env["SPACE"];

  /**
   * The folder, by way of workerd's own file service and of what that cannot do (keeper.ts); and who has
   * its disk in view.
   */
  constructor(files: Pick<Fetcher, "fetch">, keeper: Pick<Fetcher, "fetch">, space?: Env["SPACE"]) {
    this.#files = files;
    this.#keeper = keeper;
    this.#space = space;
  }

  /**
   * With `onlyIf` nothing is written over: the one condition that there is. What is put is in the
   * shard as well until it is synced, so an almost full disk takes no more.
   */
  async put(key: string, body: Uint8Array, options?: { onlyIf?: object }): Promise<void> {
    if (this.#space !== undefined && (await askSpace(this.#space)).spareBytes < body.length) {
      throw new Error(`putting ${key}: the disk is almost full`);
    }
    if (options?.onlyIf !== undefined && (await this.#call("HEAD", key)).ok) return;
    const reply = await this.#call("PUT", key, body);
    if (!reply.ok) throw new Error(`putting ${key}: ${reply.status} ${await reply.text()}`);
  }

  /** The object as a reply that has its bytes. */
  async get(key: string): Promise<Response | null> {
    const reply = await this.#call("GET", key);
    if (reply.status === 404) return null;
    if (!reply.ok) throw new Error(`getting ${key}: ${reply.status} ${await reply.text()}`);
    return reply;
  }

  /** What is not there is deleted already. */
  async delete(keys: string | string[]): Promise<void> {
    await this.#keep("delete", typeof keys === "string" ? [keys] : keys);
  }

  async deleteFolder(prefix: string): Promise<void> {
    await this.#keep("delete", [prefix]);
  }

  async sync(keys: readonly string[]): Promise<void> {
    await this.#keep("sync", keys);
  }

  /** The objects below a folder: the prefix ends with a slash. */
  async list({ prefix }: { prefix: string }) {
    const reply = await this.#call("GET", prefix.replace(/\/$/, ""));
    if (reply.status === 404) return { objects: [], truncated: false };
    if (!reply.ok) throw new Error(`listing ${prefix}: ${reply.status} ${await reply.text()}`);
    const entries = await reply.json<FileEntry[]>();
    return { objects: entries.map(({ name }) => ({ key: `${prefix}${name}` })), truncated: false };
  }

  async #keep(work: "sync" | "delete", keys: readonly string[]): Promise<void> {
    const body = JSON.stringify(keys);
    const reply = await this.#keeper.fetch(`http://keeper/${work}`, { method: "POST", body });
    if (!reply.ok) throw new Error(`${work} of ${keys.join()}: ${await reply.text()}`);
  }

  #call(method: string, key: string, body?: Uint8Array): Promise<Response> {
    return this.#files.fetch(`http://files/${key}`, { method, body: body ?? null });
  }
}
