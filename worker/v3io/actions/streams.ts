// Streams through the v3io face: made, grown, described, and removed as a directory is. A stream is
// usable as soon as it is made. Growing keeps every shard's number and spreads the keys anew over all of
// them, so keys may move to another shard, as the reference says of UpdateStream.
import { integer } from "../fields.ts";
import { type Place, placeAt } from "../names.ts";
import { operation, requestOperation, type Resource } from "../operation.ts";
import { shardsMax } from "../../limits.ts";
import { invalid, V3ioError } from "../errors.ts";
import { isDirectory } from "../listing.ts";
import {
  getStream,
  isObject,
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
  run: async ({ backend, scope }, { stream: place, shardCount, retentionHours }) => {
    const name = streamNameAt(place);
    const directory = `${place.path}/`;
    const below = `/${place.container}/${directory}`;
    const items = backend.items(scope, place.container);
    const { streams } = await backend.streams.list(scope, "", 1, below);
    const isOccupied = streams.length > 0 || (await items.isOccupied(directory, ""));
    if (isOccupied) throw new V3ioError("ResourceInUseException");
    if ((await streamAbove(backend, scope, place)) !== undefined) throw invalid();
    const spec = { name, shardCount, retentionHours, mode: "PROVISIONED" as const };
    await backend.streams.create(scope, spec);
    await items.clearDirectory(directory);
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
  run: async ({ backend, scope }, { stream: place, shardCount }) => {
    const name = streamNameAt(place);
    if ((await streamAt(backend, scope, place)) === undefined) {
      const isOther =
        (await isObject(backend, scope, place)) || (await isDirectory(backend, scope, place));
      throw new V3ioError(isOther ? "ResourceNotStreamException" : "ResourceNotFoundException");
    }
    const stream = await backend.streams.refresh(scope, name);
    if (shardCount <= shardCountOf(stream)) throw new V3ioError("InvalidShardCountException");
    await backend.streams.grow(scope, name, shardCount);
    return noContent();
  },
});

export const describeStream = operation({
  name: "DescribeStream",
  alias: "kinesis:DescribeStream",
  read: (address, body) => ({ stream: streamPlace(address, body) }),
  resource,
  run: async ({ backend, scope }, { stream: place }) => {
    const stream = await getStream(backend, scope, place);
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
  run: async ({ backend, scope }, place) => {
    const name = streamNameAt(place);
    await backend.streams.delete(scope, name, true);
    await backend.items(scope, place.container).clearDirectory(`${place.path}/`);
    return noContent();
  },
});
