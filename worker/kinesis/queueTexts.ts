// The refusals of the queue operations. No text of the service is known; these are worded as those of
// its other operations, and clients are told by the names.
import { KinesisError } from "./errors.ts";
import { type QueueAddress, queueArn } from "./names.ts";
import type { NamedStream } from "./errorTexts.ts";

export function queueNotFound(queue: QueueAddress): KinesisError {
  return new KinesisError(
    "ResourceNotFoundException",
    `Queue ${queueArn(queue)} under account ${queue.account} not found.`,
  );
}

export function queueExists(name: string, account: string): KinesisError {
  return new KinesisError(
    "ResourceInUseException",
    `Queue ${name} under account ${account} already exists.`,
  );
}

export function queueNotActive(queue: QueueAddress, status: string): KinesisError {
  return new KinesisError(
    "ResourceInUseException",
    `Queue ${queueArn(queue)} under account ${queue.account} not ACTIVE, instead in state ${status}`,
  );
}

export function tooManyQueues(
  { name, account }: NamedStream,
  limit: number,
  changing: number | undefined,
): KinesisError {
  return new KinesisError(
    "LimitExceededException",
    changing === undefined
      ? `Stream ${name} under account ${account} may have ${limit} consumers and queues together.`
      : `Account ${account} may have ${limit} queues in CREATING and DELETING together.`,
  );
}

export function queuesExist({ name, account }: NamedStream): KinesisError {
  return new KinesisError(
    "ResourceInUseException",
    `Stream ${name} under account ${account} has queues, which must be deleted before.`,
  );
}

export function queueArnInvalid(arn: string): KinesisError {
  return new KinesisError("InvalidArgumentException", `QueueARN ${arn} is not the ARN of a queue.`);
}

export function queueThrottled(): KinesisError {
  return new KinesisError("ThrottlingException", "Too many requests for the queue, slow down.");
}

export function queueOfManyStreams(count: number): KinesisError {
  return new KinesisError(
    "ValidationException",
    `A queue has one stream; StreamConfigurationList has ${count}.`,
  );
}

/** Of a stream that is not on-demand, where the service's limits apply. */
export function streamNotOnDemand({ name, account }: NamedStream): KinesisError {
  return new KinesisError(
    "ValidationException",
    `Stream ${name} under account ${account} is in Provisioned mode. Queues need an on-demand stream.`,
  );
}

export function foreignStream(arn: string): KinesisError {
  return new KinesisError(
    "AccessDeniedException",
    `A queue can be created for streams of the own account only, and not for ${arn}.`,
  );
}

export function positionTimestampMissing(): KinesisError {
  return new KinesisError(
    "ValidationException",
    "Timestamp is required for a StartingPosition of the type AT_TIMESTAMP.",
  );
}

export function positionTimestampRefused(type: string): KinesisError {
  return new KinesisError(
    "ValidationException",
    `A StartingPosition of the type ${type} has no Timestamp.`,
  );
}

export function receiveCountMissing(): KinesisError {
  return new KinesisError(
    "ValidationException",
    "MaxReceiveCount is required for the TargetType BUILT_IN.",
  );
}

/** Why an entry of a batch failed, as its message. */
export const entryTexts = {
  malformed: "The receipt handle is not one of this queue and operation.",
  stale:
    "The receipt handle is not the last one of its record, or the record is not there any more.",
  ended: "The record is not in flight.",
  throttled: "Too many requests for the queue, slow down.",
  internal: "Internal service failure.",
} as const;
