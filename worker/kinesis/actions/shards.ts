// Listing, splitting and merging shards, and changing their number. A stream is UPDATING when the
// reply is sent, and the change is carried out at once (docs/RESHARDING.md). The order of the
// checks is that of kinesalite actions/splitShard.js and mergeShards.js; a shard that is already
// closed is reported after that, as moto does.
import type { ReshardOrder } from "../../core/control.ts";
import { shardsMax } from "../../limits.ts";
import { accountQuota } from "../../catalog/accountQuota.ts";
import { findShard, hashHex, hashNumber, openCount } from "../../core/hashRange.ts";
import { recentRecounts } from "../../catalog/reshardPlan.ts";
import type { ShardDescription, StreamDescription } from "../../core/types.ts";
import type { ActionContext } from "../context.ts";
import { describeStreamNow } from "../currentStream.ts";
import { parseHashKey } from "../../core/hashKey.ts";
import { parseShardId, shardIdOf } from "../shardId.ts";
import {
  listShardsWithoutStream,
  nextTokenInvalid,
  shardAlreadySplit,
  shardCountChangedTooOften,
  shardCountTooHigh,
  shardCountTooLarge,
  shardCountTooLow,
  shardLimitExceeded,
  shardNotFound,
  shardsNotAdjacent,
  splitKeyOutOfRange,
  streamNotActive,
  streamNotFound,
  streamOnDemand,
} from "../errorTexts.ts";
import { parseStreamArn, resolveStream, streamArn, type StreamReference } from "../names.ts";
import { checkBesideToken, verifyPageToken, signPageToken } from "../pageToken.ts";
import { filterShards, type ShardFilter, shardOf, shardsAfter } from "../shardList.ts";
import { operation } from "../operation.ts";
import { streamNamed, tokenNamed } from "../resource.ts";
import {
  nameShape,
  hashKeyShape,
  nextTokenShape,
  pageLimitShape,
  shardCountShape,
  shardFilterShape,
  streamNameField,
  byArn,
} from "../shapes.ts";
import { oneOf, required, structure, timestamp } from "../shapeTypes.ts";

const listLimit = 1000;

const toldByToken = [
  "StreamName",
  "StreamARN",
  "StreamCreationTimestamp",
  "ExclusiveStartShardId",
  "ShardFilter",
] as const;

/** In 24 hours, of one stream (AWS API reference, UpdateShardCount). */
const recountsMax = 10;

export const listShards = operation({
  name: "ListShards",
  input: structure({
    ExclusiveStartShardId: nameShape,
    MaxResults: pageLimitShape,
    NextToken: nextTokenShape,
    StreamCreationTimestamp: timestamp,
    StreamName: nameShape,
    ShardFilter: shardFilterShape,
    ...byArn,
  }),
  resource: tokenNamed,
  rate: { perSecond: 1000, of: "stream" },
  run: async (context, input) => {
    const { scope, nowMs, backend } = context;
    const { NextToken: token, StreamCreationTimestamp: createdMs } = input;
    checkBesideToken(input, toldByToken);
    const named = input.StreamName !== undefined || input.StreamARN !== undefined;
    if (token === undefined && !named) throw listShardsWithoutStream();
    let reference: StreamReference = input;
    let filter: ShardFilter | undefined = input.ShardFilter;
    let after = input.ExclusiveStartShardId;
    let uid: string | undefined;
    if (token !== undefined) {
      const key = await backend.accounts.findCursorKey(scope);
      const names = verifyPageToken(key, scope, context.operation, token, nowMs);
      const [arn = "", , , filterText] = names;
      const address = parseStreamArn(arn);
      if (address === undefined) throw nextTokenInvalid();
      await context.permit(address);
      reference = { StreamARN: arn };
      filter = filterText === undefined ? undefined : (JSON.parse(filterText) as ShardFilter);
      [, uid = "", after] = names;
    }
    const stream = await describeStreamNow(context, reference);
    // The client library relies on it: it waits while a stream is neither ACTIVE nor UPDATING
    // (awslabs/amazon-kinesis-client, KinesisShardDetector).
    const isListed = stream.status === "ACTIVE" || stream.status === "UPDATING";
    if (!isListed) throw streamNotActive(stream, stream.status);
    const isOther = createdMs !== undefined && secondOf(createdMs) !== secondOf(stream.createdMs);
    const isRemade = uid !== undefined && uid !== stream.uid;
    if (isOther || isRemade) throw streamNotFound(stream);
    const limit = Math.min(input.MaxResults ?? listLimit, listLimit);
    const shards = shardsAfter(stream, filterShards(stream, filter, nowMs), after);
    const page = shards.slice(0, limit).map(shardOf);
    const next = [streamArn(stream), stream.uid, page.at(-1)?.ShardId ?? ""];
    if (filter !== undefined) next.push(JSON.stringify(filter));
    return {
      Shards: page,
      ...(shards.length > limit && {
        NextToken: signPageToken(
          await backend.accounts.cursorKey(scope),
          scope,
          context.operation,
          next,
          nowMs,
        ),
      }),
    };
  },
});

export const splitShard = operation({
  name: "SplitShard",
  input: structure({
    NewStartingHashKey: required(hashKeyShape),
    StreamName: streamNameField,
    ShardToSplit: required(nameShape),
    ...byArn,
  }),
  resource: streamNamed,
  rate: { perSecond: 5, of: "account" },
  run: async (context, input) => {
    const shardIndex = indexOf(input.ShardToSplit, context, input);
    const stream = await changeableStream(context, input);
    const shard = getShard(stream, shardIndex);
    await checkAccount(context, stream);
    const { NewStartingHashKey: text } = input;
    const start = hashNumber(shard.hashStart);
    const end = hashNumber(shard.hashEnd);
    const key = parseHashKey(text);
    if (key === undefined || key <= start + 1n || key >= end) {
      throw splitKeyOutOfRange(text, shardIndex, stream, { start, end });
    }
    checkOpen(stream, shard);
    await reshard(context, stream, { kind: "split", shard: shardIndex, hash: hashHex(key) });
    return undefined;
  },
});

export const mergeShards = operation({
  name: "MergeShards",
  input: structure({
    ShardToMerge: required(nameShape),
    AdjacentShardToMerge: required(nameShape),
    StreamName: streamNameField,
    ...byArn,
  }),
  resource: streamNamed,
  rate: { perSecond: 5, of: "account" },
  run: async (context, input) => {
    const { ShardToMerge, AdjacentShardToMerge } = input;
    const index = indexOf(ShardToMerge, context, input);
    const adjacentIndex = indexOf(AdjacentShardToMerge, context, input);
    const stream = await changeableStream(context, input);
    const shard = getShard(stream, index);
    const adjacent = getShard(stream, adjacentIndex);
    if (hashNumber(shard.hashEnd) + 1n !== hashNumber(adjacent.hashStart)) {
      throw shardsNotAdjacent(index, adjacentIndex, stream);
    }
    checkOpen(stream, shard);
    checkOpen(stream, adjacent);
    await reshard(context, stream, { kind: "merge", shard: index, adjacent: adjacentIndex });
    return undefined;
  },
});

export const updateShardCount = operation({
  name: "UpdateShardCount",
  input: structure({
    StreamName: streamNameField,
    TargetShardCount: required(shardCountShape),
    ScalingType: required(oneOf("UNIFORM_SCALING")),
    ...byArn,
  }),
  resource: streamNamed,
  rate: { perSecond: 10, of: "account" },
  run: async (context, input) => {
    const stream = await changeableStream(context, input);
    const { TargetShardCount: to } = input;
    const from = openCount(stream.shards);
    if (to > shardsMax) throw shardCountTooLarge(shardsMax, from, to);
    if (to > from * 2) throw shardCountTooHigh(from, to);
    if (to < from / 2) throw shardCountTooLow(from, to);
    if (recentRecounts(stream, context.nowMs).length >= recountsMax) {
      throw shardCountChangedTooOften(recountsMax, stream);
    }
    await reshard(context, stream, { kind: "recount", from, to });
    return {
      StreamName: stream.name,
      CurrentShardCount: from,
      TargetShardCount: to,
      StreamARN: streamArn(stream),
    };
  },
});

/** An invalid shard id is reported before the stream is looked up. */
function indexOf(shardId: string, { scope }: ActionContext, reference: StreamReference): number {
  const index = parseShardId(shardId);
  if (index === undefined) throw shardNotFound(shardId, resolveStream(reference, scope));
  return index;
}

async function changeableStream(
  context: ActionContext,
  reference: StreamReference,
): Promise<StreamDescription> {
  const stream = await describeStreamNow(context, reference);
  if (stream.status !== "ACTIVE") throw streamNotActive(stream, stream.status);
  if (stream.mode === "ON_DEMAND") throw streamOnDemand(stream);
  return stream;
}

function getShard(stream: StreamDescription, index: number): ShardDescription {
  const shard = findShard(stream.shards, index);
  if (shard === undefined) throw shardNotFound(shardIdOf(index), stream);
  return shard;
}

function checkOpen(stream: StreamDescription, { index, closedMs }: ShardDescription): void {
  if (closedMs !== undefined) throw shardAlreadySplit(index, stream);
}

/** Throws if the account's limit allows no further shard. */
async function checkAccount({ backend }: ActionContext, stream: StreamDescription): Promise<void> {
  const { account, region } = stream;
  const { totals } = await backend.accounts.describe({ account, region });
  const current = totals.openShards;
  const { openShards: limit } = accountQuota(backend.settings, stream);
  if (current + 1 <= limit) return;
  throw shardLimitExceeded({ account, region, current, limit, additional: 1 });
}

async function reshard(
  { backend }: ActionContext,
  stream: StreamDescription,
  order: ReshardOrder,
): Promise<void> {
  await backend.streams.reshard(stream, stream.name, order);
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1000);
}
