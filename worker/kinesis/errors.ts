// The errors of the Kinesis face: one class, the table from name to status, and the exact bodies.
// The wording of each message is in errorTexts.ts. `__type` is the bare name; the message is called
// `message`, except in a SerializationException where it is `Message`, and an InternalFailure has
// none (kinesalite index.js, validations/index.js, db/index.js).
import type { BodyCodec } from "./codec.ts";

/** Status by name: the exceptions of the service model and of "AWS API reference, Common Errors". */
export const errorStatus = {
  AccessDeniedException: 400,
  DryRunOperationException: 400,
  ExpiredIteratorException: 400,
  ExpiredNextTokenException: 400,
  IncompleteSignatureException: 400,
  InternalFailure: 500,
  InternalFailureException: 500,
  InvalidArgumentException: 400,
  InvalidSignatureException: 400,
  KMSAccessDeniedException: 400,
  KMSDisabledException: 400,
  KMSInvalidStateException: 400,
  KMSNotFoundException: 400,
  KMSOptInRequired: 400,
  KMSThrottlingException: 400,
  LimitExceededException: 400,
  MissingAuthenticationTokenException: 400,
  ProvisionedThroughputExceededException: 400,
  RequestEntityTooLargeException: 413,
  ResourceInUseException: 400,
  ResourceNotFoundException: 400,
  SerializationException: 400,
  ServiceUnavailable: 503,
  ThrottlingException: 400,
  UnknownOperationException: 400,
  UnrecognizedClientException: 400,
  ValidationException: 400,
} as const;

export type KinesisErrorName = keyof typeof errorStatus;

/** `message` is empty where the service sends none. */
export class KinesisError extends Error {
  override readonly name: KinesisErrorName;

  constructor(name: KinesisErrorName, message = "") {
    super(message);
    this.name = name;
  }

  get status(): number {
    return errorStatus[this.name];
  }
}

export interface ErrorReply {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

export function renderError(error: KinesisError, codec: BodyCodec): ErrorReply {
  return {
    status: error.status,
    headers: { "content-type": codec.contentType },
    body: codec.encode(errorBody(error)),
  };
}

/** The entry of a record that was not stored, within the reply to PutRecords. */
export function recordFailure(error: KinesisError): { ErrorCode: string; ErrorMessage: string } {
  return {
    ErrorCode: error.name,
    ErrorMessage: error.name === "InternalFailure" ? "Internal service failure." : error.message,
  };
}

/**
 * A value as messages print it. The service prints all of it. Here it is cut at a length that only
 * abuse reaches; otherwise a message could repeat a body of megabytes several times.
 */
export function echo(value: string): string {
  return value.length <= echoLengthMax ? value : `${value.slice(0, echoLengthMax)}...`;
}

export const echoLengthMax = 100_000;

/** The content of the body, before a codec encodes it. */
export function errorBody(error: KinesisError): Record<string, string> {
  const body: Record<string, string> = { __type: error.name };
  if (error.message === "" || error.name === "InternalFailure") return body;
  body[error.name === "SerializationException" ? "Message" : "message"] = error.message;
  return body;
}
