// The errors of the Yandex face. A failure of the service underneath is an issue: a text in the form
// in which YDB prints issues, with the number of its kind, which decides the error's name together with
// the method. What the HTTP front finds wrong is said plainly. Sources: YDB exceptions_mapping.cpp,
// http_req.cpp, datastreams_codes.h.
import { BodyError } from "../http/body.ts";
import {
  conditionText,
  damageText,
  isStreamError,
  type StreamError,
  type StreamErrorCode,
  type StreamErrorDetail,
} from "../errors.ts";
import type { FailureLog } from "../core/failureLog.ts";

/** Statuses by name; the reason phrase of a reply is the name too. */
export const errorStatus = {
  AccessDeniedException: 400,
  ExpiredIteratorException: 400,
  ExpiredNextTokenException: 400,
  IncompleteSignature: 400,
  InternalError: 500,
  InvalidAction: 400,
  InvalidArgumentException: 400,
  InvalidParameterCombination: 400,
  LimitExceededException: 400,
  MissingAction: 400,
  MissingAuthenticationToken: 400,
  MissingParameter: 400,
  ProvisionedThroughputExceededException: 400,
  ResourceInUseException: 400,
  ResourceNotFoundException: 400,
  ThrottlingException: 400,
  Unavailable: 503,
  ValidationException: 400,
} as const;

export type YandexErrorName = keyof typeof errorStatus;

export class YandexError extends Error {
  override readonly name: YandexErrorName;

  constructor(name: YandexErrorName, message: string) {
    super(shorten(message, issueLengthMax));
    this.name = name;
  }
}

/** Number and name of each kind of issue. */
const issues = {
  badRequest: { code: 500003, name: "ValidationException" },
  limit: { code: 500030, name: "LimitExceededException" },
  argument: { code: 500040, name: "InvalidArgumentException" },
  missing: { code: 500050, name: "MissingParameter" },
  notFound: { code: 500060, name: "ResourceNotFoundException" },
  inUse: { code: 500070, name: "ResourceInUseException" },
  validation: { code: 500080, name: "ValidationException" },
  unsupported: { code: 500100, name: "InvalidAction" },
  combination: { code: 500110, name: "InvalidParameterCombination" },
  iteratorExpired: { code: 500120, name: "ExpiredIteratorException" },
  tokenExpired: { code: 500130, name: "ExpiredNextTokenException" },
  // The name that the API reference gives it (GetShardIterator).
  throughput: { code: 500100, name: "ProvisionedThroughputExceededException" },
  overload: { code: 500100, name: "ThrottlingException" },
  internal: { code: 500100, name: "InternalError" },
} as const satisfies Record<string, { code: number; name: YandexErrorName }>;

/**
 * Messages repeat what was sent. The service repeats all of it; here it is cut where only abuse reaches,
 * or a body of megabytes would come back several times over.
 */
const messageLengthMax = 1000;

/** What stands around the message of an issue. */
const issueLengthMax = messageLengthMax + 100;

function shorten(message: string, lengthMax = messageLengthMax): string {
  return message.length <= lengthMax ? message : `${message.slice(0, lengthMax)}...`;
}

export type IssueKind = keyof typeof issues;

export function issue(kind: IssueKind, message: string): YandexError {
  const { code, name } = issues[kind];
  return new YandexError(name, `<main>: Error: ${shorten(message)}, code: ${code}\n`);
}

export function streamNotFound(name: string): YandexError {
  return issue("notFound", `path '${name}' does not exist or you do not have access rights`);
}

/** The dialect's name for a failure of the core, whose stream the client calls `name`. */
export function yandexErrorOf(error: unknown, name: string, failures: FailureLog): YandexError {
  if (error instanceof YandexError) return error;
  if (error instanceof BodyError) {
    return new YandexError("InvalidArgumentException", error.message);
  }
  const answer = isStreamError(error) ? answerTo(error, name) : internal();
  if (answer.name === "InternalError") failures.log(error);
  return answer;
}

function answerTo<Code extends StreamErrorCode>(
  { code, detail }: StreamError<Code>,
  name: string,
): YandexError {
  const answer: Answer<Code> = answers[code];
  return answer(name, detail);
}

type Answer<Code extends StreamErrorCode> = (
  stream: string,
  detail: StreamErrorDetail<Code>,
) => YandexError;

/** What no request of this face leads to is an error of ours, as is what no caller can do anything about. */
const answers: { readonly [Code in StreamErrorCode]: Answer<Code> } = {
  streamNotFound,
  streamExists: (name) => issue("inUse", `Stream with name ${name} already exists`),
  streamNotActive: (name, { status }) =>
    issue("inUse", `Stream ${name} is being changed: ${status}`),
  shardNotFound: streamNotFound,
  wrongMode: wrongState,
  retentionNotLonger: wrongState,
  retentionNotShorter: wrongState,
  notCommitted: wrongState,
  tooManyShards: tooMany,
  tooFewShards: () => issue("argument", "Shard count must be non-decreasing"),
  tooManyStreams: tooMany,
  tooManyTags: internal,
  tooManyConsumers: tooMany,
  consumerNotFound: (_, { consumer }) => issue("notFound", `Consumer '${consumer}' does not exist`),
  consumerExists: (_, { consumer }) => issue("inUse", `Consumer '${consumer}' already exists`),
  consumerNotActive: (_, { consumer }) => issue("inUse", `Consumer '${consumer}' is being changed`),
  consumersRegistered: () =>
    issue("inUse", "Stream has registered consumers and EnforceConsumerDeletion flag is false"),
  queueNotFound: internal,
  queueExists: internal,
  queueNotActive: internal,
  tooManyQueues: internal,
  queuesExist: () => issue("inUse", "Stream has queues, which must be deleted before it"),
  policyNotFound: internal,
  shardClosed: busy,
  streamExpires: (name) => issue("inUse", `Stream ${name} has a time to live, and so one shard`),
  streamClosed: (name) => issue("inUse", `Stream ${name} was closed by its writer`),
  hashOutOfRange: internal,
  shardsNotAdjacent: internal,
  subscriptionTaken: internal,
  tooManyWaiting: internal,
  locationNotFound: internal,
  overloaded: busy,
  unreachable: () =>
    new YandexError("Unavailable", "The stream moves to another server, try again later"),
  commitFailed: internal,
  corrupt: (_, detail) => issue("internal", damageText(detail)),
  segmentSkipped: internal,
  segmentSound: internal,
  segmentNotFound: internal,
  tooManySkipped: internal,
  invalidQuery: internal,
  invalidCondition: (_, detail) => issue("validation", conditionText(detail)),
  tooLarge: () => issue("limit", "The stream would be larger than is allowed"),
  itemNotFound: internal,
  itemExists: internal,
  conditionFalse: internal,
  expressionFailed: internal,
};

function internal(): YandexError {
  return issue("internal", "Internal error");
}

function wrongState(): YandexError {
  return issue("validation", "The stream is not in a state that allows this");
}

function tooMany(_: string, { limit }: { readonly limit: number }): YandexError {
  return issue("limit", `No more than ${limit} of them are allowed`);
}

function busy(): YandexError {
  return issue("overload", "Too many requests, try again later");
}
