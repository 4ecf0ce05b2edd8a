// The Kinesis face: envelope, input, action, reply. Every failure ends in the service's own form: a
// KinesisError as it is, a failure of the core by the table below, anything else as InternalFailure.
import { readBody } from "../body.ts";
import type { Runtime } from "../env.ts";
import { StreamError } from "../errors.ts";
import type { Scope } from "../stream/types.ts";
import type { Authorization } from "./authorization.ts";
import { type BodyCodec, jsonCodec } from "./codec.ts";
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
import { streamExists, streamNotActive, streamNotFound } from "./messages.ts";
import { actions } from "./operations.ts";
import { createRequestIds } from "./requestId.ts";
import { shapes } from "./shapes.ts";
import { readInput } from "./validate.ts";

const codecs = { json: jsonCodec, cbor: jsonCodec };
const newIds = createRequestIds((bytes) => crypto.getRandomValues(bytes));

export async function serveKinesis(
  request: Request,
  runtime: Runtime,
  home: Scope,
): Promise<Response> {
  const body = await readBody(request, bodyBytesMax);
  if (body === undefined) return respond(answerTooLarge());
  const { method, headers, url } = request;
  const query = url.includes("?") ? url.slice(url.indexOf("?") + 1) : "";
  const envelope = readEnvelope({ method, headers, query, body }, codecs, newIds);
  if (envelope.kind === "answer") return respond(envelope);
  const scope = scopeOf(envelope.authorization, home);
  try {
    const reply = await call(envelope, body.length, runtime, scope);
    return respond(answerReply(reply, envelope.codec, envelope.headers));
  } catch (error) {
    return respond(answerError(kinesisErrorOf(error, scope), envelope.codec, envelope.headers));
  }
}

async function call(
  { operation, decoded, codec }: Call,
  bodyBytes: number,
  runtime: Runtime,
  scope: Scope,
): Promise<ActionReply> {
  const source = { format: codec.format, bodyBytes };
  const { input, keyError } = readInput(shapes[operation], decoded, source);
  const action: Action<never> | undefined = actions[operation];
  if (action === undefined) throw new KinesisError("UnknownOperationException");
  const context: ActionContext = {
    runtime,
    scope,
    format: codec.format,
    keyError,
    nowMs: Date.now(),
  };
  return action(context, input as never);
}

/** Region from the credential's scope; a 12-digit access key id names the account. */
function scopeOf({ credential }: Authorization, home: Scope): Scope {
  const [keyId = "", , region = ""] = credential.split("/");
  return {
    account: /^\d{12}$/.test(keyId) ? keyId : home.account,
    region: /^[a-z0-9-]{1,64}$/.test(region) ? region : home.region,
  };
}

/** The service's name for a failure of the core. */
function kinesisErrorOf(error: unknown, { account }: Scope): KinesisError {
  if (error instanceof KinesisError) return error;
  if (!(error instanceof StreamError)) {
    console.error(error);
    return new KinesisError("InternalFailure");
  }
  const stream = { name: String(error.detail["stream"] ?? ""), account };
  switch (error.code) {
    case "streamNotFound":
      return streamNotFound(stream);
    case "streamExists":
      return streamExists(stream);
    case "streamNotActive":
      return streamNotActive(stream, String(error.detail["status"]));
    default:
      console.error(error);
      return new KinesisError("InternalFailure");
  }
}

function answerReply(
  reply: ActionReply,
  codec: BodyCodec,
  headers: Record<string, string>,
): Answer {
  const body =
    reply === undefined
      ? new Uint8Array(0)
      : reply instanceof PrintedBody
        ? reply.body
        : codec.encode(reply);
  return {
    kind: "answer",
    status: 200,
    headers: { ...headers, "content-type": codec.contentType },
    body,
  };
}

function respond({ status, headers, body }: Answer): Response {
  return new Response(body, { status, headers: { ...headers, "cache-control": "no-store" } });
}
