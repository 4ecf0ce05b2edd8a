// Finds the resource that a request names: a stream or its consumer, by name or by ARN, or a queue. Each
// operation declares the members that name it, so that the resource that is checked is the one that
// is used.
import type { ConsumerKey } from "../core/control.ts";
import type { StreamKey } from "../core/rpc.ts";
import {
  channelNotFound,
  consumerArnInvalid,
  consumerNamesDiffer,
  consumerUnnamed,
  resourceArnInvalid,
} from "./errorTexts.ts";
import { queueArnInvalid } from "./queueTexts.ts";
import {
  consumerArn,
  type Home,
  isSameStream,
  parseConsumerArn,
  parseQueueArn,
  parseResourceArn,
  queueArn,
  type QueueAddress,
  resolveStream,
  type StreamAddress,
  streamArn,
  type StreamReference,
} from "./names.ts";

export interface Resource {
  /** The stream, or that of the consumer. */
  stream: StreamAddress;
  key: StreamKey;
}

/** The members by which a request names a consumer: its ARN, or its name and its stream's ARN. */
export interface ConsumerReference {
  readonly ConsumerARN?: string | undefined;
  readonly ConsumerName?: string | undefined;
  readonly StreamARN?: string | undefined;
}

export interface QueueResource {
  queue: QueueAddress;
  key: { queue: string };
}

/** `token` if only a token of the input names the stream. */
export type Named = Resource | QueueResource | "account" | "token";

/** No stream, but the account. */
export function accountNamed(): Named {
  return "account";
}

/** Whose it is: that of the stream, or of the queue. */
export function ownerOf(resource: Resource | QueueResource): Home {
  const { account, region } = "queue" in resource ? resource.queue : resource.stream;
  return { account, region };
}

/** By StreamName or StreamARN. */
export function streamNamed(reference: StreamReference, home: Home): Named {
  const { account, region, name } = resolveStream(reference, home);
  return { stream: { account, region, name }, key: { stream: name } };
}

/** By ConsumerARN, or by ConsumerName and StreamARN. */
export function consumerNamed(reference: ConsumerReference, home: Home): Named {
  const { stream, consumer } = resolveConsumer(reference, home);
  return { stream, key: { stream: stream.name, consumer } };
}

/** By QueueARN. */
export function queueNamed({ QueueARN }: { readonly QueueARN: string }): QueueResource {
  const queue = parseQueueArn(QueueARN);
  if (queue === undefined) throw queueArnInvalid(QueueARN);
  return { queue, key: { queue: queue.id } };
}

/** By ResourceARN. */
export function resourceNamed({ ResourceARN }: { readonly ResourceARN: string }): Named {
  return resolveResource(ResourceARN);
}

/** By StreamName or StreamARN, or only by a token: then the action checks the permission. */
export function tokenNamed(reference: StreamReference, home: Home): Named {
  const isNamed = reference.StreamName !== undefined || reference.StreamARN !== undefined;
  return isNamed ? streamNamed(reference, home) : "token";
}

/** Throws the KinesisError for an ARN of anything else. */
export function resolveResource(arn: string): Resource | QueueResource {
  const queue = parseQueueArn(arn);
  if (queue !== undefined) return { queue, key: { queue: queue.id } };
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

/** The canonical ARN of a resource; requests may spell it in other ways. */
export function arnOf(resource: Resource | QueueResource): string {
  if ("queue" in resource) return queueArn(resource.queue);
  const {
    stream,
    key: { consumer },
  } = resource;
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
