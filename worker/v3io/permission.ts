// Whether a caller may do what it asks. Streams are named as the catalog names them, so that one allow list
// speaks for all dialects; what lies in a stream belongs to it, and anything else is named by its path,
// container included. Every refusal is "Permission denied", as the servers say it; a caller without
// credentials learns by the status that it needs some.
import { accessOf } from "../auth/access.ts";
import { authenticate } from "../auth/authenticate.ts";
import type { Caller } from "../auth/caller.ts";
import { v3ioActions, type V3ioOperation } from "../auth/v3io.ts";
import type { Env, Runtime } from "../core/bindings.ts";
import { isCode } from "../errors.ts";
import { refusalOf } from "../stream/permission.ts";
import { findStream } from "../stream/directory.ts";
import type { Scope } from "../core/types.ts";
import type { Place } from "./names.ts";
import { V3ioError } from "./errors.ts";
import type { ItemCommand } from "./itemRequest.ts";
import type { ObjectCommand } from "./actions/objects.ts";
import { streamAt, streamNameAt } from "./places.ts";
import type { StreamCommand } from "./operations.ts";

export type Command = StreamCommand | ItemCommand | ObjectCommand | { kind: "ListContainers" };

/** Throws V3ioError for credentials that are not good. */
export function identify(env: Env, headers: Headers, nowMs: number): Caller {
  const access = accessOf(env);
  const outcome = authenticate(access, { dialect: "v3io", headers }, nowMs);
  if (outcome.kind === "caller") return outcome;
  // Who set this up must hear what is missing, whatever dialect they try first.
  if (access.mode === "closed") throw new V3ioError("Permission denied", outcome.message);
  const hasNone = outcome.name === "MissingAuthenticationTokenException";
  throw new V3ioError(hasNone ? "Unauthorized" : "Permission denied");
}

/** Throws "Permission denied". */
export async function permit(
  runtime: Runtime,
  scope: Scope,
  caller: Caller,
  command: Command,
): Promise<void> {
  if (caller.isOpen) return;
  const { operation, name } = await deedOf(runtime, scope, command);
  const refusal = await refusalOf(
    runtime.env,
    caller,
    v3ioActions[operation],
    name === undefined ? undefined : { scope, name },
  );
  if (refusal !== undefined) throw new V3ioError("Permission denied");
}

async function deedOf(
  runtime: Runtime,
  scope: Scope,
  command: Command,
): Promise<{ operation: V3ioOperation; name: string | undefined }> {
  switch (command.kind) {
    case "ListContainers":
      return { operation: command.kind, name: undefined };
    case "ListObjects": {
      const { container, directory } = command.request;
      const place = { container, path: directory };
      return { operation: command.kind, name: await resourceAt(runtime, scope, place) };
    }
    case "DeleteObject": {
      const stream = await streamAt(runtime, scope, command.object);
      const name = await resourceAt(runtime, scope, command.object);
      return { operation: stream === undefined ? command.kind : "DeleteStream", name };
    }
    case "GetObject":
    case "PutObject":
      return { operation: command.kind, name: await resourceAt(runtime, scope, command.object) };
    case "GetItem":
    case "PutItem":
    case "UpdateItem":
      return { operation: command.kind, name: await resourceAt(runtime, scope, command.item) };
    case "GetItems":
      return { operation: command.kind, name: await resourceAt(runtime, scope, command.directory) };
    default:
      return { operation: command.kind, name: streamNameAt(command.stream) };
  }
}

/** Undefined for a container's root, which is no one stream's. */
async function resourceAt(
  runtime: Runtime,
  scope: Scope,
  place: Place,
): Promise<string | undefined> {
  const { container, path } = place;
  if (path === "") return undefined;
  for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
    const name = streamNameAt({ container, path: path.slice(0, end) });
    if (await isStream(runtime.env, scope, name)) return name;
  }
  return `/${container}/${path}`;
}

/** A stream that is about to go still has its policy. */
async function isStream(env: Env, scope: Scope, name: string): Promise<boolean> {
  try {
    await findStream(env, scope, name);
    return true;
  } catch (error) {
    if (isCode(error, "streamNotFound")) return false;
    throw error;
  }
}
