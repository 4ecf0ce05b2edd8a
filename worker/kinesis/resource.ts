// A resource as requests name it, by one ARN: a stream, or a consumer of one. What hangs on it (tags, a
// policy) is the catalog's.
import type { ResourceKey } from "../stream/rpc.ts";
import { channelNotFound, resourceArnInvalid } from "./messages.ts";
import { parseResourceArn, type StreamAddress } from "./names.ts";

export interface Resource {
  /** The stream, or that of the consumer. */
  stream: StreamAddress;
  key: ResourceKey;
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
