// POST /_millrace/reset: empties the store for the next test, with ?account=N for what one account
// has. Only the local server can do that, and only without keys: with keys, somebody relies on the
// data. Streams are deleted with their records, consumers, tags and policies, v3io containers lose
// their objects, and iterators of before are not valid any more.
import type { Backend } from "../stream/backend.ts";
import { StreamError } from "../errors.ts";
import type { NamedResource } from "../stream/permission.ts";

const accountForm = /^\d{12}$/;

/** Why this server cannot be emptied; undefined if it can. */
export function resetRefusal({ access, reset, isClustered }: Backend): string | undefined {
  if (isClustered)
    return "A cluster is not emptied: delete its streams, or begin at another prefix.";
  if (reset === undefined) return "Only the local server can be emptied.";
  return access.mode === "open" ? undefined : "A server with access keys is not emptied.";
}

/** Throws `invalidQuery`. */
export async function resetStore(
  backend: Backend,
  stream: NamedResource | undefined,
  parameters: URLSearchParams,
): Promise<object> {
  const account = parameters.get("account") ?? undefined;
  if (stream !== undefined || (account !== undefined && !accountForm.test(account))) {
    throw new StreamError("invalidQuery", { wanted: "account, twelve digits, or nothing" });
  }
  await backend.reset?.(account);
  return { reset: account ?? "all" };
}
