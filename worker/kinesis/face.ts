// The Kinesis face: envelope, input, action, reply. Every failure ends in the service's own form: a
// KinesisError as it is, a failure of the core by the table of failures.ts, anything else as
// InternalFailure.
import { accessOf } from "../auth/access.ts";
import { authenticate, type Credentials } from "../auth/authenticate.ts";
import type { Caller } from "../auth/caller.ts";
import { readBody } from "../body.ts";
import type { Env, Runtime } from "../env.ts";
import { RecordPage } from "../page.ts";
import type { Scope } from "../stream/types.ts";
import { splitUrl } from "../url.ts";
import { cborCodec } from "./cbor.ts";
import { type BodyCodec, type Codecs, jsonCodec } from "./codec.ts";
import { type Action, type ActionContext, type ActionReply, PrintedBody } from "./context.ts";
import {
  type Answer,
  answerError,
  answerTooLarge,
  bodyBytesMax,
  type Call,
  readEnvelope,
} from "./envelope.ts";
import { KinesisError } from "./errors.ts";
import { kinesisErrorOf } from "./failures.ts";
import { parseResourceArn } from "./names.ts";
import { actions } from "./operations.ts";
import { permit, resourceOf } from "./permission.ts";
import { PutBody, readPutBody } from "./putBody.ts";
import { takeRate } from "./rates.ts";
import { createRequestIds } from "./requestId.ts";
import { shapes } from "./shapes.ts";
import { readInput } from "./validate.ts";

const codecs: Codecs = {
  json: {
    ...jsonCodec,
    readInput: (operation, body) => (operation === "PutRecords" ? readPutBody(body) : undefined),
  },
  cbor: cborCodec,
};
const newIds = createRequestIds((bytes) => crypto.getRandomValues(bytes));

export async function serveKinesis(
  request: Request,
  runtime: Runtime,
  home: Scope,
): Promise<Response> {
  const body = await readBody(request, bodyBytesMax);
  if (body === undefined) return respond(answerTooLarge());
  const { method, headers } = request;
  const { path, query } = splitUrl(request.url);
  const envelope = readEnvelope({ method, headers, query, body }, codecs, newIds);
  if (envelope.kind === "answer") return respond(envelope);
  const { authorization, codec } = envelope;
  let scope = home;
  try {
    const signed = { method, path, query, headers, body, authorization };
    const caller = identify(runtime.env, { dialect: "kinesis", ...signed });
    scope = { account: caller.principal.account, region: caller.region ?? home.region };
    const reply = await call(envelope, body.length, runtime, caller, scope);
    return respond(answerReply(reply, codec, envelope.headers));
  } catch (error) {
    return respond(answerError(kinesisErrorOf(error, scope), codec, envelope.headers));
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
    permit: (arn) => permit(runtime.env, caller, operation, arn),
  };
  const resource = resourceOf(operation, input, scope);
  if (resource !== undefined && !caller.isOpen) await context.permit(resource);
  await takeRate(runtime.env, scope, operation, resource);
  try {
    return await action(context, input as never);
  } catch (error) {
    throw kinesisErrorOf(error, parseResourceArn(resource ?? "") ?? scope);
  }
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

function respond({ status, headers, body }: Answer): Response {
  const init = { status, headers: { ...headers, "cache-control": "no-store" } };
  return body instanceof RecordPage ? body.respond(init) : new Response(body, init);
}
