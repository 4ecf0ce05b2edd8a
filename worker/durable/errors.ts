// Failures of this dialect: a status, a name for programs, a text for people. The protocol fixes the
// statuses (sections 5 and 9) and leaves the body open; here it is JSON.
import { BodyError } from "../http/body.ts";
import {
  conditionText,
  damageText,
  isCode,
  isStreamError,
  type StreamErrorCode,
} from "../errors.ts";
import type { FailureLog } from "../core/failureLog.ts";
import { requestItemsMax } from "../limits.ts";

export class DurableError extends Error {
  override readonly name = "DurableError";
  readonly status: number;
  readonly code: string;
  readonly headers: Record<string, string>;

  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

export function invalid(code: string, message: string): DurableError {
  return new DurableError(400, code, message);
}

export function invalidJson(): DurableError {
  const text = `The body is not valid JSON, or has more than ${requestItemsMax} values.`;
  return invalid("INVALID_JSON", text);
}

export function notFound(): DurableError {
  return new DurableError(404, "STREAM_NOT_FOUND", "There is no stream of this name.");
}

export function gone(): DurableError {
  return new DurableError(410, "STREAM_GONE", "The stream was deleted; its forks still use it.");
}

const retry = { "retry-after": "1" };

/** The status and name for each failure of the core. */
const answers: Record<StreamErrorCode, readonly [status: number, code: string, message: string]> = {
  streamNotFound: [404, "STREAM_NOT_FOUND", "There is no stream of this name."],
  streamExists: [409, "STREAM_EXISTS", "A stream of this name exists."],
  streamNotActive: [409, "STREAM_BUSY", "The stream is being changed."],
  shardNotFound: [404, "STREAM_NOT_FOUND", "There is no stream of this name."],
  wrongMode: [409, "WRONG_MODE", "The stream's mode does not allow this."],
  retentionNotLonger: [400, "INVALID_RETENTION", "The retention is not longer."],
  retentionNotShorter: [400, "INVALID_RETENTION", "The retention is not shorter."],
  notCommitted: [400, "NOT_COMMITTED", "The account is not committed."],
  tooManyShards: [429, "TOO_MANY_SHARDS", "The account would have too many shards."],
  tooFewShards: [400, "TOO_FEW_SHARDS", "The stream has more shards."],
  tooManyStreams: [429, "TOO_MANY_STREAMS", "The account would have too many streams."],
  tooManyTags: [400, "TOO_MANY_TAGS", "The stream would have too many tags."],
  tooManyConsumers: [429, "TOO_MANY_CONSUMERS", "The stream would have too many consumers."],
  consumerNotFound: [404, "CONSUMER_NOT_FOUND", "There is no such consumer."],
  consumerExists: [409, "CONSUMER_EXISTS", "The consumer exists."],
  consumerNotActive: [409, "CONSUMER_BUSY", "The consumer is being changed."],
  consumersRegistered: [409, "CONSUMERS_REGISTERED", "The stream has consumers."],
  queueNotFound: [404, "QUEUE_NOT_FOUND", "There is no such queue."],
  queueExists: [409, "QUEUE_EXISTS", "The queue exists."],
  queueNotActive: [409, "QUEUE_BUSY", "The queue is being changed."],
  tooManyQueues: [429, "TOO_MANY_QUEUES", "The stream would have too many queues."],
  queuesExist: [409, "QUEUES_EXIST", "The stream has queues, which must be deleted before it."],
  policyNotFound: [404, "POLICY_NOT_FOUND", "There is no policy."],
  shardClosed: [409, "STREAM_CLOSED", "The stream is closed."],
  streamClosed: [409, "STREAM_CLOSED", "The stream is closed."],
  streamExpires: [409, "STREAM_EXPIRES", "A stream with a time to live has one shard."],
  hashOutOfRange: [400, "INVALID_HASH", "The hash key is in no shard."],
  shardsNotAdjacent: [400, "INVALID_SHARDS", "The shards are not adjacent."],
  subscriptionTaken: [429, "BUSY", "Another reader has the place."],
  tooManyWaiting: [503, "TOO_MANY_READERS", "Too many readers wait for this stream."],
  locationNotFound: [
    410,
    "OFFSET_GONE",
    "The stream has no record at this offset: it is no longer kept, or was never written. Start over at -1.",
  ],
  overloaded: [429, "OVERLOADED", "The stream has more writes than it can take. Try again."],
  unreachable: [503, "UNREACHABLE", "The stream moves to another server. Try again."],
  commitFailed: [503, "NOT_STORED", "The write was not stored. Try again."],
  corrupt: [500, "DAMAGED", "Stored bytes are damaged."],
  segmentSkipped: [500, "DAMAGED", "Stored bytes are damaged."],
  segmentSound: [409, "SEGMENT_SOUND", "The segment can be read."],
  segmentNotFound: [404, "SEGMENT_NOT_FOUND", "There is no such segment."],
  tooManySkipped: [409, "TOO_MANY_SKIPPED", "Too many segments are passed over."],
  invalidQuery: [400, "INVALID_QUERY", "A parameter is missing."],
  tooLarge: [413, "TOO_LARGE", "The body is larger than a stream can take."],
  itemNotFound: [404, "ITEM_NOT_FOUND", "There is no such object."],
  itemExists: [409, "ITEM_EXISTS", "The object exists."],
  conditionFalse: [409, "CONDITION_FALSE", "The condition does not hold."],
  expressionFailed: [400, "INVALID_EXPRESSION", "The expression cannot be computed."],
  invalidCondition: [400, "INVALID_CONDITION", "The condition cannot be read."],
};

/** Any failure in the form of this dialect. Unexpected ones are logged, and are told as internal. */
export function durableErrorOf(error: unknown, failures: FailureLog): DurableError {
  const known = knownErrorOf(error);
  if (known.status === 500 || isCode(error, "commitFailed")) failures.log(error);
  return known;
}

function knownErrorOf(error: unknown): DurableError {
  if (error instanceof DurableError) return error;
  if (error instanceof BodyError) return invalid("INCOMPLETE_BODY", error.message);
  if (!isStreamError(error)) {
    return new DurableError(500, "INTERNAL", "The server failed. Its log says why.");
  }
  if (isCode(error, "streamNotFound") && error.detail.isKept === true) return gone();
  const [status, code, message] = answers[error.code];
  const text = isCode(error, "corrupt")
    ? damageText(error.detail)
    : isCode(error, "invalidCondition")
      ? conditionText(error.detail)
      : message;
  const isTemporary = status === 429 || status === 503;
  return new DurableError(status, code, text, isTemporary ? retry : {});
}
