// Finds the resource that a request names: a stream or its consumer, by name or by ARN. Each
// operation declares the members that name it, so that the resource that is checked is the one that
// is used.
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

/** `token` when only a token of the input says which stream it is. */
export type Named = Resource | "account" | "token";

/** No stream: all of them, or what is the account's. */
export function accountNamed(): Named {
  return "account";
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

/** By ResourceARN. */
export function resourceNamed({ ResourceARN }: { readonly ResourceARN: string }): Named {
  return resolveResource(ResourceARN);
}

/** By StreamName or StreamARN, or by nothing beside a token: the action judges what that holds. */
export function tokenNamed(reference: StreamReference, home: Home): Named {
  const isNamed = reference.StreamName !== undefined || reference.StreamARN !== undefined;
  return isNamed ? streamNamed(reference, home) : "token";
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
