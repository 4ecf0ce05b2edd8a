// The errors of the v3io face: name, number, status, and the body as real servers print it,
// indented by tabs. The number is an errno or a code of a subsystem (streams −0x0C000000 − n);
// where no number of a real server is known, any negative number will do; it is chosen here. The
// message is the name, unless clients look for something else in it. Sources: Iguazio web API
// reference, error information; replies captured in v3io-go; v3io/frames backends/kv/writer.go.
import { BodyError } from "../http/body.ts";
import {
  conditionText,
  damageText,
  isCode,
  isStreamError,
  type StreamError,
  type StreamErrorCode,
} from "../errors.ts";
import type { FailureLog } from "../core/failureLog.ts";

interface ErrorRow {
  readonly code: number;
  readonly status: number;
  readonly message?: string;
}

export const errorTable = {
  InvalidArgumentException: { code: -201326592, status: 400 },
  ShardIDOutOfRangeException: { code: -201326594, status: 400 },
  ResourceNotFoundException: { code: -201326595, status: 404 },
  ResourceInUseException: { code: -201326596, status: 409 },
  IllegalLocationException: { code: -201326597, status: 400 },
  ResourceIsnotStream: { code: -201326598, status: 400 },
  ResourceNotStreamException: { code: -201326598, status: 400 },
  InvalidShardCountException: { code: -201326599, status: 400 },
  ProvisionedThroughputExceededException: { code: -201326600, status: 503 },
  ConditionFalse: {
    code: -16777244,
    status: 400,
    message: "The condition is false, ErrorCode -16777245",
  },
  ItemExists: { code: -369098809, status: 400, message: "The item exists, ErrorCode -369098809" },
  "Container not found": { code: -117440513, status: 404 },
  "Operation not permitted": { code: -1, status: 403 },
  "No such file or directory": { code: -2, status: 404 },
  "Permission denied": { code: -13, status: 403 },
  Unauthorized: { code: -13, status: 401, message: "Permission denied" },
  "Is a directory": { code: -21, status: 400 },
  "Requested range not satisfiable": { code: -22, status: 416 },
  "File too large": { code: -27, status: 413 },
  "Directory not empty": { code: -39, status: 409 },
  InternalError: { code: -117440512, status: 500 },
} as const satisfies Record<string, ErrorRow>;

export type V3ioErrorName = keyof typeof errorTable;

export class V3ioError extends Error {
  override readonly name: V3ioErrorName;
  /** A text after the name, for people. */
  readonly notice: string | undefined;

  constructor(name: V3ioErrorName, notice?: string) {
    super(name);
    this.name = name;
    this.notice = notice;
  }
}

export function invalid(): V3ioError {
  return new V3ioError("InvalidArgumentException");
}

/** The dialect's name for a failure of the core; unknown errors are internal, and logged. */
export function v3ioErrorOf(error: unknown, failures: FailureLog): V3ioError {
  const named = nameOf(error);
  if (named.name === "InternalError") failures.log(error);
  return named;
}

function nameOf(error: unknown): V3ioError {
  if (error instanceof V3ioError) return error;
  if (error instanceof BodyError) return new V3ioError("InvalidArgumentException", error.message);
  if (!isStreamError(error)) return new V3ioError("InternalError");
  return new V3ioError(names[error.code], noticeOf(error));
}

function noticeOf(error: StreamError): string | undefined {
  if (isCode(error, "corrupt")) return damageText(error.detail);
  if (isCode(error, "streamClosed")) return "The stream was closed by its writer.";
  if (isCode(error, "streamExpires")) return "A stream with a time to live has one shard.";
  return isCode(error, "invalidCondition") ? conditionText(error.detail) : undefined;
}

/**
 * A code that no request of this dialect can cause is an internal error, and so is a failure that
 * no caller can correct.
 */
const names: Readonly<Record<StreamErrorCode, V3ioErrorName>> = {
  streamNotFound: "ResourceNotFoundException",
  streamExists: "ResourceInUseException",
  streamNotActive: "ResourceInUseException",
  shardNotFound: "ResourceNotFoundException",
  wrongMode: "InternalError",
  retentionNotLonger: "InternalError",
  retentionNotShorter: "InternalError",
  notCommitted: "InternalError",
  tooManyShards: "InvalidArgumentException",
  tooFewShards: "InvalidShardCountException",
  tooManyStreams: "ProvisionedThroughputExceededException",
  tooManyTags: "InternalError",
  tooManyConsumers: "InternalError",
  consumerNotFound: "InternalError",
  consumerExists: "InternalError",
  consumerNotActive: "InternalError",
  consumersRegistered: "ResourceInUseException",
  queueNotFound: "InternalError",
  queueExists: "InternalError",
  queueNotActive: "InternalError",
  tooManyQueues: "InternalError",
  queuesExist: "ResourceInUseException",
  policyNotFound: "InternalError",
  shardClosed: "ProvisionedThroughputExceededException",
  streamClosed: "ResourceInUseException",
  streamExpires: "ResourceInUseException",
  hashOutOfRange: "InternalError",
  shardsNotAdjacent: "InternalError",
  subscriptionTaken: "InternalError",
  tooManyWaiting: "InternalError",
  locationNotFound: "IllegalLocationException",
  overloaded: "ProvisionedThroughputExceededException",
  unreachable: "ProvisionedThroughputExceededException",
  commitFailed: "InternalError",
  corrupt: "InternalError",
  segmentSkipped: "InternalError",
  segmentSound: "InternalError",
  segmentNotFound: "InternalError",
  tooManySkipped: "InternalError",
  invalidQuery: "InternalError",
  invalidCondition: "InvalidArgumentException",
  tooLarge: "InvalidArgumentException",
  itemNotFound: "No such file or directory",
  itemExists: "ItemExists",
  conditionFalse: "ConditionFalse",
  expressionFailed: "InvalidArgumentException",
};

/** A failed record within a reply of status 200. */
export function recordFailure(error: V3ioError): { ErrorCode: number; ErrorMessage: string } {
  const { code, message } = rowOf(error);
  return { ErrorCode: code, ErrorMessage: message };
}

export function errorResponse(error: V3ioError): Response {
  const { code, status, message } = rowOf(error);
  const body = `{\n\t"ErrorCode": ${code},\n\t"ErrorMessage": ${JSON.stringify(message)}\n}`;
  return new Response(body, {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}

function rowOf({ name, notice }: V3ioError): Required<ErrorRow> {
  const row = { message: name, ...errorTable[name] };
  return notice === undefined ? row : { ...row, message: `${row.message}. ${notice}` };
}
