// Finds the stream that a request means, by its name or ARN. An ARN has its own account and region;
// a plain name is in those of the caller. The shapes have checked the names. The parts of an ARN
// that the shape's pattern does not check are checked here.
import {
  type ConsumerAddress,
  partitionOf,
  type QueueAddress,
  type StreamAddress,
} from "../auth/arn.ts";
import { streamArnInvalid, streamNamesDiffer, streamUnnamed } from "./errorTexts.ts";

export {
  consumerArn,
  queueArn,
  type QueueAddress,
  streamArn,
  type StreamAddress,
} from "../auth/arn.ts";

export interface Home {
  readonly account: string;
  readonly region: string;
}

/** Up to the resource: partition, region and account. */
const headPattern = /^arn:(aws[a-z-]*):kinesis:([a-z0-9-]{1,64}):(\d{12}):/;

const namePattern = /^stream\/([a-zA-Z0-9_.-]{1,128})$/;

const consumerPattern =
  /^stream\/([a-zA-Z0-9_.-]{1,128})\/consumer\/([a-zA-Z0-9_.-]{1,128}):(\d{1,15})$/;

export function parseStreamArn(arn: string): StreamAddress | undefined {
  const head = parseHead(arn);
  const [, name] = head === undefined ? [] : (namePattern.exec(head.resource) ?? []);
  if (head === undefined || name === undefined) return undefined;
  return { account: head.account, region: head.region, name };
}

export function parseConsumerArn(arn: string): ConsumerAddress | undefined {
  const head = parseHead(arn);
  const [, name, consumer, seconds] =
    head === undefined ? [] : (consumerPattern.exec(head.resource) ?? []);
  if (head === undefined || name === undefined) return undefined;
  if (consumer === undefined || seconds === undefined) return undefined;
  const { account, region } = head;
  return { account, region, name, consumer, createdSeconds: Number(seconds) };
}

const queuePattern = /^queue\/([a-zA-Z0-9-]{1,63})$/;

/** A path below a container or a database, as the catalog names streams that Kinesis cannot. */
const pathPattern = /^stream\/(\/\S{1,1024})$/;

export function parseQueueArn(arn: string): QueueAddress | undefined {
  const head = parseHead(arn);
  const [, id] = head === undefined ? [] : (queuePattern.exec(head.resource) ?? []);
  if (head === undefined || id === undefined) return undefined;
  return { account: head.account, region: head.region, id };
}

/** As parseStreamArn; also the streams of the other dialects, whose names are paths. */
export function parseAnyStreamArn(arn: string): StreamAddress | undefined {
  const head = parseHead(arn);
  const [, name] = head === undefined ? [] : (pathPattern.exec(head.resource) ?? []);
  if (head === undefined || name === undefined) return parseStreamArn(arn);
  return { account: head.account, region: head.region, name };
}

/** A region is in one partition. An ARN with another partition before it names nothing. */
function parseHead(arn: string): (Home & { resource: string }) | undefined {
  const [head, partition, region, account] = headPattern.exec(arn) ?? [];
  if (head === undefined || region === undefined || account === undefined) return undefined;
  if (partition !== partitionOf(region)) return undefined;
  return { region, account, resource: arn.slice(head.length) };
}

/** What tagging and policies name: a stream, or a consumer of one. */
export function parseResourceArn(arn: string): StreamAddress | ConsumerAddress | undefined {
  return parseStreamArn(arn) ?? parseConsumerArn(arn);
}

/** The members by which most operations name their stream. */
export interface StreamReference {
  readonly StreamName?: string | undefined;
  readonly StreamARN?: string | undefined;
}

/** The stream that a request means; throws the KinesisError when it means none, or two. */
export function resolveStream(reference: StreamReference, home: Home): StreamAddress {
  const { StreamName: name, StreamARN: arn } = reference;
  if (arn === undefined) {
    if (name === undefined) throw streamUnnamed();
    return { ...home, name };
  }
  const address = parseStreamArn(arn);
  if (!address) throw streamArnInvalid(arn);
  if (name !== undefined && name !== address.name) throw streamNamesDiffer(name, arn);
  return address;
}

export function isSameStream(a: StreamAddress, b: StreamAddress): boolean {
  return a.account === b.account && a.region === b.region && a.name === b.name;
}
