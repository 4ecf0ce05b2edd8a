// The v3io face: finds the operation of a request, checks the permission, runs the operation, and
// answers every failure with the body that v3io servers send.
import type { DoorRefusal } from "../http/door.ts";
import type { Incoming } from "../http/incoming.ts";
import type { Backend } from "../stream/backend.ts";
import { FailureLog } from "../core/failureLog.ts";
import type { Scope } from "../core/types.ts";
import { isRoot, splitUrl } from "../http/url.ts";
import { listContainers, requireContainer } from "./actions/containers.ts";
import { errorResponse, V3ioError, v3ioErrorOf } from "./errors.ts";
import { parseAddress, rootAddress } from "./names.ts";
import type { Operation } from "./operation.ts";
import { operationOfFunction, operationOfVerb } from "./operations.ts";
import { identify, permit } from "./permission.ts";

export async function serveV3io(
  request: Incoming,
  backend: Backend,
  home: Scope,
): Promise<Response> {
  const id = crypto.randomUUID();
  const failures = new FailureLog(`v3io request ${id}`);
  const response = await call(request, backend, home, failures).catch((error: unknown) => {
    const named = v3ioErrorOf(error, failures);
    backend.deed.error = named.name;
    return errorResponse(named);
  });
  // Real servers have no such header. It is needed to find the line in the log.
  if (!failures.isEmpty) response.headers.set("x-request-id", id);
  return response;
}

async function call(
  request: Incoming,
  backend: Backend,
  home: Scope,
  failures: FailureLog,
): Promise<Response> {
  const { headers } = request;
  const caller = identify(backend, headers, Date.now());
  const scope = { account: caller.principal.account, region: home.region };
  const context = { backend, scope, failures };
  const name = headers.get("x-v3io-function");
  let address = rootAddress;
  let operation: Operation = listContainers;
  if (name !== null || request.method !== "GET" || !isRoot(splitUrl(request.url).path)) {
    address = parseAddress(request.url);
    requireContainer(backend, address.container);
    operation =
      name === null
        ? await operationOfVerb(request.method, address, context)
        : operationOfFunction(name);
  }
  backend.deed.operation = operation.name;
  const { resource, run } = await operation.read(request, address);
  await permit(backend, scope, caller, operation, resource);
  backend.begin(operation.name, "place" in resource ? resource.place.path : undefined);
  return await run(context);
}

const refusalNames = {
  400: "InvalidArgumentException",
  403: "Permission denied",
  503: "ProvisionedThroughputExceededException",
} as const;

export function refuseV3io({ status, message }: DoorRefusal): Response {
  return errorResponse(new V3ioError(refusalNames[status], message));
}
