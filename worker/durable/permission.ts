// Who is calling, and whether they may: bearer tokens of the access keys (`tokens` of a principal), under the
// same allow lists and policies as the other dialects.
import { authenticate } from "../auth/authenticate.ts";
import type { Caller } from "../auth/caller.ts";
import type { Backend } from "../stream/backend.ts";
import { DurableError } from "./errors.ts";
import type { Call } from "./operation.ts";

/** Throws DurableError 401 without credentials, 403 for credentials that are not good. */
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

/** Throws DurableError 403. */
export async function permitOn(
  { backend, scope, caller }: Pick<Call, "backend" | "scope" | "caller">,
  action: string,
  name: string,
): Promise<void> {
  const refusal = await backend.refusalOf(caller, { action }, { scope, name });
  if (refusal !== undefined) throw new DurableError(403, "FORBIDDEN", refusal.message);
}
