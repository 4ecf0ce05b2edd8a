// Checks that a caller may use what its input names, directly or by a token.
import type { Caller } from "../auth/caller.ts";
import type { Backend } from "../stream/backend.ts";
import { KinesisError } from "./errors.ts";
import type { Operation } from "./operation.ts";
import type { Resource } from "./resource.ts";

/** Throws AccessDeniedException; without a resource it is about the account. */
export async function permit(
  backend: Backend,
  caller: Caller,
  { name, isOfPolicy }: Pick<Operation, "name" | "isOfPolicy">,
  resource: Resource | undefined,
): Promise<void> {
  const action = { action: `kinesis:${name}`, isOfPolicy };
  const about = resource && {
    scope: { account: resource.stream.account, region: resource.stream.region },
    name: resource.stream.name,
    consumer: resource.key.consumer,
  };
  const refusal = await backend.refusalOf(caller, action, about);
  if (refusal !== undefined) throw new KinesisError(refusal.name, refusal.message);
}
