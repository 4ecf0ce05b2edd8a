// The local server's bucket: the part of R2's interface that the Worker uses, over a folder of
// files, one file for each object. Miniflare's R2 would take ten times the processor time for a
// put: it passes a body on in pieces of 4 KiB, through a digest in JavaScript, and a local server
// has one thread for that and for everything else. A file appears whole or not at all. Keys are
// paths of plain names. After a loss of power only what was synced is sure to exist, and what was
// deleted does not come back.
import { Buffer } from "node:buffer";
import type { Env } from "../worker/core/bindings.ts";
import { takeSpace } from "../worker/core/space.ts";
import type { ExpectedObject, ReadFilter, SegmentBucket } from "../worker/core/segmentBucket.ts";
import type { Adoption, StagedBody } from "../worker/engine/putManifest.ts";
import type { ScreenedSegment } from "../worker/engine/screen.ts";
import type { ScreenOrder } from "./screen.ts";

/** What the keeper has read of files: their filters of keys in base64. */
export interface ConfirmReply {
  /** Empty for a segment that gets none, null if its bytes were not read. */
  filters: (string | null)[];
}

function filterOf(text: string): Uint8Array | null {
  return text === "" ? null : new Uint8Array(Buffer.from(text, "base64"));
}

type KeeperWork = "confirm" | "delete" | "screen" | "stage";

/** An entry in the listing of a folder. */
interface FileEntry {
  name: string;
  type: "file" | "directory";
}

export class FileBucket implements SegmentBucket {
  readonly #files: Pick<Fetcher, "fetch">;
  readonly #keeper: Pick<Fetcher, "fetch">;

  readonly #space: Env["SPACE"];

  /**
   * The folder, through workerd's file service; the operations that the service lacks (keeper.ts);
   * and the binding that tells the free space of the disk.
   */
  constructor(files: Pick<Fetcher, "fetch">, keeper: Pick<Fetcher, "fetch">, space?: Env["SPACE"]) {
    this.#files = files;
    this.#keeper = keeper;
    this.#space = space;
  }

  /**
   * With `onlyIf` an existing object stays as it is; no other condition is supported. The shard
   * keeps the same bytes until the file is synced, so an almost full disk accepts no more objects.
   */
  async put(key: string, body: Uint8Array, options?: { onlyIf?: object }): Promise<void> {
    if (this.#space !== undefined && !(await takeSpace(this.#space, body.length))) {
      throw new Error(`putting ${key}: the disk is almost full`);
    }
    if (options?.onlyIf !== undefined && (await this.#call("HEAD", key)).ok) return;
    const reply = await this.#call("PUT", key, body);
    if (!reply.ok) throw new Error(`putting ${key}: ${reply.status} ${await reply.text()}`);
  }

  /** The object, as a reply whose body has its bytes. */
  async get(key: string): Promise<Response | null> {
    const reply = await this.#call("GET", key);
    if (reply.status === 404) return null;
    if (!reply.ok) throw new Error(`getting ${key}: ${reply.status} ${await reply.text()}`);
    return reply;
  }

  /** A key that does not exist counts as deleted. */
  async delete(keys: string | string[]): Promise<void> {
    await this.#keep("delete", typeof keys === "string" ? [keys] : keys);
  }

  async deleteFolder(prefix: string): Promise<void> {
    await this.#keep("delete", [prefix]);
  }

  async confirm(objects: readonly ExpectedObject[]): Promise<ReadFilter[]> {
    const reply = await this.#keep("confirm", objects);
    const { filters } = await reply.json<ConfirmReply>();
    return filters.map((text) => (text === null ? undefined : filterOf(text)));
  }

  async stage(bodies: readonly StagedBody[], adoptions: readonly Adoption[]): Promise<void> {
    await this.#keep("stage", { bodies, adoptions });
  }

  async screen(
    keys: readonly string[],
    uid: string,
    program: Uint8Array,
  ): Promise<(ScreenedSegment | undefined)[]> {
    const order: ScreenOrder = { keys, uid, program: Buffer.from(program).toString("base64") };
    const reply = await this.#keep("screen", order);
    const list = await reply.json<(ScreenedSegment | null)[]>();
    return list.map((each) => each ?? undefined);
  }

  /** The objects below a folder: the prefix ends with a slash. */
  async list({ prefix }: { prefix: string }) {
    const reply = await this.#call("GET", prefix.replace(/\/$/, ""));
    if (reply.status === 404) return { objects: [], truncated: false };
    if (!reply.ok) throw new Error(`listing ${prefix}: ${reply.status} ${await reply.text()}`);
    const entries = await reply.json<FileEntry[]>();
    return { objects: entries.map(({ name }) => ({ key: `${prefix}${name}` })), truncated: false };
  }

  async #keep(work: KeeperWork, what: object): Promise<Response> {
    const body = JSON.stringify(what);
    const reply = await this.#keeper.fetch(`http://keeper/${work}`, { method: "POST", body });
    if (!reply.ok) throw new Error(`${work} in the bucket: ${await reply.text()}`);
    return reply;
  }

  #call(method: string, key: string, body?: Uint8Array): Promise<Response> {
    return this.#files.fetch(`http://files/${key}`, { method, body: body ?? null });
  }
}
