// Creating, describing, listing and deleting streams.
import { openCount } from "../../core/hashRange.ts";
import type { StreamSpec } from "../../core/rpc.ts";
import type { StreamDescription, StreamMode } from "../../core/types.ts";
import { Timestamp } from "../codec.ts";
import { describeStreamNow } from "../currentStream.ts";
import { shardCountMissing } from "../errorTexts.ts";
import { resolveStream, streamArn } from "../names.ts";
import { verifyPageToken, signPageToken } from "../pageToken.ts";
import { shardOf, shardsAfter } from "../shardList.ts";
import { checkTagText, textsOf } from "../tagText.ts";
import { sortMetrics } from "./monitoring.ts";
import { checkWarmThroughput } from "./settings.ts";
import { operation } from "../operation.ts";
import { accountNamed, streamNamed } from "../resource.ts";
import {
  nameShape,
  nextTokenShape,
  pageLimitShape,
  tagsShape,
  shardCountShape,
  maxRecordSizeShape,
  warmThroughputShape,
  distributionShape,
  streamModeShape,
  streamNameField,
  byArn,
} from "../shapes.ts";
import { boolean, required, structure } from "../shapeTypes.ts";

/** An on-demand stream starts with this many shards (a snapshot validated against the service). */
const onDemandShards = 4;
const retentionHoursDefault = 24;
const describeLimit = 100;
const listStreamsLimit = 100;
const kibibyte = 1024;

export const createStream = operation({
  name: "CreateStream",
  input: structure({
    ShardCount: shardCountShape,
    StreamName: required(nameShape),
    StreamModeDetails: streamModeShape,
    Tags: tagsShape,
    WarmThroughputMiBps: warmThroughputShape,
    MaxRecordSizeInKiB: maxRecordSizeShape,
    RecordDistributionStrategy: distributionShape,
  }),
  resource: streamNamed,
  rate: { perSecond: 5, of: "account" },
  run: async ({ backend, scope }, input) => {
    const { StreamName: name, Tags: tags, WarmThroughputMiBps: mibps } = input;
    const mode: StreamMode =
      input.StreamModeDetails?.StreamMode ??
      (input.ShardCount === undefined ? "ON_DEMAND" : "PROVISIONED");
    const shardCount = mode === "ON_DEMAND" ? onDemandShards : input.ShardCount;
    if (shardCount === undefined) throw shardCountMissing();
    checkWarmThroughput(mibps);
    if (tags !== undefined) checkTagText(textsOf(tags), "add tags to", { ...scope, name });
    const { MaxRecordSizeInKiB: kibibytes, RecordDistributionStrategy: distribution } = input;
    const spec: StreamSpec = {
      name,
      shardCount,
      mode,
      retentionHours: retentionHoursDefault,
      ...(tags !== undefined && { tags }),
      ...(mibps !== undefined && { warmThroughputMiBps: mibps }),
      ...(kibibytes !== undefined && { recordBytesMax: kibibytes * kibibyte }),
      ...(distribution !== undefined && { distribution }),
    };
    await backend.streams.create(scope, spec);
    return undefined;
  },
});

export const deleteStream = operation({
  name: "DeleteStream",
  input: structure({
    StreamName: streamNameField,
    EnforceConsumerDeletion: boolean,
    ...byArn,
  }),
  resource: streamNamed,
  rate: { perSecond: 5, of: "account" },
  run: async ({ backend, scope }, input) => {
    const { account, region, name } = resolveStream(input, scope);
    const owner = { account, region };
    await backend.streams.delete(owner, name, input.EnforceConsumerDeletion ?? false);
    return undefined;
  },
});

export const describeStream = operation({
  name: "DescribeStream",
  input: structure({
    Limit: pageLimitShape,
    ExclusiveStartShardId: nameShape,
    StreamName: streamNameField,
    ...byArn,
  }),
  resource: streamNamed,
  rate: { perSecond: 10, of: "account" },
  run: async (context, input) => {
    const stream = await describeStreamNow(context, input);
    const limit = Math.min(input.Limit ?? describeLimit, describeLimit);
    // The service lists no shards before they can be used.
    const isCreating = stream.status === "CREATING";
    const shards = isCreating
      ? []
      : shardsAfter(stream, stream.shards, input.ExclusiveStartShardId);
    return {
      StreamDescription: {
        ...headOf(stream),
        Shards: shards.slice(0, limit).map(shardOf),
        HasMoreShards: shards.length > limit,
      },
    };
  },
});

export const describeStreamSummary = operation({
  name: "DescribeStreamSummary",
  input: structure({ StreamName: streamNameField, ...byArn }),
  resource: streamNamed,
  rate: { perSecond: 20, of: "account" },
  run: async (context, input) => {
    const stream = await describeStreamNow(context, input);
    const { warmThroughputMiBps: mibps, distribution, mode } = stream;
    return {
      StreamDescriptionSummary: {
        ...headOf(stream),
        OpenShardCount: openCount(stream.shards),
        ConsumerCount: stream.consumers.length,
        QueueCount: await context.backend.queues.count(stream, stream.name),
        MaxRecordSizeInKiB: stream.recordBytesMax / kibibyte,
        ChannelCount: 0,
        WarmThroughput:
          mibps === undefined ? undefined : { TargetMiBps: mibps, CurrentMiBps: mibps },
        RecordDistributionStrategy: mode === "ON_DEMAND" ? distribution : undefined,
      },
    };
  },
});

export const listStreams = operation({
  name: "ListStreams",
  input: structure({
    Limit: pageLimitShape,
    ExclusiveStartStreamName: nameShape,
    NextToken: nextTokenShape,
  }),
  resource: accountNamed,
  rate: { perSecond: 5, of: "account" },
  run: async ({ backend, scope, operation: listing, nowMs }, input) => {
    const { NextToken: token, ExclusiveStartStreamName: start = "" } = input;
    // Paginators repeat the parameters of their first request (botocore), so a token is accepted
    // beside a name.
    const [after = ""] =
      token === undefined
        ? [start]
        : verifyPageToken(
            await backend.accounts.findCursorKey(scope),
            scope,
            listing,
            token,
            nowMs,
          );
    const limit = Math.min(input.Limit ?? listStreamsLimit, listStreamsLimit);
    const { streams, more } = await backend.streams.list(scope, after, limit);
    const last = streams.at(-1)?.name ?? "";
    const next = async () =>
      signPageToken(await backend.accounts.cursorKey(scope), scope, listing, [last], nowMs);
    return {
      StreamNames: streams.map((stream) => stream.name),
      HasMoreStreams: more,
      ...(more && { NextToken: await next() }),
      StreamSummaries: streams.map((stream) => ({
        StreamName: stream.name,
        StreamARN: streamArn(stream),
        StreamStatus: stream.status,
        StreamModeDetails: { StreamMode: stream.mode },
        StreamCreationTimestamp: new Timestamp(stream.createdMs),
      })),
    };
  },
});

function headOf(stream: StreamDescription) {
  return {
    StreamName: stream.name,
    StreamARN: streamArn(stream),
    StreamStatus: stream.status,
    StreamModeDetails: { StreamMode: stream.mode },
    RetentionPeriodHours: stream.retentionHours,
    StreamCreationTimestamp: new Timestamp(stream.createdMs),
    EnhancedMonitoring: [{ ShardLevelMetrics: sortMetrics(stream.metrics) }],
    EncryptionType: stream.kmsKeyId === undefined ? "NONE" : "KMS",
    KeyId: stream.kmsKeyId,
  };
}
