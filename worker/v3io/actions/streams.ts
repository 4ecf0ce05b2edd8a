// Streams through the v3io face: made, grown, described, and removed as a directory is. A stream is
// usable as soon as it is made. Growing keeps every shard's number and spreads the keys anew over all of
// them, so keys may move to another shard, as the reference says of UpdateStream.
import {
  writtenCatalogOf,
  forgetStream,
  refreshStream,
  settledStream,
} from "../../stream/directory.ts";
import { unwrap } from "../../core/rpc.ts";
import { integer } from "../fields.ts";
import { type Place, placeAt } from "../names.ts";
import { operation, requestOperation, type Resource } from "../operation.ts";
import { shardsMax } from "../../limits.ts";
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
import { streamPlace } from "../streamRequest.ts";

const retentionHoursMax = 8760;
const retentionHoursDefault = 24;

const resource = ({ stream: place }: { stream: Place }): Resource => ({ kind: "stream", place });

/** A plain directory is in use as well, whatever is in it. */
export const createStream = operation({
  name: "CreateStream",
  alias: "kinesis:CreateStream",
  read: (address, body) => ({
    stream: streamPlace(address, body),
    shardCount: integer(body["ShardCount"] ?? 1, 1, shardsMax),
    retentionHours: integer(
      body["RetentionPeriodHours"] ?? retentionHoursDefault,
      1,
      retentionHoursMax,
    ),
  }),
  resource,
  run: async ({ runtime, scope }, { stream: place, shardCount, retentionHours }) => {
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
  },
});

/** Ends when the new shards take records. */
export const updateStream = operation({
  name: "UpdateStream",
  alias: "kinesis:UpdateShardCount",
  read: (address, body) => ({
    stream: streamPlace(address, body),
    shardCount: integer(body["ShardCount"], 1, shardsMax),
  }),
  resource,
  run: async ({ runtime, scope }, { stream: place, shardCount }) => {
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
  },
});

export const describeStream = operation({
  name: "DescribeStream",
  alias: "kinesis:DescribeStream",
  read: (address, body) => ({ stream: streamPlace(address, body) }),
  resource,
  run: async ({ runtime, scope }, { stream: place }) => {
    const stream = await getStream(runtime, scope, place);
    return json({
      RetentionPeriodHours: stream.description.retentionHours,
      ShardCount: shardCountOf(stream),
    });
  },
});

/** Removes the stream with everything in its directory. */
export const deleteStream = requestOperation({
  name: "DeleteStream",
  alias: "kinesis:DeleteStream",
  read: async (_, address) => placeAt(address),
  resource: (place) => ({ kind: "path", place }),
  run: async ({ runtime, scope }, place) => {
    const name = streamNameAt(place);
    unwrap(await writtenCatalogOf(runtime.env, scope).deleteStream(name, true));
    forgetStream(scope, name);
    await itemsOf(runtime, scope, place.container).clearDirectory(`${place.path}/`);
    return noContent();
  },
});
