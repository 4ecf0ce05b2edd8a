// The Kinesis face: envelope, input, action, reply. Every failure ends in the service's own form: a
// KinesisError as it is, a failure of the core by the table of errorTable.ts, anything else as
// InternalFailure.
import { requestBodyBytesMax } from "../limits.ts";
import { accessOf } from "../auth/access.ts";
import { authenticate, condemnHead, type Credentials } from "../auth/authenticate.ts";
import type { Caller } from "../auth/caller.ts";
import type { SignedHead } from "../auth/sigv4.ts";
import { BodyError, readBody } from "../http/body.ts";
import type { DoorRefusal } from "../http/door.ts";
import type { Env, Runtime } from "../core/bindings.ts";
import { isCode } from "../errors.ts";
import { FailureLog } from "../core/failureLog.ts";
import { RecordPage } from "../http/recordPage.ts";
import { respond as respondWith } from "../http/reply.ts";
import type { Scope } from "../core/types.ts";
import { splitUrl } from "../http/url.ts";
import { readAuthorization } from "./authorization.ts";
import { cborCodec } from "./cbor.ts";
import { type BodyCodec, type Codecs, jsonCodec, type WireFormat } from "./codec.ts";
import { type Action, type ActionContext, type ActionReply, PrintedBody } from "./context.ts";
import {
  type Answer,
  answerError,
  answerUnread,
  bodyTooLarge,
  type Call,
  readEnvelope,
} from "./envelope.ts";
import { KinesisError } from "./errors.ts";
import { kinesisErrorOf } from "./errorTable.ts";
import { serverBusy } from "./errorTexts.ts";
import { actions } from "./operations.ts";
import { permit } from "./permission.ts";
import { PutBody, readPutBody } from "./putInput.ts";
import { takeRate } from "./operationRates.ts";
import { createRequestIds } from "./requestId.ts";
import { type Named, namedIn, type Resource } from "./resource.ts";
import { type OperationName, shapes } from "./shapes.ts";
import { readInput } from "./validate.ts";

const codecs: Codecs = {
  json: { ...jsonCodec, readInput: readPut("json") },
  cbor: { ...cborCodec, readInput: readPut("cbor") },
};
const newIds = createRequestIds((bytes) => crypto.getRandomValues(bytes));

function readPut(format: WireFormat): NonNullable<BodyCodec["readInput"]> {
  return (operation, body) => (operation === "PutRecords" ? readPutBody(body, format) : undefined);
}

export async function serveKinesis(
  request: Request,
  runtime: Runtime,
  home: Scope,
): Promise<Response> {
  const { method, headers } = request;
  const { path, query } = splitUrl(request.url);
  const head = { method, path, query, headers };
  const body = condemn(runtime.env, head) ?? (await readWhole(request));
  if (body instanceof KinesisError) return respond(answerUnread(body, headers, codecs, newIds));
  const envelope = readEnvelope({ method, headers, query, body }, codecs, newIds);
  if (envelope.kind === "answer") return respond(envelope);
  const { authorization, codec } = envelope;
  const failures = new FailureLog(`Kinesis request ${envelope.headers["x-amzn-requestid"]}`);
  let scope = home;
  try {
    const signed = { ...head, body, authorization };
    const caller = identify(runtime.env, { dialect: "kinesis", ...signed });
    scope = { account: caller.principal.account, region: caller.region ?? home.region };
    const reply = await call(envelope, body.length, runtime, caller, scope, failures);
    return await respond(answerReply(reply, codec, envelope.headers));
  } catch (error) {
    return respond(answerError(kinesisErrorOf(error, scope, failures), codec, envelope.headers));
  }
}

const refusalNames = {
  400: "ValidationException",
  403: "AccessDeniedException",
  503: "ServiceUnavailable",
} as const;

/** The reply to what the door refuses. */
export function refuseKinesis(refusal: DoorRefusal, { headers }: Request): Promise<Response> {
  const { status, message } = refusal;
  const error = new KinesisError(refusalNames[status], message);
  return respond({ ...answerUnread(error, headers, codecs, newIds), status });
}

/**
 * Where keys are asked for, what a call's headers condemn is refused before its body is read. On an open
 * server the service's order stays: a body that cannot be read is said first.
 */
function condemn(env: Env, head: Omit<SignedHead, "authorization">): KinesisError | undefined {
  const access = accessOf(env);
  if (access.mode === "open" || head.method !== "POST") return undefined;
  const authorization = readAuthorization(head.headers, head.query);
  if (authorization instanceof KinesisError) return authorization;
  const refusal = condemnHead(access, { dialect: "kinesis", ...head, authorization }, Date.now());
  return refusal && new KinesisError(refusal.name, refusal.message);
}

async function readWhole(request: Request): Promise<Uint8Array | KinesisError> {
  try {
    return (await readBody(request, requestBodyBytesMax)) ?? bodyTooLarge();
  } catch (error) {
    if (error instanceof BodyError)
      return new KinesisError("SerializationException", error.message);
    if (isCode(error, "overloaded")) return serverBusy();
    throw error;
  }
}

/** Throws the refusal of credentials that are not good. */
function identify(env: Env, credentials: Credentials): Caller {
  const outcome = authenticate(accessOf(env), credentials, Date.now());
  if (outcome.kind === "refusal") throw new KinesisError(outcome.name, outcome.message);
  return outcome;
}

async function call(
  { operation, decoded, codec }: Call,
  bodyBytes: number,
  runtime: Runtime,
  caller: Caller,
  scope: Scope,
  failures: FailureLog,
): Promise<ActionReply> {
  const source = { format: codec.format, bodyBytes };
  const { input, keyError } =
    decoded instanceof PutBody
      ? { input: decoded, keyError: undefined }
      : readInput(shapes[operation], decoded, source);
  const action: Action<never> | undefined = actions[operation];
  if (action === undefined) throw new KinesisError("UnknownOperationException");
  const context: ActionContext = {
    runtime,
    scope,
    codec,
    keyError,
    nowMs: Date.now(),
    failures,
    permit: (stream) =>
      permit(runtime.env, caller, operation, { stream, key: { stream: stream.name } }),
  };
  const named = name(operation, input, scope);
  if (!caller.isOpen) await judge(runtime.env, caller, operation, named);
  const stream = isResource(named) ? named.stream : undefined;
  await takeRate(runtime.env, scope, operation, stream);
  try {
    return await action(context, input as never);
  } catch (error) {
    throw kinesisErrorOf(error, stream ?? scope, failures);
  }
}

/** What is named wrongly is an open server's action's to complain of, in its own order. */
function name(operation: OperationName, input: object, scope: Scope): Named | KinesisError {
  try {
    return namedIn(operation, input, scope);
  } catch (error) {
    if (error instanceof KinesisError) return error;
    throw error;
  }
}

/** Throws unless the caller may do this to what it names, which for a token is the action's to ask. */
async function judge(
  env: Env,
  caller: Caller,
  operation: OperationName,
  named: Named | KinesisError,
): Promise<void> {
  if (named instanceof KinesisError) throw named;
  if (named !== "token") {
    await permit(env, caller, operation, named === "account" ? undefined : named);
  }
}

function isResource(named: Named | KinesisError): named is Resource {
  return typeof named === "object" && !(named instanceof KinesisError);
}

function answerReply(
  reply: ActionReply,
  codec: BodyCodec,
  headers: Record<string, string>,
): Answer {
  const printed =
    reply instanceof PrintedBody
      ? reply
      : new PrintedBody(reply === undefined ? new Uint8Array(0) : codec.encode(reply));
  return {
    kind: "answer",
    status: 200,
    headers: { ...headers, "content-type": printed.contentType ?? codec.contentType },
    body: printed.body,
  };
}

function respond({ status, headers, body }: Answer): Promise<Response> {
  const init = { status, headers: { ...headers, "cache-control": "no-store" } };
  if (body instanceof RecordPage) return body.respond(init);
  if (body instanceof ReadableStream) return Promise.resolve(new Response(body, init));
  return respondWith(body, init);
}
