// Finds the stream and the shard that a request is about, and asks the catalog again when the shard
// says that what is known is old.
import type { BriefStream, KnownShard } from "../stream/knownStreams.ts";
import { isCode } from "../errors.ts";
import { DurableError, notFound } from "./errors.ts";
import type { Call } from "./operation.ts";

export interface Target {
  stream: BriefStream;
  shard: KnownShard;
}

/**
 * Runs `work` on the shard that the query names. If that shard does not exist any more, runs it once
 * more on the one that does. Throws DurableError 404 for no stream, 400 if a shard must be named.
 */
export function withShard<T>(call: Call, work: (target: Target) => Promise<T>): Promise<T> {
  return withKnown(call, (stream) => work({ stream, shard: shardOf(call, stream) }));
}

export async function withKnown<T>(
  { backend: { durable }, scope, name }: Pick<Call, "backend" | "scope" | "name">,
  work: (stream: BriefStream) => Promise<T>,
): Promise<T> {
  const stream = await durable.find(scope, name);
  try {
    return await work(stream);
  } catch (error) {
    if (!isCode(error, "shardNotFound")) throw error;
    const now = await durable.refresh(scope, name);
    // The same shards: the stream has expired, and is about to be removed.
    if (now.uid === stream.uid) throw notFound();
    return await work(now);
  }
}

/** The shard of a request. Throws DurableError. */
export function shardOf({ query }: Pick<Call, "query">, { shards }: BriefStream): KnownShard {
  const asked = query.get("shard");
  const [only] = shards;
  if (asked === null) {
    if (only !== undefined && shards.length === 1) return only;
    const open = shards.filter(({ isClosed }) => !isClosed).map(({ index }) => index);
    throw new DurableError(
      400,
      "SHARD_REQUIRED",
      "The stream has several shards, each with its own order and offsets: add ?shard= and one of Stream-Shards.",
      { "stream-shards": open.join(",") },
    );
  }
  const found = /^\d{1,9}$/.test(asked)
    ? shards.find(({ index }) => index === Number(asked))
    : undefined;
  if (found === undefined) {
    throw new DurableError(404, "SHARD_NOT_FOUND", "The stream has no such shard.", {
      "stream-shards": shards.map(({ index }) => index).join(","),
    });
  }
  return found;
}

/** True if one shard is meant: it is named, or there is no other. */
export function namesShard({ query }: Pick<Call, "query">, { shards }: BriefStream): boolean {
  return query.has("shard") || shards.length === 1;
}

/** The shards that continue one that was split or merged. */
export function childrenHeader({ shards }: BriefStream, { index }: KnownShard) {
  const children = shards.filter(({ parents }) => parents.includes(index));
  if (children.length === 0) return {};
  return { "stream-children": children.map((child) => child.index).join(",") };
}
