// Holds a call to the rate that its operation declares, where the service's limits are kept
// (core/settings.ts): so many a second, for an account or for one stream of it.
import type { Backend } from "../stream/backend.ts";
import type { Scope } from "../core/types.ts";
import { accountRateExceeded, requestRateExceeded } from "./errorTexts.ts";
import type { StreamAddress } from "./names.ts";
import type { Operation } from "./operation.ts";

/** Throws LimitExceededException when the call comes too soon; `named` is what its input names. */
export async function takeRate(
  backend: Backend,
  scope: Scope,
  { name, rate }: Pick<Operation, "name" | "rate">,
  named: StreamAddress | undefined,
): Promise<void> {
  if (rate === undefined) return;
  const stream = rate.of === "stream" ? named : undefined;
  const kind = stream === undefined ? name : `${name}/${stream.name}`;
  const isAllowed = await backend.accounts.takePermit(stream ?? scope, kind, rate.perSecond);
  if (isAllowed) return;
  throw stream === undefined ? accountRateExceeded(scope.account) : requestRateExceeded(stream);
}
