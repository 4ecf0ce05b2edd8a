// Maps failures of the core to the service's errors: one table from the core's codes. The texts are
// in errorTexts.ts. A failure that the caller did not cause is logged and answered as
// InternalFailure.
import {
  conditionText,
  damageText,
  isStreamError,
  type StreamError,
  type StreamErrorCode,
  type StreamErrorDetail,
} from "../errors.ts";
import type { FailureLog } from "../core/failureLog.ts";
import type { Scope } from "../core/types.ts";
import { KinesisError } from "./errors.ts";
import {
  consumerExists,
  consumerNotActive,
  consumerNotFound,
  consumersRegistered,
  notCommitted,
  objectMoving,
  retentionInWrongDirection,
  serverBusy,
  shardAlreadySplit,
  shardDoesNotExist,
  shardLimitExceeded,
  shardsNotAdjacent,
  streamClosed,
  streamExpires,
  streamExists,
  streamNotActive,
  streamNotFound,
  streamOnDemand,
  streamProvisioned,
  streamTooLarge,
  streamTooWide,
  tooManyConsumers,
  tooManyStreams,
  tooManyTags,
} from "./errorTexts.ts";
import { streamArn, type StreamAddress } from "./names.ts";
import {
  queueExists,
  queueNotActive,
  queueNotFound,
  queuesExist,
  tooManyQueues,
} from "./queueTexts.ts";

type Answer<Code extends StreamErrorCode> = (
  stream: StreamAddress,
  detail: StreamErrorDetail<Code>,
) => KinesisError;

/**
 * A code that no request of this dialect can cause is an internal error, and so is a failure that
 * no caller can correct. Where a message needs values of the request, the action throws the error
 * itself.
 */
const answers: { readonly [Code in StreamErrorCode]: Answer<Code> } = {
  streamNotFound,
  streamExists,
  streamNotActive: (stream, { status }) => streamNotActive(stream, status),
  shardNotFound: (stream, { shard }) =>
    shard === undefined ? internal() : shardDoesNotExist(shard, stream),
  wrongMode: (stream, { mode }) =>
    mode === "ON_DEMAND" ? streamOnDemand(stream) : streamProvisioned(stream),
  retentionNotLonger: (stream, { hours, existingHours }) =>
    retentionInWrongDirection("Increase", hours, existingHours, stream),
  retentionNotShorter: (stream, { hours, existingHours }) =>
    retentionInWrongDirection("Decrease", hours, existingHours, stream),
  notCommitted: ({ account }) => notCommitted(account),
  tooManyShards,
  tooFewShards: internal,
  tooManyStreams: (stream, { limit, creating }) =>
    tooManyStreams(stream, limit, creating !== undefined),
  tooManyTags,
  tooManyConsumers: (stream, { limit, creating }) =>
    tooManyConsumers(stream, limit, creating !== undefined),
  consumerNotFound: ({ account }, { consumer }) => consumerNotFound(consumer, account),
  consumerExists: (stream, { consumer }) => consumerExists(consumer, stream),
  consumerNotActive: (stream, { consumer, createdSeconds }) =>
    consumerNotActive(consumer, createdSeconds, stream),
  consumersRegistered: (stream) => consumersRegistered(streamArn(stream), stream),
  queueNotFound: ({ account, region }, { queue: id }) => queueNotFound({ account, region, id }),
  queueExists: ({ account }, { queue: name }) => queueExists(name, account),
  queueNotActive: ({ account, region }, { queue: id, status }) =>
    queueNotActive({ account, region, id }, status),
  tooManyQueues: (stream, { limit, changing }) => tooManyQueues(stream, limit, changing),
  queuesExist,
  policyNotFound: internal,
  shardClosed: (stream, detail) =>
    "shard" in detail ? shardAlreadySplit(detail.shard, stream) : internal(),
  streamClosed,
  streamExpires,
  hashOutOfRange: internal,
  shardsNotAdjacent: (stream, { shard, adjacent }) => shardsNotAdjacent(shard, adjacent, stream),
  subscriptionTaken: internal,
  tooManyWaiting: internal,
  locationNotFound: internal,
  overloaded: serverBusy,
  unreachable: objectMoving,
  commitFailed: internal,
  corrupt: (_, detail) => new KinesisError("InternalFailureException", damageText(detail)),
  segmentSkipped: internal,
  segmentSound: internal,
  segmentNotFound: internal,
  tooManySkipped: internal,
  invalidQuery: internal,
  invalidCondition: (_, detail) =>
    new KinesisError("InvalidArgumentException", conditionText(detail)),
  tooLarge: (_, detail) => ("bytesMax" in detail ? streamTooLarge(detail.bytesMax) : internal()),
  itemNotFound: internal,
  itemExists: internal,
  conditionFalse: internal,
  expressionFailed: internal,
};

/**
 * The service's error for whatever an action threw; `about` is the stream or account it was for.
 */
export function kinesisErrorOf(
  error: unknown,
  about: Scope | StreamAddress,
  failures: FailureLog,
): KinesisError {
  if (error instanceof KinesisError) return error;
  const answer = isStreamError(error) ? answerTo(error, about) : internal();
  if (answer.name.startsWith("InternalFailure")) failures.log(error);
  return answer;
}

function answerTo<Code extends StreamErrorCode>(
  { code, detail }: StreamError<Code>,
  about: Scope | StreamAddress,
): KinesisError {
  const { account, region } = about;
  const known = "name" in about ? about.name : "";
  const name = "stream" in detail && typeof detail.stream === "string" ? detail.stream : known;
  const answer: Answer<Code> = answers[code];
  return answer({ account, region, name }, detail);
}

function internal(): KinesisError {
  return new KinesisError("InternalFailure");
}

/** Of the account with all its streams, or of one stream by itself. */
function tooManyShards(
  { account, region }: StreamAddress,
  detail: StreamErrorDetail<"tooManyShards">,
): KinesisError {
  const isOfAccount = "current" in detail;
  return isOfAccount
    ? shardLimitExceeded({ account, region, ...detail })
    : streamTooWide(detail.limit);
}
