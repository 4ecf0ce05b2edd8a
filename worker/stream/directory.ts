// A cache of what the catalogs say: descriptions of streams for a few seconds, cursor keys for as
// long as there is room. Requests ask here first, and here a catalog is called only if needed. A
// stale description is harmless: a shard itself knows whether it exists, and `refreshStream` asks
// again.
import { isDue } from "../core/clock.ts";
import type { Env } from "../core/bindings.ts";
import { BoundedMap } from "../core/boundedMap.ts";
import { isCode } from "../errors.ts";
import { descriptionsMax, descriptionTtlMs } from "../limits.ts";
import { writingOf } from "./written.ts";
import { type Routes, routesOf } from "../core/hashRange.ts";
import { type CatalogApi, unwrap } from "../core/rpc.ts";
import type { Scope, StreamDescription } from "../core/types.ts";
import { UnwrittenCatalog } from "./unwritten.ts";

export interface KnownStream {
  description: StreamDescription;
  routes: Routes;
  /** When the catalog was asked. */
  askedMs: number;
  freshUntilMs: number;
}

const streams = new BoundedMap<KnownStream>(descriptionsMax);
const cursorKeys = new BoundedMap<string>(descriptionsMax);

/** The Durable Object itself; calling it creates it. */
export function catalogOf(env: Env, scope: Scope): DurableObjectStub<CatalogStub> {
  return env.CATALOG.getByName(scopeName(scope));
}

/**
 * The catalog for usual calls: an object that was never written to is not called, except by calls
 * that write: see written.ts.
 */
export function writtenCatalogOf(env: Env, scope: Scope): CatalogApi {
  const catalog = catalogOf(env, scope);
  const name = scopeName(scope);
  const writing = writingOf(env, "CATALOG", "Catalog", name);
  return writing === undefined ? catalog : new UnwrittenCatalog(name, catalog, writing);
}

/**
 * The stream as the catalog described it at most `descriptionTtlMs` ago. Throws `streamNotFound`.
 */
export async function findStream(env: Env, scope: Scope, name: string): Promise<KnownStream> {
  const known = streams.get(streamName(scope, name));
  if (known !== undefined && !isDue(known.freshUntilMs, descriptionTtlMs, Date.now())) return known;
  return refreshStream(env, scope, name);
}

/** The stream as it was at `sinceMs` or later. Throws `streamNotFound`. */
export async function findStreamSince(
  env: Env,
  scope: Scope,
  name: string,
  sinceMs: number,
): Promise<KnownStream> {
  const known = streams.get(streamName(scope, name));
  const isEnough = known !== undefined && known.askedMs >= sinceMs && known.askedMs <= Date.now();
  return isEnough ? known : findStream(env, scope, name);
}

/** The stream as the catalog describes it now. Throws `streamNotFound`. */
export async function refreshStream(env: Env, scope: Scope, name: string): Promise<KnownStream> {
  const key = streamName(scope, name);
  streams.delete(key);
  const askedMs = Date.now();
  const reply = unwrap(await writtenCatalogOf(env, scope).describeStream(name));
  cursorKeys.set(scopeName(scope), reply.cursorKey);
  return remember(key, reply.stream, askedMs);
}

/** As `refreshStream`, once no shard of the stream is being split or merged. */
export async function settledStream(env: Env, scope: Scope, name: string): Promise<KnownStream> {
  const key = streamName(scope, name);
  streams.delete(key);
  const askedMs = Date.now();
  const { stream } = unwrap(await writtenCatalogOf(env, scope).settledStream(name));
  return remember(key, stream, askedMs);
}

/**
 * Runs `work` on the stream. If a shard of a stale description does not exist, runs it once more on
 * a fresh one.
 */
export async function withStream<T>(
  env: Env,
  scope: Scope,
  name: string,
  work: (stream: KnownStream) => Promise<T>,
): Promise<T> {
  const known = await findStream(env, scope, name);
  try {
    return await work(known);
  } catch (error) {
    if (!isCode(error, "shardNotFound")) throw error;
    return await work(await refreshStream(env, scope, name));
  }
}

/** Removes the stream from the cache, after this isolate has changed it. */
export function forgetStream(scope: Scope, name: string): void {
  streams.delete(streamName(scope, name));
}

/** Forgets all streams and keys, after the catalogs have. */
export function forgetAll(): void {
  streams.clear();
  cursorKeys.clear();
}

/** The key that authenticates the scope's cursors, for signing; created if there is none. */
export async function cursorKeyOf(env: Env, scope: Scope): Promise<string> {
  const name = scopeName(scope);
  let key = cursorKeys.get(name);
  if (key === undefined) {
    key = await writtenCatalogOf(env, scope).cursorKey();
    cursorKeys.set(name, key);
  }
  return key;
}

/** The same key, for checking; undefined if it was never created. Then no cursor can be valid. */
export async function findCursorKey(env: Env, scope: Scope): Promise<string | undefined> {
  const name = scopeName(scope);
  const known = cursorKeys.get(name);
  if (known !== undefined) return known;
  const { key } = await writtenCatalogOf(env, scope).findCursorKey();
  if (key !== undefined) cursorKeys.set(name, key);
  return key;
}

/**
 * As `findCursorKey`, in one call with the description of a stream that is probably needed next.
 */
export async function findCursorKeyBeside(
  env: Env,
  scope: Scope,
  likelyName: () => string,
): Promise<string | undefined> {
  if (!cursorKeys.has(scopeName(scope))) {
    try {
      await findStream(env, scope, likelyName());
    } catch (error) {
      if (!isCode(error, "streamNotFound")) throw error;
    }
  }
  return findCursorKey(env, scope);
}

type CatalogStub = CatalogApi & Rpc.DurableObjectBranded;

function remember(key: string, description: StreamDescription, askedMs: number): KnownStream {
  // The state of a stream that is being created or deleted may differ at the next request, so it is
  // not cached.
  const settled = description.status === "ACTIVE" || description.status === "UPDATING";
  const known = {
    description,
    routes: routesOf(description.shards),
    askedMs,
    freshUntilMs: settled ? Date.now() + descriptionTtlMs : 0,
  };
  streams.set(key, known);
  return known;
}

function scopeName(scope: Scope): string {
  return `${scope.account}/${scope.region}`;
}

function streamName(scope: Scope, name: string): string {
  return `${scopeName(scope)}/${name}`;
}
