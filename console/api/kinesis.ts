// The operations of the Kinesis API that the console uses, with the members that it reads. Times
// are seconds, data is base64 text, as in the API's JSON.
import { send } from "./request.ts";

export interface StreamSummary {
  StreamName: string;
  StreamARN: string;
  StreamStatus: string;
  StreamModeDetails?: { StreamMode: "PROVISIONED" | "ON_DEMAND" };
  StreamCreationTimestamp?: number;
}

export interface StreamDescription extends StreamSummary {
  RetentionPeriodHours: number;
  OpenShardCount: number;
  ConsumerCount?: number;
  EncryptionType?: string;
}

export interface Shard {
  ShardId: string;
  ParentShardId?: string;
  AdjacentParentShardId?: string;
  HashKeyRange: { StartingHashKey: string; EndingHashKey: string };
  SequenceNumberRange: { StartingSequenceNumber: string; EndingSequenceNumber?: string };
}

export interface RawRecord {
  SequenceNumber: string;
  ApproximateArrivalTimestamp: number;
  Data: string;
  PartitionKey: string;
}

export interface RecordsPage {
  Records: RawRecord[];
  NextShardIterator?: string;
  MillisBehindLatest: number;
  ChildShards?: { ShardId: string; ParentShards: string[] }[];
}

export interface Consumer {
  ConsumerName: string;
  ConsumerARN: string;
  ConsumerStatus: string;
  ConsumerCreationTimestamp: number;
}

export interface Queue {
  QueueName: string;
  QueueARN: string;
  QueueStatus: string;
  QueueCreationTimestamp: number;
}

export interface QueueRecord {
  ReceiptHandle: string;
  RecordId: string;
  PartitionKey?: string;
  Data: string;
  ReceiveCount?: number;
}

export interface Tag {
  Key: string;
  Value?: string;
}

export interface CallOptions {
  signal?: AbortSignal;
  headers?: Record<string, string>;
  replyMs?: number;
}

/** Throws ApiError. */
export async function call<Output>(
  operation: string,
  input: object,
  options: CallOptions = {},
): Promise<Output> {
  const text = await send({
    method: "POST",
    path: "/",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `Kinesis_20131202.${operation}`,
      ...options.headers,
    },
    body: JSON.stringify(input),
    ...(options.signal && { signal: options.signal }),
    ...(options.replyMs !== undefined && { replyMs: options.replyMs }),
  });
  return (text === "" ? {} : JSON.parse(text)) as Output;
}

export async function listStreams(): Promise<StreamSummary[]> {
  const found: StreamSummary[] = [];
  let after: string | undefined;
  do {
    const page: { StreamSummaries: StreamSummary[]; HasMoreStreams: boolean } = await call(
      "ListStreams",
      { Limit: 1000, ...(after !== undefined && { ExclusiveStartStreamName: after }) },
    );
    found.push(...page.StreamSummaries);
    after = page.HasMoreStreams ? page.StreamSummaries.at(-1)?.StreamName : undefined;
  } while (after !== undefined);
  return found;
}

export async function describeStream(StreamName: string): Promise<StreamDescription> {
  const reply = await call<{ StreamDescriptionSummary: StreamDescription }>(
    "DescribeStreamSummary",
    { StreamName },
  );
  return reply.StreamDescriptionSummary;
}

/** All shards, closed ones too, in the order of their numbers. */
export async function listShards(StreamName: string): Promise<Shard[]> {
  const shards: Shard[] = [];
  let input: object = { StreamName, MaxResults: 10_000 };
  for (;;) {
    const page = await call<{ Shards: Shard[]; NextToken?: string }>("ListShards", input);
    shards.push(...page.Shards);
    if (page.NextToken === undefined) return shards;
    input = { NextToken: page.NextToken, MaxResults: 10_000 };
  }
}

export async function listConsumers(StreamARN: string): Promise<Consumer[]> {
  const consumers: Consumer[] = [];
  let NextToken: string | undefined;
  do {
    const page: { Consumers: Consumer[]; NextToken?: string } = await call("ListStreamConsumers", {
      StreamARN,
      MaxResults: 100,
      ...(NextToken !== undefined && { NextToken }),
    });
    consumers.push(...page.Consumers);
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return consumers;
}

export async function listTags(StreamName: string): Promise<Tag[]> {
  const { Tags } = await call<{ Tags: Tag[] }>("ListTagsForStream", { StreamName, Limit: 50 });
  return Tags;
}

export async function listQueues(StreamARN: string): Promise<Queue[]> {
  const queues: Queue[] = [];
  let NextToken: string | undefined;
  do {
    const page: { QueueSummaries: Queue[]; NextToken?: string } = await call("ListQueues", {
      StreamFilter: [{ StreamARN }],
      MaxResults: 100,
      ...(NextToken !== undefined && { NextToken }),
    });
    queues.push(...page.QueueSummaries);
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return queues;
}
