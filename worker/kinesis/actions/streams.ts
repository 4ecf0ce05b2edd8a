// Creating, describing, listing and deleting streams, and listing their shards.
import { Buffer } from "node:buffer";
import { shardsMax } from "../../limits.ts";
import { catalogOf, cursorKeyOf, findStream, forgetStream } from "../../stream/directory.ts";
import { hashNumber } from "../../stream/hashrange.ts";
import { unwrap } from "../../stream/rpc.ts";
import type { ShardDescription, StreamDescription, StreamMode } from "../../stream/types.ts";
import { openToken, sealToken } from "../../token.ts";
import { Timestamp } from "../codec.ts";
import type { Action, ActionContext } from "../context.ts";
import { KinesisError } from "../errors.ts";
import { parseShardId, shardIdOf } from "../hashkey.ts";
import {
  listShardsWithBoth,
  listShardsWithoutStream,
  shardLimitExceeded,
  shardNotFound,
} from "../messages.ts";
import { resolveStream, streamArn, type StreamReference } from "../names.ts";
import { startingSequenceNumber } from "../sequence.ts";

/** An on-demand stream starts with this many shards (a snapshot validated against the service). */
const onDemandShards = 4;
const retentionHoursDefault = 24;
const describeLimit = 100;
const listStreamsLimit = 100;
const listShardsLimit = 1000;
/** Page tokens live for 300 seconds (AWS API reference, ListShards). */
const tokenTtlMs = 300_000;

export const createStream: Action<"CreateStream"> = async ({ runtime: { env }, scope }, input) => {
  const mode: StreamMode =
    input.StreamModeDetails?.StreamMode ??
    (input.ShardCount === undefined ? "ON_DEMAND" : "PROVISIONED");
  const shardCount = mode === "ON_DEMAND" ? onDemandShards : input.ShardCount;
  if (shardCount === undefined) {
    throw new KinesisError(
      "ValidationException",
      "1 validation error detected: Value null at 'shardCount' failed to satisfy constraint: " +
        "Member must not be null",
    );
  }
  if (shardCount > shardsMax) {
    throw shardLimitExceeded({ ...scope, current: 0, limit: shardsMax, additional: shardCount });
  }
  const spec = { name: input.StreamName, shardCount, mode, retentionHours: retentionHoursDefault };
  unwrap(await catalogOf(env, scope).createStream(scope, spec));
  forgetStream(scope, input.StreamName);
  return undefined;
};

export const deleteStream: Action<"DeleteStream"> = async ({ runtime: { env }, scope }, input) => {
  const address = resolveStream(input, scope);
  unwrap(await catalogOf(env, address).deleteStream(address.name));
  forgetStream(address, address.name);
  return undefined;
};

export const describeStream: Action<"DescribeStream"> = async (context, input) => {
  const stream = await describe(context, input);
  const limit = Math.min(input.Limit ?? describeLimit, describeLimit);
  const shards = shardsAfter(stream, input.ExclusiveStartShardId);
  return {
    StreamDescription: {
      ...headOf(stream),
      Shards: shards.slice(0, limit).map(shardOf),
      HasMoreShards: shards.length > limit,
    },
  };
};

export const describeStreamSummary: Action<"DescribeStreamSummary"> = async (context, input) => {
  const stream = await describe(context, input);
  return {
    StreamDescriptionSummary: {
      ...headOf(stream),
      OpenShardCount: stream.shards.length,
      ConsumerCount: 0,
      MaxRecordSizeInKiB: 1024,
    },
  };
};

export const listStreams: Action<"ListStreams"> = async (
  { runtime: { env }, scope, nowMs },
  input,
) => {
  const key = await cursorKeyOf(env, scope);
  const purpose = `ListStreams/${scope.account}/${scope.region}/`;
  const after =
    input.NextToken === undefined
      ? (input.ExclusiveStartStreamName ?? "")
      : openNames(key, purpose, input.NextToken, nowMs)[0];
  const limit = Math.min(input.Limit ?? listStreamsLimit, listStreamsLimit);
  const { streams, more } = await catalogOf(env, scope).listStreams(after ?? "", limit);
  const last = streams.at(-1)?.name ?? "";
  return {
    StreamNames: streams.map((stream) => stream.name),
    HasMoreStreams: more,
    ...(more && { NextToken: sealNames(key, purpose, [last], nowMs) }),
    StreamSummaries: streams.map((stream) => ({
      StreamName: stream.name,
      StreamARN: streamArn(stream),
      StreamStatus: stream.status,
      StreamModeDetails: { StreamMode: stream.mode },
      StreamCreationTimestamp: new Timestamp(stream.createdMs),
    })),
  };
};

export const listShards: Action<"ListShards"> = async (context, input) => {
  const { scope, nowMs } = context;
  const { env } = context.runtime;
  const named = input.StreamName !== undefined || input.StreamARN !== undefined;
  if (input.NextToken !== undefined && named) throw listShardsWithBoth();
  if (input.NextToken === undefined && !named) throw listShardsWithoutStream();
  const key = await cursorKeyOf(env, scope);
  const purpose = `ListShards/${scope.account}/${scope.region}/`;
  let reference: StreamReference = input;
  let after = input.ExclusiveStartShardId;
  if (input.NextToken !== undefined) {
    const [arn = "", shardId] = openNames(key, purpose, input.NextToken, nowMs);
    await context.permit(arn);
    reference = { StreamARN: arn };
    after = shardId;
  }
  const stream = await describe(context, reference);
  const limit = Math.min(input.MaxResults ?? listShardsLimit, listShardsLimit);
  const shards = shardsAfter(stream, after);
  const page = shards.slice(0, limit).map(shardOf);
  const next = [streamArn(stream), page.at(-1)?.ShardId ?? ""];
  return {
    Shards: page,
    ...(shards.length > limit && { NextToken: sealNames(key, purpose, next, nowMs) }),
  };
};

async function describe(
  context: ActionContext,
  reference: StreamReference,
): Promise<StreamDescription> {
  const address = resolveStream(reference, context.scope);
  return (await findStream(context.runtime.env, address, address.name)).description;
}

function headOf(stream: StreamDescription) {
  return {
    StreamName: stream.name,
    StreamARN: streamArn(stream),
    StreamStatus: stream.status,
    StreamModeDetails: { StreamMode: stream.mode },
    RetentionPeriodHours: stream.retentionHours,
    StreamCreationTimestamp: new Timestamp(stream.createdMs),
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    EncryptionType: "NONE",
  };
}

function shardOf(shard: ShardDescription) {
  return {
    ShardId: shardIdOf(shard.index),
    HashKeyRange: {
      StartingHashKey: hashNumber(shard.hashStart).toString(),
      EndingHashKey: hashNumber(shard.hashEnd).toString(),
    },
    SequenceNumberRange: {
      StartingSequenceNumber: startingSequenceNumber({
        shardCreatedMs: shard.createdMs,
        shardIndex: shard.index,
      }),
    },
  };
}

function shardsAfter(stream: StreamDescription, shardId: string | undefined): ShardDescription[] {
  if (shardId === undefined) return stream.shards;
  const index = parseShardId(shardId);
  if (index === undefined) throw shardNotFound(shardId, stream);
  return stream.shards.slice(index + 1);
}

function sealNames(key: string, purpose: string, names: string[], nowMs: number): string {
  const content = Buffer.from(JSON.stringify(names));
  return sealToken(key, purpose, { issuedMs: nowMs, content });
}

function openNames(key: string, purpose: string, text: string, nowMs: number): string[] {
  const token = openToken(key, purpose, text);
  if (token === undefined) {
    throw new KinesisError("InvalidArgumentException", "Invalid NextToken.");
  }
  if (nowMs - token.issuedMs > tokenTtlMs) {
    throw new KinesisError("ExpiredNextTokenException", "The NextToken has expired.");
  }
  const content = Buffer.from(token.content).toString().replace(/\0+$/, "");
  return JSON.parse(content) as string[];
}
