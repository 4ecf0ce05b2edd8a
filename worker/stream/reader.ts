// Reads a page of records for a consumer. Today every page comes from the shard; the caller sees chunks
// with exactly the records of the page, where to go on, and how far behind the newest record that is.
import type { Env } from "../env.ts";
import { StreamError } from "../errors.ts";
import { lastTimeMs, readHeader } from "./chunk.ts";
import { unwrap } from "./rpc.ts";
import type { Location, ReadRequest, SeekReply, SeekRequest, ShardView } from "./types.ts";

export interface Page {
  /** Chunks with exactly the records of the page, in order. */
  chunks: Uint8Array[];
  next: Location;
  view: ShardView;
  /** Arrival of the page's last record; undefined on an empty page. */
  lastTimeMs: number | undefined;
}

/** What to do with a location whose record retention has removed: go on at the oldest, or refuse. */
export type Trimmed = "skip" | "refuse";

/** Throws `shardNotFound`, `locationNotFound`, `corrupt`. */
export async function readPage(
  env: Env,
  shardUid: string,
  request: ReadRequest,
  trimmed: Trimmed,
): Promise<Page> {
  const reply = unwrap(await env.SHARD.getByName(shardUid).read(request));
  const { chunks, next, view } = reply;
  if (trimmed === "refuse" && request.index < view.firstIndex) {
    throw new StreamError("locationNotFound");
  }
  const last = chunks.at(-1);
  return {
    chunks,
    next,
    view,
    lastTimeMs: last === undefined ? undefined : lastTimeMs(last, readHeader(last)),
  };
}

/** Throws `shardNotFound`, `locationNotFound`. */
export async function seekShard(
  env: Env,
  shardUid: string,
  request: SeekRequest,
): Promise<SeekReply> {
  return unwrap(await env.SHARD.getByName(shardUid).seek(request));
}
