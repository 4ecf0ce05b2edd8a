// Finds what a path means. A stream in the root of the default container is the Kinesis stream of
// that name. Any other stream has its whole path as its name, which no Kinesis stream can have. A
// stream is a directory too: a number in it is a shard, any other name an object that exists as
// long as the stream. A stream cannot be inside another one, so at most one stream is above a path.
import type { Backend } from "../stream/backend.ts";
import { isCode, StreamError } from "../errors.ts";
import type { ItemPlace, Selection, ComputedItem } from "../core/itemTypes.ts";
import type { KnownStream } from "../stream/directory.ts";
import { findShard } from "../core/hashRange.ts";
import { sharedName } from "../core/streamName.ts";
import { itemTimeAt } from "../core/itemTime.ts";
import type { Scope, ShardDescription, ShardView } from "../core/types.ts";
import type { Place } from "./names.ts";
import { V3ioError } from "./errors.ts";

/** The container whose root holds the streams that the other dialects see. */
const defaultContainer = "bigdata";

/** The type of a stream's shard among the objects (v3io-go, streamconsumergroup). */
const shardType = "3";

/** Selects no attributes: only existence and size are wanted. */
export const noAttributes: Selection = { user: false, system: false, names: [] };

export interface FoundShard {
  stream: KnownStream;
  shard: ShardDescription;
}

/** The catalog's name for the stream at a place. */
export function streamNameAt({ container, path }: Place): string {
  const isShared = container === defaultContainer && sharedName.test(path);
  return isShared ? path : `/${container}/${path}`;
}

/** Throws `streamNotFound`, also for a stream that is being deleted. */
export async function getStream(
  backend: Backend,
  scope: Scope,
  place: Place,
): Promise<KnownStream> {
  const stream = await backend.streams.find(scope, streamNameAt(place));
  requireKept(stream);
  return stream;
}

/** Runs `work` on the stream at a place, as `withStream` does. Throws as `getStream`. */
export function withStreamAt<T>(
  backend: Backend,
  scope: Scope,
  place: Place,
  work: (stream: KnownStream) => Promise<T>,
): Promise<T> {
  return backend.streams.use(scope, streamNameAt(place), async (stream) => {
    requireKept(stream);
    return await work(stream);
  });
}

function requireKept({ description: { status, name } }: KnownStream): void {
  if (status === "DELETING") throw new StreamError("streamNotFound", { stream: name });
}

/** The stream at the place, or undefined. */
export async function streamAt(
  backend: Backend,
  scope: Scope,
  place: Place,
): Promise<KnownStream | undefined> {
  try {
    return await getStream(backend, scope, place);
  } catch (error) {
    if (isCode(error, "streamNotFound")) return undefined;
    throw error;
  }
}

/** The stream that contains the place; a stream at the place itself does not count. */
export async function streamAbove(
  backend: Backend,
  scope: Scope,
  { container, path }: Place,
): Promise<{ stream: KnownStream; below: string } | undefined> {
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
    const stream = await streamAt(backend, scope, { container, path: path.slice(0, at) });
    if (stream !== undefined) return { stream, below: path.slice(at + 1) };
  }
  return undefined;
}

/** True if there is an object at the place. */
export async function isObject(backend: Backend, scope: Scope, place: Place): Promise<boolean> {
  const { container, path } = place;
  const owner = (await streamAbove(backend, scope, place))?.stream.description.uid ?? "";
  try {
    await backend.items(scope, container).getItem({ path, owner }, noAttributes);
    return true;
  } catch (error) {
    if (isCode(error, "itemNotFound")) return false;
    throw error;
  }
}

/**
 * The number of shards as v3io counts them: all that ever existed, including those that were split
 * or merged.
 */
export function shardCountOf({ description }: KnownStream): number {
  return 1 + Math.max(...description.shards.map(({ index }) => index));
}

/** Throws ShardIDOutOfRangeException, and `shardNotFound` for a shard that has expired. */
export function shardOf(stream: KnownStream, index: number): ShardDescription {
  const found = findShard(stream.description.shards, index);
  if (found !== undefined) return found;
  if (index >= shardCountOf(stream)) throw new V3ioError("ShardIDOutOfRangeException");
  throw new StreamError("shardNotFound", { shard: index });
}

/** The shard at a place, whether it has records or not. */
export async function shardAt(
  backend: Backend,
  scope: Scope,
  place: Place,
): Promise<FoundShard | undefined> {
  const above = await streamAbove(backend, scope, place);
  return above && shardBelow(above.stream, above.below);
}

/** The place as the object store names it. Throws "Is a directory" if there is a stream. */
export async function itemPlaceAt(
  backend: Backend,
  scope: Scope,
  place: Place,
): Promise<ItemPlace> {
  const { path } = place;
  const above = await streamAbove(backend, scope, place);
  if (above === undefined) {
    if ((await streamAt(backend, scope, place)) !== undefined) {
      throw new V3ioError("Is a directory");
    }
    return { path, owner: "" };
  }
  const found = shardBelow(above.stream, above.below);
  const base = path.slice(0, -above.below.length);
  if (found === undefined) return { path, owner: above.stream.description.uid, base };
  const { uid } = found.shard;
  return { path, owner: uid, base, computed: computedItemOf(await backend.shards.view(uid)) };
}

/** A shard is an object from its first record on. */
export function computedItemOf({ nextIndex, lastTimeMs }: ShardView): ComputedItem | undefined {
  if (nextIndex === 0) return undefined;
  return {
    time: itemTimeAt(lastTimeMs),
    system: new Map([
      ["__obj_type", { N: shardType }],
      ["__last_sequence_num", { N: String(nextIndex) }],
    ]),
  };
}

function shardBelow(stream: KnownStream, name: string): FoundShard | undefined {
  if (!/^\d{1,9}$/.test(name)) return undefined;
  const shard = findShard(stream.description.shards, Number(name));
  return shard && { stream, shard };
}
