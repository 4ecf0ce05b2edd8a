// Checks the permission of a caller. Streams have their names of the catalog, so that one allow
// list works for all dialects. An object in a stream counts as that stream; any other resource is
// named by its path with the container. Every refusal is "Permission denied", as real servers
// answer; the status tells a caller without credentials that it needs some.
import type { HeaderReader } from "../auth/credentials.ts";
import { authenticate } from "../auth/authenticate.ts";
import type { Caller } from "../auth/caller.ts";
import type { Backend } from "../stream/backend.ts";
import { isCode } from "../errors.ts";
import type { Scope } from "../core/types.ts";
import type { Place } from "./names.ts";
import { V3ioError } from "./errors.ts";
import type { Operation, Resource } from "./operation.ts";
import { streamNameAt } from "./places.ts";

/** Throws V3ioError for invalid credentials. */
export function identify(backend: Backend, headers: HeaderReader, nowMs: number): Caller {
  const access = backend.access;
  const outcome = authenticate(access, { dialect: "v3io", headers }, nowMs);
  if (outcome.kind === "caller") return outcome;
  // The operator must learn that keys are missing, in every dialect.
  if (access.mode === "closed") throw new V3ioError("Permission denied", outcome.message);
  const hasNone = outcome.name === "MissingAuthenticationTokenException";
  throw new V3ioError(hasNone ? "Unauthorized" : "Permission denied");
}

/** Throws "Permission denied". */
export async function permit(
  backend: Backend,
  scope: Scope,
  caller: Caller,
  { action, alias }: Operation,
  resource: Resource,
): Promise<void> {
  if (caller.isOpen || alias === undefined) return;
  const name = await nameOf(backend, scope, resource);
  const about = name === undefined ? undefined : { scope, name };
  const refusal = await backend.refusalOf(caller, { action, alias }, about);
  if (refusal !== undefined) throw new V3ioError("Permission denied");
}

async function nameOf(
  backend: Backend,
  scope: Scope,
  resource: Resource,
): Promise<string | undefined> {
  switch (resource.kind) {
    case "account":
      return undefined;
    case "path":
      return resourceAt(backend, scope, resource.place);
    case "stream":
      return streamNameAt(resource.place);
  }
}

/** Undefined for the root of a container, which belongs to no stream. */
async function resourceAt(
  backend: Backend,
  scope: Scope,
  place: Place,
): Promise<string | undefined> {
  const { container, path } = place;
  if (path === "") return undefined;
  for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
    const name = streamNameAt({ container, path: path.slice(0, end) });
    if (await isStream(backend, scope, name)) return name;
  }
  return `/${container}/${path}`;
}

/** A stream that is being deleted still has its policy. */
async function isStream(backend: Backend, scope: Scope, name: string): Promise<boolean> {
  try {
    await backend.streams.find(scope, name);
    return true;
  } catch (error) {
    if (isCode(error, "streamNotFound")) return false;
    throw error;
  }
}
