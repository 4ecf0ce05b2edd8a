// Requests of an operator, below /_millrace/, and the console. With access keys, each request needs
// credentials (caller.ts) and its own action, such as `millrace:GetStats`; a scan needs that of a read. With ?stream=NAME a
// request is about that stream, and the caller needs the permission for it.
import type { Caller, Refusal } from "../auth/caller.ts";
import { utf8 } from "../codec/bytes.ts";
import type { DoorRefusal } from "../http/door.ts";
import type { Backend } from "../stream/backend.ts";
import { conditionText, isCode, isStreamError, type StreamErrorCode } from "../errors.ts";
import type { NamedAction, NamedResource } from "../stream/permission.ts";
import type { Incoming } from "../http/incoming.ts";
import { respond } from "../http/reply.ts";
import { callerOf } from "./caller.ts";
import { isConsoleRequest, serveConsole } from "./console.ts";
import { serveMetrics } from "./metrics.ts";
import { readPermissions } from "./permissions.ts";
import { isReserved, refuseMethod, servePublic } from "./reserved.ts";
import { resetRefusal, resetStore } from "./reset.ts";
import { scanStream } from "./scan.ts";
import { readStats } from "./stats.ts";
import { skipSegment } from "./skip.ts";
import type { Scope } from "../core/types.ts";
import { splitUrl } from "../http/url.ts";

interface Work {
  /** The caller needs the permission for one of these; undefined if credentials are enough. */
  actions?: readonly [NamedAction, ...NamedAction[]];
  /** Why the server does not do this for anybody. */
  refusalOf?(backend: Backend): string | undefined;
  /** About one stream, or none. */
  run(
    backend: Backend,
    stream: NamedResource | undefined,
    parameters: URLSearchParams,
    caller: Caller,
  ): Promise<object>;
}

/** By which a caller may read the records of a stream in one of the dialects; Yandex and Durable Streams have the first. */
const readActions = [
  { action: "kinesis:GetRecords" },
  { action: "v3io:GetRecords", alias: "kinesis:GetRecords" },
] as const;

const works: ReadonlyMap<string, Work> = new Map<string, Work>([
  ["GET /metrics", { actions: [{ action: "millrace:GetStats" }], run: serveMetrics }],
  ["GET /_millrace/permissions", { run: readPermissions }],
  ["GET /_millrace/scan", { actions: readActions, run: scanStream }],
  ["GET /_millrace/stats", { actions: [{ action: "millrace:GetStats" }], run: readStats }],
  [
    "POST /_millrace/reset",
    { actions: [{ action: "millrace:Reset" }], refusalOf: resetRefusal, run: resetStore },
  ],
  ["POST /_millrace/skip", { actions: [{ action: "millrace:SkipSegment" }], run: skipSegment }],
]);

const statusOf: Record<StreamErrorCode, number> = {
  streamNotFound: 404,
  streamExists: 409,
  streamNotActive: 409,
  shardNotFound: 404,
  wrongMode: 409,
  retentionNotLonger: 409,
  retentionNotShorter: 409,
  notCommitted: 409,
  tooManyShards: 409,
  tooFewShards: 409,
  tooManyStreams: 409,
  tooManyTags: 409,
  tooManyConsumers: 409,
  consumerNotFound: 404,
  consumerExists: 409,
  consumerNotActive: 409,
  consumersRegistered: 409,
  queueNotFound: 404,
  queueExists: 409,
  queueNotActive: 409,
  tooManyQueues: 409,
  queuesExist: 409,
  policyNotFound: 404,
  shardClosed: 409,
  streamClosed: 409,
  streamExpires: 409,
  hashOutOfRange: 400,
  shardsNotAdjacent: 400,
  subscriptionTaken: 409,
  tooManyWaiting: 503,
  locationNotFound: 404,
  overloaded: 503,
  unreachable: 503,
  commitFailed: 500,
  corrupt: 500,
  segmentSkipped: 409,
  segmentSound: 409,
  segmentNotFound: 404,
  tooManySkipped: 409,
  invalidQuery: 400,
  invalidCondition: 400,
  tooLarge: 400,
  itemNotFound: 404,
  itemExists: 409,
  conditionFalse: 409,
  expressionFailed: 400,
};

export function isOperatorRequest(
  { method, headers }: Pick<Incoming, "method" | "headers">,
  path: string,
): boolean {
  return isReserved(path) || isConsoleRequest(method, path, headers);
}

export async function serveOperator(
  request: Request,
  backend: Backend,
  home: Scope,
): Promise<Response> {
  const { headers, method, url } = request;
  const { path, query } = splitUrl(url);
  if (isConsoleRequest(method, path, headers)) return serveConsole(method, path);
  const page = await servePublic(method, path, backend);
  if (page !== undefined) return page;
  const work = works.get(`${method} ${path}`);
  if (work === undefined) return refusePath(path);
  backend.deed.operation = path;
  const held = work.refusalOf?.(backend);
  if (held !== undefined) return json(403, { error: "Forbidden", message: held });
  const caller = callerOf(request, backend.access, Date.now());
  if (caller.kind === "refusal") return json(403, { error: caller.name, message: caller.message });
  const parameters = new URLSearchParams(query);
  const name = parameters.get("stream");
  const scope = { account: caller.principal.account, region: caller.region ?? home.region };
  const stream = name === null ? undefined : { scope, name };
  const refusal = await refusalOfAll(backend, caller, work.actions, stream);
  if (refusal !== undefined) return json(403, { error: refusal.name, message: refusal.message });
  try {
    const reply = await work.run(backend, stream, parameters, caller);
    return reply instanceof Response ? reply : await json(200, reply);
  } catch (error) {
    if (!isStreamError(error)) throw error;
    const status = statusOf[error.code];
    if (status >= 500) console.error(`${method} ${path} failed:`, error);
    const message = isCode(error, "invalidCondition") ? conditionText(error.detail) : undefined;
    return json(status, { error: error.code, message, ...error.detail });
  }
}

/** Undefined if the caller may do one of the actions, or none is needed. */
async function refusalOfAll(
  backend: Backend,
  caller: Caller,
  actions: Work["actions"],
  stream: NamedResource | undefined,
): Promise<Refusal | undefined> {
  if (actions === undefined) return undefined;
  const [first, ...others] = actions;
  const refusal = await backend.refusalOf(caller, first, stream);
  for (const action of refusal === undefined ? [] : others) {
    if ((await backend.refusalOf(caller, action, stream)) === undefined) return undefined;
  }
  return refusal;
}

/** Nothing is served there with this method, or nothing at all. */
function refusePath(path: string): Response | Promise<Response> {
  const methods = ["GET", "POST"].filter((method) => works.has(`${method} ${path}`));
  if (methods.length > 0) return refuseMethod(methods.join(", "));
  const message = "This path belongs to Millrace, and nothing is served there.";
  return json(404, { error: "NotFound", message });
}

const refusalNames = { 400: "BadRequest", 403: "Forbidden", 503: "ServiceUnavailable" } as const;

export function refuseOperator({ status, message }: DoorRefusal): Promise<Response> {
  return json(status, { error: refusalNames[status], message });
}

function json(status: number, value: object): Promise<Response> {
  return respond(utf8(`${JSON.stringify(value, undefined, 2)}\n`), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}
