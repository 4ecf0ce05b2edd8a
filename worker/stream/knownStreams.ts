// What a Worker knows of streams that it reads and writes for Durable Streams, in brief and without
// an end: there may be many, and the catalog is asked about each once. Knowledge may be old without harm. A
// stream that was deleted or made anew has other shards, and the shards of the old one say that they do
// not exist; a shard that was split or merged says that it is closed. Then the catalog is asked again.
import type { Ancestor, DurableAttributes } from "../core/durable.ts";
import type { Env } from "../core/bindings.ts";
import { BoundedMap } from "../core/boundedMap.ts";
import { jsonMediaType, mediaTypeOf, otherMediaType } from "../core/mediaType.ts";
import { knownStreamsMax } from "../limits.ts";
import type { Scope, StreamDescription } from "../core/types.ts";
import { forgetStream, refreshStream } from "./directory.ts";

export interface KnownShard {
  uid: string;
  index: number;
  /** Set if a split or merge has closed it. */
  isClosed: boolean;
  /** Indexes of the shards that it continues. */
  parents: readonly number[];
}

export interface BriefStream {
  scope: Scope;
  name: string;
  uid: string;
  /** As the creator sent it. */
  contentType: string;
  isJson: boolean;
  /** Undefined if another dialect has created the stream. */
  durable: DurableAttributes | undefined;
  /** Whether every use must be told to the shard. */
  expires: boolean;
  ancestors: readonly Ancestor[];
  shards: readonly KnownShard[];
}

const known = new BoundedMap<BriefStream>(knownStreamsMax);

/** Throws `streamNotFound`. */
export async function knownStream(env: Env, scope: Scope, name: string): Promise<BriefStream> {
  return known.get(keyOf(scope, name)) ?? learnStream(env, scope, name);
}

/** The stream if this isolate knows it; it may not exist any more. */
export function rememberedStream(scope: Scope, name: string): BriefStream | undefined {
  return known.get(keyOf(scope, name));
}

/** As the catalog describes it now. Throws `streamNotFound`. */
export async function learnStream(env: Env, scope: Scope, name: string): Promise<BriefStream> {
  known.delete(keyOf(scope, name));
  const { description } = await refreshStream(env, scope, name);
  return noteStream(scope, description);
}

export function noteStream(scope: Scope, description: StreamDescription): BriefStream {
  const { name, uid, durable, shards, status } = description;
  const contentType = durable?.contentType ?? otherMediaType;
  const brief: BriefStream = {
    scope,
    name,
    uid,
    contentType,
    isJson: mediaTypeOf(contentType) === jsonMediaType,
    durable,
    expires: durable?.ttlSeconds !== undefined || durable?.expiresAt !== undefined,
    ancestors: durable?.fork?.ancestors ?? [],
    shards: shards.map(({ uid, index, closedMs, parents = [] }) => ({
      uid,
      index,
      isClosed: closedMs !== undefined,
      parents,
    })),
  };
  // A stream that is just being created or deleted may be another one in a moment.
  if (status === "ACTIVE" || status === "UPDATING") known.set(keyOf(scope, name), brief);
  return brief;
}

/** After this isolate has changed or deleted the stream. */
export function forgetKnown(scope: Scope, name: string): void {
  known.delete(keyOf(scope, name));
  forgetStream(scope, name);
}

function keyOf({ account, region }: Scope, name: string): string {
  return `${account}/${region}/${name}`;
}
