// ListShards. Unlike Kinesis, ExclusiveStartShardId is inclusive, an unknown type of a filter means
// no filter, and a page token is not accepted beside a stream name. Source: YDB
// datastreams_proxy.cpp, kinesis_ut.cpp.
import type { ShardDescription } from "../../core/types.ts";
import { addressIn, getStream, listMember } from "../context.ts";
import { type PageToken, requireListed, signPageToken, verifyPageToken } from "../iterator.ts";
import { issue } from "../errors.ts";
import { operation } from "../operation.ts";
import { integer, type MessageOf, messageOf, nameOf, text, time } from "../shapeTypes.ts";
import { describeShards, shardIdOf } from "../shards.ts";

const pageDefault = 100;
const pageMax = 10_000;

const listShardsInput = {
  StreamName: text,
  ExclusiveStartShardId: text,
  MaxResults: integer,
  NextToken: text,
  ShardFilter: messageOf({
    ShardId: text,
    Timestamp: time,
    Type: nameOf(
      "AFTER_SHARD_ID",
      "AT_TRIM_HORIZON",
      "FROM_TRIM_HORIZON",
      "AT_LATEST",
      "AT_TIMESTAMP",
      "FROM_TIMESTAMP",
    ),
  }),
  StreamCreationTimestamp: time,
};

type ListShardsInput = MessageOf<typeof listShardsInput>;

export const listShards = operation({
  name: "ListShards",
  input: listShardsInput,
  stream: ({ StreamName }) => StreamName,
  run: async (context, input) => {
    const { backend, nowMs } = context;
    const { NextToken: token = "", StreamName: name = "" } = input;
    if (token !== "" && name !== "") {
      throw issue("combination", "StreamName and NextToken can not be provided together");
    }
    const { account } = context.database.scope;
    const last = token === "" ? undefined : await verifyPageToken(backend, account, token, nowMs);
    const page = last ?? {
      stream: await addressIn(context),
      alreadyRead: 0,
      maxResults: resultsOf(input.MaxResults ?? 0),
    };
    if (token !== "") await context.permit(page.stream);
    const { ShardFilter: filter } = input;
    if (filter?.Type === "AFTER_SHARD_ID" && (filter.ShardId ?? "") === "") {
      throw issue("missing", "Shard filter type is AFTER_SHARD_ID, but no ShardId provided");
    }
    const { description } = await getStream(context, page.stream);
    if (last !== undefined) requireListed(last, description);
    const { uid } = description;
    const { shards, read } = takeShards(description.shards, page, filterOf(input));
    const alreadyRead = page.alreadyRead + read;
    const hasMore = alreadyRead < description.shards.length;
    return {
      ...(hasMore && {
        NextToken: await signPageToken(backend, { ...page, uid, alreadyRead }, nowMs),
      }),
      ...listMember("Shards", await describeShards(backend, shards)),
    };
  },
});

function resultsOf(count: number): number {
  if (count >= 0 && count <= pageMax) return count || pageDefault;
  // The service reads the number as unsigned.
  const shown = count < 0 ? 2 ** 32 + count : count;
  throw issue("validation", `Max results '${shown}' is out of bound [1; ${pageMax}]`);
}

/** A page, and the number of shards that were checked for it. */
function takeShards(
  all: readonly ShardDescription[],
  { alreadyRead, maxResults }: Pick<PageToken, "alreadyRead" | "maxResults">,
  isWanted: (shard: ShardDescription) => boolean,
): { shards: ShardDescription[]; read: number } {
  const shards: ShardDescription[] = [];
  let read = 0;
  for (const shard of all.slice(alreadyRead)) {
    if (shards.length === maxResults) break;
    if (isWanted(shard)) shards.push(shard);
    read++;
  }
  return { shards, read };
}

/** A shard that closed before the given time is left out. */
function filterOf(input: ListShardsInput): (shard: ShardDescription) => boolean {
  const { ShardFilter: { Type: type, ShardId: id = "", Timestamp: timeMs = 0 } = {} } = input;
  const { ExclusiveStartShardId: start = "" } = input;
  if (type === undefined) return ({ index }) => shardIdOf(index) >= start;
  switch (type) {
    case "AFTER_SHARD_ID":
      return ({ index }) => shardIdOf(index) > id;
    case "AT_LATEST":
      return ({ closedMs }) => closedMs === undefined;
    case "AT_TIMESTAMP":
    case "FROM_TIMESTAMP":
      return ({ closedMs }) => closedMs === undefined || closedMs >= timeMs;
    case "AT_TRIM_HORIZON":
    case "FROM_TRIM_HORIZON":
      return () => true;
  }
}
