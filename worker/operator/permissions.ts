// GET /_millrace/permissions?action=kinesis:PutRecord&action=…&stream=NAME: which of the actions the
// caller may do, on the stream if one is named. A page or a tool offers only these. It needs
// credentials and no permission, and tells nothing that trying would not tell.
import type { Caller } from "../auth/caller.ts";
import { StreamError } from "../errors.ts";
import type { Backend } from "../stream/backend.ts";
import type { NamedResource } from "../stream/permission.ts";

const actionsMax = 100;
const actionForm = /^[a-z0-9-]{1,32}:[A-Za-z]{1,64}$/;

/** Throws `invalidQuery`. */
export async function readPermissions(
  backend: Backend,
  stream: NamedResource | undefined,
  parameters: URLSearchParams,
  caller: Caller,
): Promise<object> {
  const actions = parameters.getAll("action");
  const areValid = actions.every((action) => actionForm.test(action));
  if (actions.length === 0 || actions.length > actionsMax || !areValid) {
    throw new StreamError("invalidQuery", { wanted: `1 to ${actionsMax} actions` });
  }
  const refusals = await Promise.all(
    actions.map((action) => backend.refusalOf(caller, { action }, stream)),
  );
  return {
    account: caller.principal.account,
    isOpen: caller.isOpen,
    allowed: actions.filter((_, i) => refusals[i] === undefined),
  };
}
