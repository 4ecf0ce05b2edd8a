// The Kinesis face: envelope, input, action, reply. Every failure is answered in the service's own
// form: a KinesisError as it is, a failure of the core by the table of errorTable.ts, anything else
// as InternalFailure.
import { requestBodyBytesMax } from "../limits.ts";
import { authenticate, refusalOfHead, type Credentials } from "../auth/authenticate.ts";
import type { Caller } from "../auth/caller.ts";
import type { SignedHead } from "../auth/sigv4.ts";
import { noBytes } from "../codec/bytes.ts";
import { BodyError, readLentBody } from "../http/body.ts";
import type { Incoming } from "../http/incoming.ts";
import { manifestOf } from "../http/keptBody.ts";
import type { Door, DoorRefusal } from "../http/door.ts";
import type { Backend } from "../stream/backend.ts";
import type { FrontPrinter } from "../stream/frontPrinter.ts";
import { isCode } from "../errors.ts";
import { FailureLog } from "../core/failureLog.ts";
import { RecordPage } from "../http/recordPage.ts";
import { respond as respondWith } from "../http/reply.ts";
import { filterHeader } from "../http/selection.ts";
import { compileSelection } from "../scan/selection.ts";
import type { Scope } from "../core/types.ts";
import { splitUrl } from "../http/url.ts";
import { readAuthorization } from "./authorization.ts";
import { cborCodec } from "./cbor.ts";
import { type BodyCodec, type Codecs, jsonCodec } from "./codec.ts";
import { type ActionContext, type ActionReply, PrintedBody } from "./context.ts";
import {
  type Answer,
  answerError,
  answerUnread,
  bodyTooLarge,
  type EnvelopeCall,
  readEnvelope,
} from "./envelope.ts";
import { KinesisError } from "./errors.ts";
import { keptEnvelope } from "./keptPut.ts";
import { kinesisErrorOf } from "./errorTable.ts";
import { limitExceeded, serverBusy } from "./errorTexts.ts";
import type { Call, Operation } from "./operation.ts";
import { operations } from "./operations.ts";
import { permit } from "./permission.ts";
import { takeRate } from "./operationRates.ts";
import { createRequestIds } from "./requestId.ts";
import { type Named, ownerOf, type QueueResource, type Resource } from "./resource.ts";

const codecs: Codecs = { json: jsonCodec, cbor: cborCodec };
const newIds = createRequestIds((bytes) => crypto.getRandomValues(bytes));

export function serveKinesis(
  request: Incoming,
  backend: Backend,
  home: Scope,
  door?: Pick<Door, "headers">,
): Promise<Response> {
  return answerKinesis(request, backend, home, (answer) =>
    send(answer, door?.headers(Date.now()), backend.frontPrinter),
  );
}

/** `respond` makes the reply of an answer. If it throws, that is answered. */
export async function answerKinesis<Reply>(
  request: Incoming,
  backend: Backend,
  home: Scope,
  respond: (answer: Answer) => Promise<Reply> | Reply,
): Promise<Reply> {
  const { method, headers } = request;
  const { path, query } = splitUrl(request.url);
  const head = { method, path, query, headers };
  const manifest = manifestOf(request);
  const kept = manifest && keptEnvelope(manifest, head, newIds, () => bodyOf(request));
  const read = refuseByHead(backend, head) ?? (kept ? noBytes : await readWhole(request));
  if (read instanceof KinesisError) {
    backend.deed.error = read.name;
    return respond(answerUnread(read, headers, codecs, newIds));
  }
  const body = manifest?.bodyHash ?? read;
  const envelope =
    kept ?? readEnvelope({ method, headers, query, body: read }, operations, codecs, newIds);
  if (envelope.kind === "answer") return respond(envelope);
  const { authorization, codec } = envelope;
  backend.deed.operation = envelope.operation.name;
  const failures = new FailureLog(`Kinesis request ${envelope.headers["x-amzn-requestid"]}`);
  let scope = home;
  try {
    const signed = { ...head, body, authorization };
    const caller = identify(backend, { dialect: "kinesis", ...signed });
    scope = { account: caller.principal.account, region: caller.region ?? home.region };
    const filter = headers.get(filterHeader) ?? undefined;
    const reply = await call(envelope, backend, caller, scope, filter, failures);
    return await respond(answerReply(reply, codec, envelope.headers));
  } catch (error) {
    const named = kinesisErrorOf(error, scope, failures);
    backend.deed.error = named.name;
    return respond(answerError(named, codec, envelope.headers));
  }
}

const refusalNames = {
  400: "ValidationException",
  403: "AccessDeniedException",
  503: "ServiceUnavailable",
} as const;

/** The reply to a request that the door refuses. */
export function refuseKinesis(refusal: DoorRefusal, { headers }: Incoming): Promise<Response> {
  const { status, message } = refusal;
  const error = new KinesisError(refusalNames[status], message);
  return send({ ...answerUnread(error, headers, codecs, newIds), status });
}

/**
 * On a server with keys, a call whose headers are enough to refuse it is refused before its body is
 * read. On an open server the order of the service is kept: an unreadable body is reported first.
 */
function refuseByHead(
  backend: Backend,
  head: Omit<SignedHead, "authorization">,
): KinesisError | undefined {
  const access = backend.access;
  if (access.mode === "open" || head.method !== "POST") return undefined;
  const authorization = readAuthorization(head.headers, head.query);
  if (authorization instanceof KinesisError) return authorization;
  const refusal = refusalOfHead(access, { dialect: "kinesis", ...head, authorization }, Date.now());
  return refusal && new KinesisError(refusal.name, refusal.message);
}

async function readWhole(request: Incoming): Promise<Uint8Array | KinesisError> {
  try {
    return (await readLentBody(request, requestBodyBytesMax)) ?? bodyTooLarge();
  } catch (error) {
    if (error instanceof BodyError)
      return new KinesisError("SerializationException", error.message);
    if (isCode(error, "overloaded")) return serverBusy();
    throw error;
  }
}

/** The same, thrown if it is an error. */
async function bodyOf(request: Incoming): Promise<Uint8Array> {
  const body = await readWhole(request);
  if (body instanceof KinesisError) throw body;
  return body;
}

/** Throws KinesisError for invalid credentials. */
function identify(backend: Backend, credentials: Credentials): Caller {
  const outcome = authenticate(backend.access, credentials, Date.now());
  if (outcome.kind === "refusal") throw new KinesisError(outcome.name, outcome.message);
  return outcome;
}

async function call(
  { operation, read, codec }: EnvelopeCall,
  backend: Backend,
  caller: Caller,
  scope: Scope,
  filter: string | undefined,
  failures: FailureLog,
): Promise<ActionReply> {
  const { named: nameIn, run } = read();
  const nowMs = Date.now();
  const named = name(nameIn, scope);
  if (!caller.isOpen) await judge(backend, caller, operation, named);
  const owner = isResource(named) ? ownerOf(named) : undefined;
  const stream = isResource(named) && "stream" in named ? named.stream : undefined;
  begin(backend, operation.name, stream?.name);
  await takeRate(backend, scope, operation, stream);
  const context: ActionContext = {
    backend,
    scope,
    operation: operation.name,
    codec,
    nowMs,
    selection: () => compileSelection({ where: filter }),
    failures,
    permit: (held) => {
      backend.deed.stream = held.name;
      return permit(backend, caller, operation, { stream: held, key: { stream: held.name } });
    },
    permitAlso: (action, held) => {
      const other = { name: action, isOfPolicy: false };
      return permit(backend, caller, other, { stream: held, key: { stream: held.name } });
    },
  };
  try {
    return await run(context);
  } catch (error) {
    throw kinesisErrorOf(error, stream ?? owner ?? scope, failures);
  }
}

/** Those whose own error for too much load is that of a shard. */
const shardCalls: ReadonlySet<string> = new Set([
  "GetRecords",
  "GetShardIterator",
  "PutRecord",
  "PutRecords",
]);

/** Throws if the operator wants the call to fail, with the error that clients retry. */
function begin(backend: Backend, operation: string, stream: string | undefined): void {
  try {
    backend.begin(operation, stream);
  } catch (error) {
    if (!isCode(error, "overloaded") || shardCalls.has(operation)) throw error;
    throw limitExceeded("Rate exceeded: the server was started with --error-rate.");
  }
}

/** On an open server the action itself reports an invalid name, in its own order of checks. */
function name(named: Call["named"], scope: Scope): Named | KinesisError {
  try {
    return named(scope);
  } catch (error) {
    if (error instanceof KinesisError) return error;
    throw error;
  }
}

/**
 * Throws unless the caller has the permission for the resource that the input names. If only a
 * token names it, the action checks the permission.
 */
async function judge(
  backend: Backend,
  caller: Caller,
  operation: Operation,
  named: Named | KinesisError,
): Promise<void> {
  if (named instanceof KinesisError) throw named;
  if (named !== "token") {
    await permit(backend, caller, operation, named === "account" ? undefined : named);
  }
}

function isResource(named: Named | KinesisError): named is Resource | QueueResource {
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
    headers: {
      ...headers,
      ...printed.headers,
      "content-type": printed.contentType ?? codec.contentType,
    },
    body: printed.body,
  };
}

/** `common` are the headers that every reply has. */
export function send(
  answer: Answer,
  common: Record<string, string> = {},
  front?: FrontPrinter,
): Promise<Response> {
  const { status, body } = answer;
  const init = { status, headers: headersOf(answer, common) };
  if (body instanceof RecordPage) return body.respond({ init, front });
  if (body instanceof ReadableStream) return Promise.resolve(new Response(body, init));
  return respondWith(body, init);
}

export function headersOf(
  { headers }: Answer,
  common: Record<string, string>,
): Record<string, string> {
  return { ...headers, ...common, "cache-control": "no-store" };
}
