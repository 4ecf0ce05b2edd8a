// The Durable Streams face: finds the operation and the stream of a request, checks the permission, runs
// the operation, and answers every failure in the dialect's form.
import type { Backend } from "../stream/backend.ts";
import { FailureLog } from "../core/failureLog.ts";
import type { Scope } from "../core/types.ts";
import type { DoorRefusal } from "../http/door.ts";
import { calledAddress, splitUrl } from "../http/url.ts";
import { DurableError, durableErrorOf } from "./errors.ts";
import { streamNameOf } from "./names.ts";
import { operationOf } from "./operations.ts";
import { identify, identifyIssuer, permitOn } from "./permission.ts";
import { failed, preflight } from "./reply.ts";

export async function serveDurable(
  request: Request,
  backend: Backend,
  home: Scope,
): Promise<Response> {
  if (request.method === "OPTIONS") return preflight();
  const id = crypto.randomUUID();
  const failures = new FailureLog(`Durable Streams request ${id}`);
  const response = await call(request, backend, home, failures).catch((error: unknown) => {
    const named = durableErrorOf(error, failures);
    backend.deed.error = named.code;
    return failed(named);
  });
  if (!failures.isEmpty) response.headers.set("x-request-id", id);
  return response;
}

async function call(
  request: Request,
  backend: Backend,
  home: Scope,
  failures: FailureLog,
): Promise<Response> {
  const { url, headers } = request;
  const { path, query } = splitUrl(url);
  const parameters = new URLSearchParams(query);
  const operation = operationOf(request.method, parameters);
  backend.deed.operation = operation.name;
  const name = streamNameOf(path);
  const caller =
    (await identifyIssuer(backend, request, parameters, home.region, name)) ??
    identify(backend, headers, Date.now());
  const scope = { account: caller.principal.account, region: home.region };
  const address = calledAddress(request);
  const isOpen = backend.access.mode === "open";
  const context = { backend, scope, caller, request, name, query: parameters, address, isOpen };
  await permitOn(context, operation.action, name);
  backend.begin(operation.name, name);
  return await operation.run({ ...context, failures });
}

const refusalNames = { 400: "INVALID_HOST", 403: "FORBIDDEN", 503: "DISK_FULL" } as const;

/** Every preflight is answered. Without Access-Control-Allow-Origin that permits nothing. */
export function refuseDurable({ status, message }: DoorRefusal, { method }: Request): Response {
  if (method === "OPTIONS") return preflight();
  return failed(new DurableError(status, refusalNames[status], message));
}
