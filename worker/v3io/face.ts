// The v3io face: a request as a typed command, the command carried out, and every failure in the body
// that v3io servers send. A header names the function; a request without one is about an object or a
// container, by its plain verb.
import { readBody } from "../http/body.ts";
import type { DoorRefusal } from "../http/door.ts";
import type { Runtime } from "../core/bindings.ts";
import { FailureLog } from "../core/failureLog.ts";
import type { Scope } from "../core/types.ts";
import { isRoot, splitUrl } from "../http/url.ts";
import { type Address, parseAddress } from "./names.ts";
import { listContainers, requireContainer } from "./actions/containers.ts";
import { errorResponse, invalid, V3ioError, v3ioErrorOf } from "./errors.ts";
import { parseBody } from "./fields.ts";
import { type ItemCommand, parseItemCommand } from "./itemRequest.ts";
import { getItem, getItems, putItem } from "./actions/items.ts";
import { parseObjectCommand, runObjectCommand } from "./actions/objects.ts";
import { identify, permit } from "./permission.ts";
import { getRecords, putRecords, seek } from "./actions/records.ts";
import { json } from "./reply.ts";
import { parseStreamCommand, readPutCommand, type StreamCommand } from "./operations.ts";
import { createStream, describeStream, updateStream } from "./actions/streams.ts";

/** JSON of a request (Iguazio web API reference, PutRecords: 10 MB). */
const bodyBytesMax = 10 * 1024 * 1024;

export async function serveV3io(
  request: Request,
  runtime: Runtime,
  home: Scope,
): Promise<Response> {
  const id = crypto.randomUUID();
  const failures = new FailureLog(`v3io request ${id}`);
  const response = await call(request, runtime, home, failures).catch((error: unknown) =>
    errorResponse(v3ioErrorOf(error, failures)),
  );
  // Real servers have no such header; without it nobody could find the line in the log.
  if (!failures.isEmpty) response.headers.set("x-request-id", id);
  return response;
}

async function call(
  request: Request,
  runtime: Runtime,
  home: Scope,
  failures: FailureLog,
): Promise<Response> {
  const { headers } = request;
  const caller = identify(runtime.env, headers, Date.now());
  const scope = { account: caller.principal.account, region: home.region };
  const name = headers.get("x-v3io-function");
  if (name === null && request.method === "GET" && isRoot(splitUrl(request.url).path)) {
    await permit(runtime, scope, caller, { kind: "ListContainers" });
    return listContainers(runtime.env);
  }
  const address = parseAddress(request.url);
  requireContainer(runtime.env, address.container);
  if (name === null) {
    const command = parseObjectCommand(request, address);
    await permit(runtime, scope, caller, command);
    return await runObjectCommand(command, request, runtime, scope);
  }
  const command = await readCommand(name, address, request);
  if (command === undefined) return json({ NumberOfVNs: 1 });
  await permit(runtime, scope, caller, command);
  return await run(command, runtime, scope, failures);
}

const refusalNames = {
  400: "InvalidArgumentException",
  403: "Permission denied",
  503: "ProvisionedThroughputExceededException",
} as const;

export function refuseV3io({ status, message }: DoorRefusal): Response {
  return errorResponse(new V3ioError(refusalNames[status], message));
}

/**
 * Undefined for GetClusterMD: clients ask before a scan in parallel, and here every part of a scan is as good as
 * any other. Throws V3ioError.
 */
async function readCommand(
  name: string,
  address: Address,
  request: Request,
): Promise<StreamCommand | ItemCommand | undefined> {
  if (request.method !== "PUT" && request.method !== "POST") throw invalid();
  const bytes = await readBody(request, bodyBytesMax);
  if (bytes === undefined) throw invalid();
  const put = name === "PutRecords" ? readPutCommand(address, bytes) : undefined;
  if (put !== undefined) return put;
  const body = parseBody(bytes);
  if (name === "GetClusterMD") return undefined;
  const command = parseStreamCommand(name, address, body) ?? parseItemCommand(name, address, body);
  if (command === undefined) throw invalid();
  return command;
}

async function run(
  command: StreamCommand | ItemCommand,
  runtime: Runtime,
  scope: Scope,
  failures: FailureLog,
): Promise<Response> {
  switch (command.kind) {
    case "CreateStream":
      return createStream(runtime, scope, command);
    case "UpdateStream":
      return updateStream(runtime, scope, command);
    case "DescribeStream":
      return describeStream(runtime, scope, command);
    case "PutRecords":
      return putRecords(runtime, scope, command, failures);
    case "Seek":
      return seek(runtime, scope, command);
    case "GetRecords":
      return getRecords(runtime, scope, command);
    case "GetItem":
      return getItem(runtime, scope, command);
    case "GetItems":
      return getItems(runtime, scope, command);
    case "PutItem":
    case "UpdateItem":
      return putItem(runtime, scope, command);
  }
}
