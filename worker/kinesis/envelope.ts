// Decides from the method, the headers and the body what a request asks for: an operation, or one
// of the special answers that the service gives before it looks at the operation. The order of the
// decisions and every answer follow kinesalite index.js. The path is ignored, and the signature is
// only parsed (authorization.ts).
import { requestBodyBytesMax } from "../limits.ts";
import type { Authorization, HeaderReader } from "../auth/credentials.ts";
import { readAuthorization } from "./authorization.ts";
import { type BodyCodec, type Codecs, decodeObject } from "./codec.ts";
import { KinesisError, type KinesisErrorName, renderError } from "./errors.ts";
import type { RecordPage } from "../http/recordPage.ts";
import type { Call, Operation } from "./operation.ts";
import type { RequestIds } from "./requestId.ts";

export interface EnvelopeRequest {
  readonly method: string;
  readonly headers: HeaderReader;
  /** What follows the question mark, or nothing. */
  readonly query: string;
  readonly body: Uint8Array;
}

export type Envelope = EnvelopeCall | Answer;

export interface EnvelopeCall {
  readonly kind: "call";
  readonly operation: Operation;
  /** Throws the KinesisError for an invalid input. */
  readonly read: () => Call;
  readonly codec: BodyCodec;
  readonly authorization: Authorization;
  /** To be sent with the reply, whatever it is. */
  readonly headers: Record<string, string>;
}

export type ReplyBody = Uint8Array | ReadableStream<Uint8Array> | RecordPage;

/** A complete reply. Where `headers` has no content-type, none must be sent. */
export interface Answer {
  readonly kind: "answer";
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: ReplyBody;
}

const service = "Kinesis_20131202";

const legacyContentType = "application/json";

const encoder = new TextEncoder();

/** The answer to a request whose body is not read; the error gives the reason. */
export function answerUnread(
  error: KinesisError,
  asked: HeaderReader,
  codecs: Codecs,
  newIds: () => RequestIds,
): Answer {
  const codec = codecOf(mediaTypeOf(asked), codecs) ?? codecs.json;
  return answerError(error, codec, replyHeaders(newIds(), asked.get("origin")));
}

export function bodyTooLarge(): KinesisError {
  const message = `The request's body is larger than ${requestBodyBytesMax} bytes.`;
  return new KinesisError("RequestEntityTooLargeException", message);
}

export function readEnvelope(
  request: EnvelopeRequest,
  operations: ReadonlyMap<string, Operation>,
  codecs: Codecs,
  newIds: () => RequestIds,
): Envelope {
  const { method, body } = request;
  if (body.length > requestBodyBytesMax) {
    return answerUnread(bodyTooLarge(), request.headers, codecs, newIds);
  }
  const origin = request.headers.get("origin");
  if (origin && method === "OPTIONS") return answerPreflight(request.headers, newIds());

  const headers = replyHeaders(newIds(), origin);
  if (method !== "POST") return answerUnroutable(headers);

  const contentType = mediaTypeOf(request.headers);
  const [serviceName, name] = (request.headers.get("x-amz-target") ?? "").split(".", 2);
  const operation = serviceName === service && name ? operations.get(name) : undefined;
  const unknown: KinesisErrorName = "UnknownOperationException";
  const unreadable: KinesisErrorName = "SerializationException";

  if (body.length === 0) {
    const codec = contentType === codecs.json.contentType ? codecs.json : codecs.cbor;
    return answerError(new KinesisError(operation ? unreadable : unknown), codec, headers);
  }
  const isLegacy = contentType === legacyContentType;
  const codec = isLegacy ? codecs.json : codecOf(contentType, codecs);
  if (!codec) {
    return serviceName && name
      ? answerText(404, `<${unknown}/>\n`, headers)
      : answerUnroutable(headers);
  }
  const read = operation?.open(body, codec);
  const isReadable =
    operation === undefined ? decodeObject(body, codec) !== undefined : read !== undefined;
  if (isLegacy) {
    return isReadable
      ? answerLegacy(404, unknown, headers)
      : answerLegacy(400, unreadable, headers);
  }
  if (!isReadable) return answerError(new KinesisError(unreadable), codec, headers);
  if (!operation || !read) return answerError(new KinesisError(unknown), codec, headers);

  const authorization = readAuthorization(request.headers, request.query);
  return authorization instanceof KinesisError
    ? answerError(authorization, codec, headers)
    : { kind: "call", operation, read, codec, authorization, headers };
}

/** The reply to a request that failed after its envelope was read. */
export function answerError(
  error: KinesisError,
  codec: BodyCodec,
  headers: Record<string, string>,
): Answer {
  const reply = renderError(error, codec);
  return { ...reply, kind: "answer", headers: { ...headers, ...reply.headers } };
}

/** In lower case: media types are compared so (RFC 9110, section 8.3.1). */
function mediaTypeOf(headers: HeaderReader): string {
  const [type = ""] = (headers.get("content-type") ?? "").split(";", 1);
  return type.trim().toLowerCase();
}

function codecOf(contentType: string, codecs: Codecs): BodyCodec | undefined {
  if (contentType === codecs.json.contentType) return codecs.json;
  return contentType === codecs.cbor.contentType ? codecs.cbor : undefined;
}

export function replyHeaders(ids: RequestIds, origin: string | null): Record<string, string> {
  const headers: Record<string, string> = {
    "x-amzn-requestid": ids.requestId,
    "x-amz-id-2": ids.extendedId,
  };
  if (origin) {
    headers["access-control-allow-origin"] = "*";
    headers["access-control-expose-headers"] =
      "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date";
  }
  return headers;
}

function answerPreflight(asked: HeaderReader, { requestId }: RequestIds): Answer {
  const headers: Record<string, string> = {
    "x-amzn-requestid": requestId,
    "access-control-allow-origin": "*",
    "access-control-max-age": "172800",
  };
  const allowHeaders = asked.get("access-control-request-headers");
  if (allowHeaders) headers["access-control-allow-headers"] = allowHeaders;
  const allowMethods = asked.get("access-control-request-method");
  if (allowMethods) headers["access-control-allow-methods"] = allowMethods;
  return { kind: "answer", status: 200, headers, body: new Uint8Array() };
}

function answerUnroutable(headers: Record<string, string>): Answer {
  return answerText(
    403,
    "<AccessDeniedException>\n" +
      "  <Message>Unable to determine service/operation name to be authorized</Message>\n" +
      "</AccessDeniedException>\n",
    headers,
  );
}

function answerText(status: number, text: string, headers: Record<string, string>): Answer {
  return { kind: "answer", status, headers, body: encoder.encode(text) };
}

/** The form of errors before JSON 1.1; only application/json still gets it. */
function answerLegacy(
  status: number,
  name: KinesisErrorName,
  headers: Record<string, string>,
): Answer {
  const body = { Output: { __type: `com.amazon.coral.service#${name}` }, Version: "1.0" };
  return {
    kind: "answer",
    status,
    headers: { ...headers, "content-type": legacyContentType },
    body: encoder.encode(JSON.stringify(body)),
  };
}
