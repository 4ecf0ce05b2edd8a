// What a request names: a stream or a consumer of one, by name or by ARN. Every operation says in one table
// by which members it names it, so that what is judged and what is then used are one and the same.
import type { ConsumerKey } from "../core/control.ts";
import type { ResourceKey } from "../core/rpc.ts";
import {
  channelNotFound,
  consumerArnInvalid,
  consumerNamesDiffer,
  consumerUnnamed,
  resourceArnInvalid,
} from "./errorTexts.ts";
import {
  consumerArn,
  type Home,
  isSameStream,
  parseConsumerArn,
  parseResourceArn,
  resolveStream,
  type StreamAddress,
  streamArn,
  type StreamReference,
} from "./names.ts";
import type { OperationName } from "./shapes.ts";

export interface Resource {
  /** The stream, or that of the consumer. */
  stream: StreamAddress;
  key: ResourceKey;
}

/** The members by which a request names a consumer: its ARN, or its name and its stream's ARN. */
export interface ConsumerReference {
  readonly ConsumerARN?: string | undefined;
  readonly ConsumerName?: string | undefined;
  readonly StreamARN?: string | undefined;
}

type Naming =
  | "account" // no stream: all of them, or what is the account's
  | "stream" // StreamName or StreamARN
  | "consumer" // ConsumerARN, or ConsumerName and StreamARN
  | "resource" // ResourceARN
  | "token"; // StreamName or StreamARN, or nothing beside a token: the action judges what it holds

const namings: Readonly<Record<OperationName, Naming>> = {
  AddTagsToStream: "stream",
  CreateChannel: "account",
  CreateStream: "stream",
  DecreaseStreamRetentionPeriod: "stream",
  DeleteChannel: "account",
  DeleteResourcePolicy: "resource",
  DeleteStream: "stream",
  DeregisterStreamConsumer: "consumer",
  DescribeAccountSettings: "account",
  DescribeChannel: "account",
  DescribeLimits: "account",
  DescribeStream: "stream",
  DescribeStreamConsumer: "consumer",
  DescribeStreamSummary: "stream",
  DisableEnhancedMonitoring: "stream",
  EnableEnhancedMonitoring: "stream",
  GetRecords: "token",
  GetResourcePolicy: "resource",
  GetShardIterator: "stream",
  IncreaseStreamRetentionPeriod: "stream",
  ListChannels: "account",
  ListShards: "token",
  ListStreamConsumers: "stream",
  ListStreams: "account",
  ListTagsForResource: "resource",
  ListTagsForStream: "stream",
  MergeShards: "stream",
  PutRecord: "stream",
  PutRecords: "stream",
  PutResourcePolicy: "resource",
  RegisterStreamConsumer: "stream",
  RemoveTagsFromStream: "stream",
  SplitShard: "stream",
  StartStreamEncryption: "stream",
  StopStreamEncryption: "stream",
  SubscribeToShard: "consumer",
  TagResource: "resource",
  UntagResource: "resource",
  UpdateAccountSettings: "account",
  UpdateChannel: "account",
  UpdateMaxRecordSize: "stream",
  UpdateShardCount: "stream",
  UpdateStreamMode: "stream",
  UpdateStreamRecordDistributionStrategy: "stream",
  UpdateStreamWarmThroughput: "stream",
};

/** `token` when only a token of the input says which stream it is. */
export type Named = Resource | "account" | "token";

/** What the input names. Throws the KinesisError when that is nothing. */
export function namedIn(operation: OperationName, input: object, home: Home): Named {
  const naming = namings[operation];
  const { ResourceARN, ...reference }: Reference = input;
  switch (naming) {
    case "account":
      return naming;
    case "resource":
      return resolveResource(ResourceARN ?? "");
    case "consumer": {
      const { stream, consumer } = resolveConsumer(reference, home);
      return { stream, key: { stream: stream.name, consumer } };
    }
    case "token":
      if (reference.StreamName === undefined && reference.StreamARN === undefined) return naming;
      return resolveStreamResource(reference, home);
    case "stream":
      return resolveStreamResource(reference, home);
  }
}

/** Throws the KinesisError for an ARN of anything else. */
export function resolveResource(arn: string): Resource {
  const address = parseResourceArn(arn);
  if (address === undefined) {
    throw /:channel\/[^/]+$/.test(arn) ? channelNotFound(arn) : resourceArnInvalid(arn);
  }
  const { account, region, name } = address;
  const stream = { account, region, name };
  if (!("consumer" in address)) return { stream, key: { stream: name } };
  const { consumer, createdSeconds } = address;
  return { stream, key: { stream: name, consumer: { name: consumer, createdSeconds } } };
}

/** The one ARN of a resource that was named by one, which may have been spelt otherwise. */
export function arnOf({ stream, key: { consumer } }: Resource): string {
  if (consumer?.createdSeconds === undefined) return streamArn(stream);
  const { name, createdSeconds } = consumer;
  return consumerArn({ ...stream, consumer: name, createdSeconds });
}

/** The consumer that a request means, by its ARN, by name, or by both if they agree. */
export function resolveConsumer(
  { ConsumerARN: arn, ConsumerName: name, StreamARN }: ConsumerReference,
  home: Home,
): { stream: StreamAddress; consumer: ConsumerKey } {
  if (arn === undefined) {
    if (name === undefined || StreamARN === undefined) throw consumerUnnamed();
    return { stream: resolveStream({ StreamARN }, home), consumer: { name } };
  }
  const address = parseConsumerArn(arn);
  if (address === undefined) throw consumerArnInvalid(arn);
  const { consumer, createdSeconds, ...stream } = address;
  const isOther =
    (name !== undefined && name !== consumer) ||
    (StreamARN !== undefined && !isSameStream(resolveStream({ StreamARN }, home), stream));
  if (isOther) throw consumerNamesDiffer(arn);
  return { stream, consumer: { name: consumer, createdSeconds } };
}

type Reference = StreamReference & ConsumerReference & { readonly ResourceARN?: string };

function resolveStreamResource(reference: StreamReference, home: Home): Resource {
  const { account, region, name } = resolveStream(reference, home);
  return { stream: { account, region, name }, key: { stream: name } };
}
