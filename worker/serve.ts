// Serves a request: checks host and origin, and chooses the dialect. Reserved paths are the operator's, and
// requests for other services of AWS are answered as such. v3io names its operation in its own
// header, or uses a path with a plain HTTP method. Yandex Data Streams has the headers of Kinesis
// with a database as the path, another service in the target, or a region of that cloud in the
// credential. Durable Streams has a part of all paths. Kinesis is the default, so it also answers unrecognised requests.
import type { HeaderReader } from "./auth/credentials.ts";
import type { Controls } from "./core/controls.ts";
import { foreignCallIn, refuseAws, serveAws } from "./aws/face.ts";
import { defaultAccount, defaultRegion } from "./core/defaults.ts";
import { refuseDurable, serveDurable } from "./durable/face.ts";
import { isDurablePath } from "./durable/names.ts";
import { releaseBody } from "./http/body.ts";
import { type Door, type DoorRefusal, openDoor, retryHeaders } from "./http/door.ts";
import type { HeaderSet, Incoming } from "./http/incoming.ts";
import type { Env, Runtime } from "./core/bindings.ts";
import { answerKinesis, headersOf, refuseKinesis, serveKinesis } from "./kinesis/face.ts";
import type { Answer } from "./kinesis/envelope.ts";
import { isOperatorRequest, refuseOperator, serveOperator } from "./operator/routes.ts";
import type { Scope } from "./core/types.ts";
import { readContainers } from "./core/settings.ts";
import { addsData, SpaceGauge } from "./core/space.ts";
import { Backend } from "./stream/backend.ts";
import type { FrontPrinter } from "./stream/frontPrinter.ts";
import { type LoggedRequest, logRequest } from "./http/requestLog.ts";
import { requestMetrics } from "./http/requestMetrics.ts";
import { isRoot, splitUrl } from "./http/url.ts";
import { refuseV3io, serveV3io } from "./v3io/face.ts";
import { pingPath, refuseYandex, serveYandex } from "./yandex/face.ts";
import { isYandexCredential } from "./yandex/names.ts";

/** The account and region of requests that name none. */
const defaultScope: Scope = { account: defaultAccount, region: defaultRegion };

const kinesisTarget = /^Kinesis_20131202\./;

const verbs: ReadonlySet<string> = new Set(["GET", "HEAD", "PUT", "POST", "DELETE"]);

/** What a request of the platform brings along. */
export function runtimeOf(env: Env, ctx: ExecutionContext): Runtime {
  return { env, segments: ctx.exports.Segments, waitUntil: (work) => ctx.waitUntil(work) };
}

/** The reply to a request, whatever it asks for. */
export async function serve(request: Request, runtime: Runtime): Promise<Response> {
  const { env } = runtime;
  const startMs = Date.now();
  const door = openDoor(request, env);
  const face = faceOf(request, env);
  const backend = new Backend(runtime);
  const { controls } = backend;
  const answer = () => face.serve(request, backend, defaultScope, door);
  if (controls.latencyMs > 0 && face !== faces.operator) await scheduler.wait(controls.latencyMs);
  try {
    const reply =
      door.preflight ??
      (door.refusal === undefined
        ? await (face.stores && addsData(request)
            ? serveWrite(request, runtime, face, answer)
            : answer())
        : await face.refuse(door.refusal, request));
    const finished = door.finish(reply, Date.now());
    note({ dialect: face.name, deed: backend.deed, startMs }, finished, controls, env);
    return finished;
  } catch (error) {
    const failed = { dialect: face.name, deed: backend.deed, status: 500 };
    requestMetrics.note(failed, Date.now() - startMs, env.ANALYTICS);
    throw error;
  } finally {
    releaseBody(request);
  }
}

/**
 * The answer to a call that came by the front's WebSocket: of Kinesis as `respond` makes a reply of it, of other dialects as
 * a Response. Undefined, and nothing has been done, if it must be served by itself: only usual calls are not.
 */
export async function serveMember<Reply>(
  request: Incoming,
  runtime: Runtime,
  respond: Respond<Reply>,
): Promise<Reply | Response | undefined> {
  const { env } = runtime;
  const door = openDoor(request, env);
  if (door.refusal !== undefined || request.headers.has("origin")) return undefined;
  const face = faceOf(request, env);
  const serveIt = memberFaces.get(face);
  const isPut = addsData(request);
  // A page of another dialect may be large.
  if (face !== faces.kinesis && (serveIt === undefined || !isPut)) return undefined;
  const startMs = Date.now();
  const bytes = isPut ? await gauge.begin(request, runtime, startMs) : 0;
  if (bytes === undefined) return undefined;
  const backend = new Backend(runtime);
  const { controls, deed } = backend;
  let reply: { status: number; headers: HeaderReader } = { status: 500, headers: noHeaders };
  try {
    if (controls.latencyMs > 0) await scheduler.wait(controls.latencyMs);
    if (serveIt !== undefined) {
      const response = door.finish(await serveIt(request, backend, defaultScope), Date.now());
      reply = response;
      return response;
    }
    return await answerKinesis(request, backend, defaultScope, (answer) => {
      const { status } = answer;
      const headers = { ...headersOf(answer, door.headers(Date.now())), ...retryHeaders(status) };
      reply = { status, headers: { get: (name) => headers[name] ?? null } };
      return respond(answer, headers, backend.frontPrinter);
    });
  } finally {
    gauge.end(bytes);
    releaseBody(request);
    note({ dialect: face.name, deed, startMs }, reply, controls, env);
  }
}

/** Makes a reply of an answer of Kinesis. */
export type Respond<Reply> = (
  answer: Answer,
  headers: Record<string, string>,
  front?: FrontPrinter,
) => Promise<Reply>;

const noHeaders: HeaderReader = { get: () => null };

/** For metrics and the log. */
function note(
  request: LoggedRequest,
  reply: { status: number; headers: HeaderReader },
  controls: Controls,
  env: Env,
): void {
  const nowMs = Date.now();
  const { dialect, deed, startMs } = request;
  requestMetrics.note({ dialect, deed, status: reply.status }, nowMs - startMs, env.ANALYTICS);
  if (controls.log !== "off") logRequest(request, reply, controls, nowMs);
}

const gauge = new SpaceGauge();

const diskFull: DoorRefusal = {
  status: 503,
  message: "The server's disk is almost full: writes are refused for now.",
};

/** Serves the request if the disk has room for it. */
async function serveWrite(
  request: Request,
  runtime: Runtime,
  face: Face,
  serve: () => Promise<Response>,
): Promise<Response> {
  const bytes = await gauge.begin(request, runtime, Date.now());
  if (bytes === undefined) return face.refuse(diskFull, request);
  try {
    return await serve();
  } finally {
    gauge.end(bytes);
  }
}

interface Face {
  /** In metrics and logs. */
  name: string;
  /** False if no request for it stores anything. */
  stores: boolean;
  serve(request: Request, backend: Backend, home: Scope, door: Door): Promise<Response>;
  /** The reply to a request that the door refuses. */
  refuse(refusal: DoorRefusal, request: Request): Response | Promise<Response>;
}

const faces: Record<"operator" | Dialect, Face> = {
  operator: { name: "operator", stores: true, serve: serveOperator, refuse: refuseOperator },
  kinesis: { name: "kinesis", stores: true, serve: serveKinesis, refuse: refuseKinesis },
  v3io: { name: "v3io", stores: true, serve: serveV3io, refuse: refuseV3io },
  yandex: { name: "yandex", stores: true, serve: serveYandex, refuse: refuseYandex },
  durable: { name: "durable", stores: true, serve: serveDurable, refuse: refuseDurable },
};

/** Those besides Kinesis of which calls come by the front's WebSocket. */
const memberFaces: ReadonlyMap<Face, typeof serveV3io> = new Map([
  [faces.v3io, serveV3io],
  [faces.yandex, serveYandex],
]);

function faceOf(request: Incoming, env: Env): Face {
  const { path } = splitUrl(request.url);
  if (isOperatorRequest(request, path)) return faces.operator;
  const call = isDurablePath(path)
    ? undefined
    : foreignCallIn(request, (name) => readContainers(env).includes(name));
  if (call === undefined) return faces[dialectOf(request, path)];
  return {
    name: "aws",
    stores: false,
    serve: (request, backend) => serveAws(request, backend, call),
    refuse: (refusal, request) => refuseAws(refusal, request, call),
  };
}

type Dialect = "kinesis" | "v3io" | "yandex" | "durable";

function dialectOf({ method, headers }: Incoming, path: string): Dialect {
  if (headers.has("x-v3io-function")) return "v3io";
  const target = headers.get("x-amz-target");
  if (target === null) {
    if (isDurablePath(path)) return "durable";
    if (path === pingPath && method === "GET") return "yandex";
    if (isRoot(path)) return method === "GET" && isV3ioClient(headers) ? "v3io" : "kinesis";
    return verbs.has(method) ? "v3io" : "kinesis";
  }
  if (method !== "POST") return "kinesis";
  if (!isRoot(path) || target.startsWith("kinesisApi.")) return "yandex";
  const [, credential = ""] = /Credential=([^,\s]*)/.exec(headers.get("authorization") ?? "") ?? [];
  return kinesisTarget.test(target) && isYandexCredential(credential) ? "yandex" : "kinesis";
}

/**
 * True if the client asks for the list of containers: at the root only the credentials tell the
 * dialect.
 */
function isV3ioClient(headers: HeaderSet): boolean {
  const scheme = /^basic /i;
  return headers.has("x-v3io-session-key") || scheme.test(headers.get("authorization") ?? "");
}
