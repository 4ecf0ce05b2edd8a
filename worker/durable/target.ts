// Finds the stream and the shard of a request. What an isolate knows of a stream may be old: if the shard
// does not exist, the catalog is asked again.
import type { BriefStream, KnownShard } from "../stream/knownStreams.ts";
import { isCode } from "../errors.ts";
import { shardsToldMax } from "../limits.ts";
import { DurableError, invalid, notFound } from "./errors.ts";
import type { Call } from "./operation.ts";

export interface Target {
  stream: BriefStream;
  shard: KnownShard;
}

/**
 * Runs `work` on the shard that the query names, or on the only one. If the stream was deleted and created
 * again, runs it once more on the new one's. Throws DurableError: 404 if there is no such stream or shard, 400
 * if a shard must be named.
 */
export function withShard<T>(call: Call, work: (target: Target) => Promise<T>): Promise<T> {
  return withKnown(call, async (known) => {
    const stream = namesShard(call, known) ? known : await describedNow(call);
    return await work({ stream, shard: shardOf(call, stream) });
  });
}

/** What no shard is asked about is as the catalog has it: nobody else would say that it is old. */
export function describedNow({ backend, scope, name }: Call): Promise<BriefStream> {
  return backend.durable.refresh(scope, name);
}

export async function withKnown<T>(
  { backend: { durable }, scope, name, query }: Call,
  work: (stream: BriefStream) => Promise<T>,
): Promise<T> {
  const known = await durable.find(scope, name);
  // A split or merge may have made the shard since.
  const isNew = query.has("shard") && findShard(query, known) === undefined;
  const stream = isNew ? await durable.refresh(scope, name) : known;
  try {
    return await work(stream);
  } catch (error) {
    if (!isCode(error, "shardNotFound")) throw error;
    const now = await durable.refresh(scope, name);
    // It was not created again: it has expired, and is about to be removed.
    if (hasSameShards(now, stream)) throw notFound();
    return await work(now);
  }
}

function hasSameShards(now: BriefStream, stream: BriefStream): boolean {
  return uidsOf(now) === uidsOf(stream);
}

function uidsOf({ shards }: BriefStream): string {
  return shards.map(({ uid }) => uid).join();
}

/** The shard of a request. Throws DurableError. */
export function shardOf(
  { query }: Pick<Call, "query">,
  { shards }: Pick<BriefStream, "shards">,
): KnownShard {
  const [only] = shards;
  if (onlyOf(query, "shard") === null) {
    if (only !== undefined && shards.length === 1) return only;
    throw new DurableError(
      400,
      "SHARD_REQUIRED",
      "The stream has several shards, each with its own order and offsets: add ?shard= and one of Stream-Shards.",
      openShardsHeader(shards),
    );
  }
  const found = findShard(query, { shards });
  if (found !== undefined) return found;
  const headers = shardsHeader(shards);
  throw new DurableError(404, "SHARD_NOT_FOUND", "The stream has no such shard.", headers);
}

function findShard(query: URLSearchParams, { shards }: Pick<BriefStream, "shards">) {
  const asked = query.get("shard") ?? "";
  if (!/^\d{1,9}$/.test(asked)) return undefined;
  return shards.find(({ index }) => index === Number(asked));
}

/** True if the request names a shard, or there is only one. */
export function namesShard({ query }: Pick<Call, "query">, { shards }: BriefStream): boolean {
  return query.has("shard") || shards.length === 1;
}

/** Throws DurableError 400 for a request about a whole stream that names a shard. */
export function refuseShard(query: URLSearchParams): void {
  if (!query.has("shard")) return;
  const what = "A stream is created and deleted as a whole: leave ?shard= out.";
  throw invalid("SHARD_NAMED", what);
}

/** The value of a parameter; null without it. Throws DurableError 400 if there are several. */
export function onlyOf(query: URLSearchParams, name: string): string | null {
  const [value = null, ...others] = query.getAll(name);
  if (others.length === 0) return value;
  throw invalid("INVALID_QUERY", `There is more than one ${name}.`);
}

export function openShardsHeader(shards: readonly KnownShard[]): Record<string, string> {
  return shardsHeader(shards.filter(({ isClosed }) => !isClosed));
}

function shardsHeader(shards: readonly KnownShard[]): Record<string, string> {
  if (shards.length > shardsToldMax) return {};
  return { "stream-shards": shards.map(({ index }) => index).join(",") };
}

/** The shards that continue a closed one: none if its writer has closed it. */
export async function childrenNow(
  call: Call,
  shard: KnownShard,
  { isClosed, isFinal }: { isClosed: boolean; isFinal: boolean },
): Promise<number[]> {
  return isClosed && !isFinal ? childrenOf(await describedNow(call), shard) : [];
}

/** The shards that continue one that was split or merged. */
export function childrenOf({ shards }: BriefStream, { index }: KnownShard): number[] {
  return shards.filter(({ parents }) => parents.includes(index)).map((child) => child.index);
}

export function childrenHeader(children: readonly number[]): Record<string, string> {
  return children.length === 0 ? {} : { "stream-children": children.join(",") };
}
