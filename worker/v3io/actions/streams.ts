// Streams through the v3io face: made, grown, described, and removed as a directory is. A stream is
// usable as soon as it is made. Growing keeps every shard's number and spreads the keys anew over all of
// them, so keys may move to another shard, as the reference says of UpdateStream.
import type { Runtime } from "../../core/bindings.ts";
import {
  writtenCatalogOf,
  forgetStream,
  refreshStream,
  settledStream,
} from "../../stream/directory.ts";
import { unwrap } from "../../core/rpc.ts";
import type { Scope } from "../../core/types.ts";
import type { Place } from "../names.ts";
import { invalid, V3ioError } from "../errors.ts";
import { isDirectory } from "../listing.ts";
import {
  getStream,
  isObject,
  itemsOf,
  shardCountOf,
  streamAbove,
  streamAt,
  streamNameAt,
} from "../places.ts";
import { json, noContent } from "../reply.ts";
import type { StreamCommand } from "../operations.ts";

type Command<Kind extends StreamCommand["kind"]> = Extract<StreamCommand, { kind: Kind }>;

/** A plain directory is in use as well, whatever is in it. */
export async function createStream(
  runtime: Runtime,
  scope: Scope,
  { stream: place, shardCount, retentionHours }: Command<"CreateStream">,
): Promise<Response> {
  const name = streamNameAt(place);
  const catalog = writtenCatalogOf(runtime.env, scope);
  const directory = `${place.path}/`;
  const below = `/${place.container}/${directory}`;
  const items = itemsOf(runtime, scope, place.container);
  const { streams } = await catalog.listStreams("", 1, below);
  const isOccupied = streams.length > 0 || (await items.isOccupied(directory, ""));
  if (isOccupied) throw new V3ioError("ResourceInUseException");
  if ((await streamAbove(runtime, scope, place)) !== undefined) throw invalid();
  const spec = { name, shardCount, retentionHours, mode: "PROVISIONED" as const };
  unwrap(await catalog.createStream(scope, spec));
  await items.clearDirectory(directory);
  forgetStream(scope, name);
  return noContent();
}

/** Ends when the new shards take records. */
export async function updateStream(
  runtime: Runtime,
  scope: Scope,
  { stream: place, shardCount }: Command<"UpdateStream">,
): Promise<Response> {
  const name = streamNameAt(place);
  if ((await streamAt(runtime, scope, place)) === undefined) {
    const isOther =
      (await isObject(runtime, scope, place)) || (await isDirectory(runtime, scope, place));
    throw new V3ioError(isOther ? "ResourceNotStreamException" : "ResourceNotFoundException");
  }
  const stream = await refreshStream(runtime.env, scope, name);
  if (shardCount <= shardCountOf(stream)) throw new V3ioError("InvalidShardCountException");
  const catalog = writtenCatalogOf(runtime.env, scope);
  unwrap(await catalog.reshardStream(name, { kind: "recut", to: shardCount }));
  await settledStream(runtime.env, scope, name);
  return noContent();
}

export async function describeStream(
  runtime: Runtime,
  scope: Scope,
  { stream: place }: Command<"DescribeStream">,
): Promise<Response> {
  const stream = await getStream(runtime, scope, place);
  return json({
    RetentionPeriodHours: stream.description.retentionHours,
    ShardCount: shardCountOf(stream),
  });
}

/** Removes the stream with everything in its directory. */
export async function deleteStream(
  runtime: Runtime,
  scope: Scope,
  place: Place,
): Promise<Response> {
  const name = streamNameAt(place);
  unwrap(await writtenCatalogOf(runtime.env, scope).deleteStream(name, true));
  forgetStream(scope, name);
  await itemsOf(runtime, scope, place.container).clearDirectory(`${place.path}/`);
  return noContent();
}
