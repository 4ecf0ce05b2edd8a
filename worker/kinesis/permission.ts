// Checks that a caller may use what its input names, directly or by a token.
import type { Caller } from "../auth/caller.ts";
import type { Backend } from "../stream/backend.ts";
import type { NamedResourceOrQueue } from "../stream/permission.ts";
import { KinesisError } from "./errors.ts";
import type { Operation } from "./operation.ts";
import { ownerOf, type QueueResource, type Resource } from "./resource.ts";

/** Throws AccessDeniedException; without a resource it is about the account. */
export async function permit(
  backend: Backend,
  caller: Caller,
  { name, isOfPolicy }: Pick<Operation, "name" | "isOfPolicy">,
  resource: Resource | QueueResource | undefined,
): Promise<void> {
  const action = { action: `kinesis:${name}`, isOfPolicy };
  const about = resource && namedResource(resource);
  const refusal = await backend.refusalOf(caller, action, about);
  if (refusal !== undefined) throw new KinesisError(refusal.name, refusal.message);
}

function namedResource(resource: Resource | QueueResource): NamedResourceOrQueue {
  const scope = ownerOf(resource);
  if ("queue" in resource) return { scope, queue: resource.queue.id };
  return { scope, name: resource.stream.name, consumer: resource.key.consumer };
}
