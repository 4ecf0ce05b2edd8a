// Whether a caller may do what it asks with what its input names, or a token of its input.
import type { Caller } from "../auth/caller.ts";
import type { Env } from "../core/bindings.ts";
import { refusalOf } from "../stream/permission.ts";
import { KinesisError } from "./errors.ts";
import type { Resource } from "./resource.ts";
import type { OperationName } from "./shapes.ts";

/** A policy that denies everybody must not keep its owner from taking it away. */
const policyOperations: ReadonlySet<OperationName> = new Set([
  "DeleteResourcePolicy",
  "GetResourcePolicy",
  "PutResourcePolicy",
]);

/** Throws AccessDeniedException; without a resource it is about the account. */
export async function permit(
  env: Env,
  caller: Caller,
  operation: OperationName,
  resource: Resource | undefined,
): Promise<void> {
  const action = { action: `kinesis:${operation}`, isOfPolicy: policyOperations.has(operation) };
  const about = resource && {
    scope: { account: resource.stream.account, region: resource.stream.region },
    name: resource.stream.name,
    consumer: resource.key.consumer,
  };
  const refusal = await refusalOf(env, caller, action, about);
  if (refusal !== undefined) throw new KinesisError(refusal.name, refusal.message);
}
