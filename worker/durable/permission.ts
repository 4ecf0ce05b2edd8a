// Who the caller is, and what it may do. Callers are known by bearer tokens (`tokens` of a principal in the access
// keys) or by signed addresses. Allow lists and policies are those of the other dialects.
import { authenticate } from "../auth/authenticate.ts";
import type { Caller } from "../auth/caller.ts";
import type { Backend } from "../stream/backend.ts";
import { DurableError } from "./errors.ts";
import type { Call } from "./operation.ts";
import { accessParameter, accountOf, openGrant } from "./signedUrl.ts";

/** Throws DurableError 401 without credentials, 403 for invalid ones. */
export function identify(
  { access }: Pick<Backend, "access">,
  headers: Request["headers"],
  nowMs: number,
): Caller {
  const outcome = authenticate(access, { dialect: "durable", headers }, nowMs);
  if (outcome.kind === "caller") return outcome;
  const { name, message } = outcome;
  const hasNone = name === "MissingAuthenticationTokenException" && access.mode !== "closed";
  const challenge = { "www-authenticate": 'Bearer realm="millrace"' };
  throw new DurableError(
    hasNone ? 401 : 403,
    hasNone ? "UNAUTHORIZED" : "FORBIDDEN",
    message,
    hasNone ? challenge : {},
  );
}

/**
 * The caller that has issued the signed address of a request; undefined if the address is not signed.
 * Throws DurableError 403 if it is not valid for this stream, for this method, or any more.
 */
export async function identifyIssuer(
  backend: Backend,
  { method }: Pick<Request, "method">,
  query: URLSearchParams,
  region: string,
  name: string,
): Promise<Caller | undefined> {
  const { access } = backend;
  const text = query.get(accessParameter);
  if (text === null || access.mode !== "keys") return undefined;
  const scope = { account: accountOf(text) ?? "", region };
  const isRead = method === "GET" || method === "HEAD";
  const key =
    isRead && scope.account !== "" ? await backend.accounts.findCursorKey(scope) : undefined;
  const grant = openGrant(key, scope, text, Date.now());
  const issuer = grant && access.keys.findSigning(grant.accessKeyId)?.principal;
  if (issuer?.account !== scope.account) throw badAddress();
  const stream = await backend.durable.find(scope, name);
  const isCurrent = stream.uid === grant?.stream;
  if (!isCurrent && (await backend.durable.refresh(scope, name)).uid !== grant?.stream) {
    throw badAddress();
  }
  return { kind: "caller", principal: issuer, region: undefined, isOpen: false };
}

function badAddress(): DurableError {
  const what =
    "The signed address is not good for this: its time is over, or it is for another stream.";
  return new DurableError(403, "FORBIDDEN", what);
}

/** Throws DurableError 403. */
export async function permitOn(
  { backend, scope, caller }: Pick<Call, "backend" | "scope" | "caller">,
  action: string,
  name: string,
): Promise<void> {
  const refusal = await backend.refusalOf(caller, { action }, { scope, name });
  if (refusal !== undefined) throw new DurableError(403, "FORBIDDEN", refusal.message);
}
