// The Yandex face: the requests of Yandex Data Streams, which are those of Kinesis with a database
// as the path, over the same streams. First the method is looked up, then the body is read, then
// the caller is identified. Every reply has a request id, and a reply with a body its checksum. The
// name of an error is also the reason phrase. Sources: YDB http_req.cpp, kinesis_ut.cpp,
// error_codes_ut.cpp.
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import type { Caller } from "../auth/caller.ts";
import type { HeaderReader } from "../auth/credentials.ts";
import { readLentBody } from "../http/body.ts";
import type { Incoming } from "../http/incoming.ts";
import type { DoorRefusal } from "../http/door.ts";
import type { Backend } from "../stream/backend.ts";
import { FailureLog } from "../core/failureLog.ts";
import { requestBodyBytesMax } from "../limits.ts";
import type { FrontPrinter } from "../stream/frontPrinter.ts";
import { RecordPage } from "../http/recordPage.ts";
import { respond } from "../http/reply.ts";
import { compileSelection } from "../scan/selection.ts";
import type { Scope } from "../core/types.ts";
import { filterHeader } from "../http/selection.ts";
import { splitUrl } from "../http/url.ts";
import { refuseByHead, identify, refused } from "./authorization.ts";
import { type BodyCodec, codecOf, defaultCodec } from "./codec.ts";
import { errorStatus, issue, YandexError, yandexErrorOf } from "./errors.ts";
import type { ActionContext, Operation } from "./operation.ts";
import { operations, unimplemented } from "./operations.ts";
import { fullNameOf, databaseOf, regionOf } from "./names.ts";
import { RecordReply } from "./recordReply.ts";

export const pingPath = "/Ping";

const checksumHeader = "x-amz-crc32";

/** Longer ones are some other thing, and not sent back. */
const requestIdCharactersMax = 128;

export async function serveYandex(
  request: Incoming,
  backend: Backend,
  home: Scope,
): Promise<Response> {
  const id = requestIdOf(request.headers);
  if (request.method === "GET" && splitUrl(request.url).path === pingPath) {
    backend.deed.operation = "Ping";
    return new Response(null, { headers: headersOf(id) });
  }
  const codec = codecOf(request.headers.get("content-type"));
  const failures = new FailureLog(`Yandex request ${id}`);
  try {
    const reply = await call(request, codec, backend, home, failures);
    return await answer(200, "", reply, codec ?? defaultCodec, id, backend.frontPrinter);
  } catch (error) {
    const { name, message } = yandexErrorOf(error, "", failures);
    backend.deed.error = name;
    const body = { __type: name, message };
    return answer(errorStatus[name], name, body, codec ?? defaultCodec, id);
  }
}

const refusalNames = {
  400: "ValidationException",
  403: "AccessDeniedException",
  503: "Unavailable",
} as const;

export function refuseYandex(
  { status, message }: DoorRefusal,
  { headers }: Request,
): Promise<Response> {
  const codec = codecOf(headers.get("content-type")) ?? defaultCodec;
  const name = refusalNames[status];
  const head = headersOf(requestIdOf(headers));
  return print(status, name, codec.encode({ __type: name, message }), codec, head);
}

async function call(
  request: Incoming,
  codec: BodyCodec | undefined,
  backend: Backend,
  home: Scope,
  failures: FailureLog,
): Promise<object> {
  const { method, headers } = request;
  const { path, query } = splitUrl(request.url);
  const operation = operationOf(headers.get("x-amz-target") ?? "");
  backend.deed.operation = operation.name;
  if (codec === undefined) throw new YandexError("InvalidArgumentException", "Unknown ContentType");
  const head = { method, path, query, headers };
  refuseByHead(backend, head, Date.now());
  const body = await readLentBody(request, requestBodyBytesMax);
  if (body === undefined) {
    throw new YandexError("InvalidArgumentException", "Request body is too long");
  }
  const { streamName, run } = operation.read(body, codec);
  const nowMs = Date.now();
  const caller = identify(backend, { ...head, body }, nowMs);
  const { account } = caller.principal;
  const scope = { account, region: regionOf(caller.region, home.region) };
  const database = databaseOf(decodePath(path), scope, backend.yandexDatabase);
  const permit = permitFor(backend, caller, operation);
  try {
    backend.begin(operation.name, streamName);
    const selection = () => compileSelection({ where: headers.get(filterHeader) ?? undefined });
    return await run({ backend, database, streamName, nowMs, selection, permit, failures });
  } catch (error) {
    throw yandexErrorOf(error, fullNameOf(streamName, database), failures);
  }
}

function permitFor(backend: Backend, caller: Caller, { name }: Operation): ActionContext["permit"] {
  const action = { action: `kinesis:${name}` };
  return async (stream, name) => {
    const consumer = name === undefined ? undefined : { name };
    const refusal = await backend.refusalOf(caller, action, stream && { ...stream, consumer });
    if (refusal !== undefined) throw refused(refusal);
  };
}

/** The second of the target's parts: whatever version of the service a client asks for. */
function operationOf(target: string): Operation {
  const [, name = ""] = target.split(".").filter((part) => part !== "");
  if (name === "") throw new YandexError("MissingAction", `Unknown method name ${name}`);
  const operation = operations.get(name);
  if (operation !== undefined) return operation;
  if (unimplemented.has(name)) throw issue("unsupported", "Method is not implemented yet");
  throw new YandexError("InvalidAction", `Missing method name ${name}`);
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

async function answer(
  status: number,
  reason: string,
  reply: object,
  codec: BodyCodec,
  id: string,
  front?: FrontPrinter,
): Promise<Response> {
  const isPage = reply instanceof RecordReply;
  const body = isPage ? reply.print(codec) : codec.encode(reply);
  const head = { ...headersOf(id), ...(isPage && reply.headers) };
  return await print(status, reason, body, codec, head, front);
}

function print(
  status: number,
  reason: string,
  body: Uint8Array | RecordPage,
  codec: BodyCodec,
  head: Record<string, string>,
  front?: FrontPrinter,
): Promise<Response> {
  const headers = { ...head, "content-type": codec.contentType };
  const init = { status, statusText: reason, headers };
  if (body instanceof RecordPage) return body.respond({ init, checksumHeader, front });
  return respond(body, { ...init, headers: { ...headers, [checksumHeader]: String(crc32(body)) } });
}

function headersOf(id: string): Record<string, string> {
  return { "x-amzn-requestid": id, "cache-control": "no-store" };
}

/** A new one, with the client's own behind it. */
function requestIdOf(headers: HeaderReader): string {
  const own = headers.get("x-request-id") ?? "";
  const isPlain = /^[\x21-\x7e]+$/.test(own) && Buffer.byteLength(own) <= requestIdCharactersMax;
  return isPlain ? `${crypto.randomUUID()}-${own}` : crypto.randomUUID();
}
