// Whether a caller may do what it asks: which resource an input names, the policy attached to it, and
// the verdict of auth/policy.ts. An input whose resource is hidden in a token is judged by its action,
// once the token is open.
import type { Caller } from "../auth/caller.ts";
import { authorize } from "../auth/policy.ts";
import { parsePolicy, type ResourcePolicy } from "../auth/resourcePolicy.ts";
import type { Env } from "../env.ts";
import { StreamError } from "../errors.ts";
import { findStream } from "../stream/directory.ts";
import type { Scope } from "../stream/types.ts";
import { KinesisError } from "./errors.ts";
import { parseConsumerArn, parseStreamArn, streamArn } from "./names.ts";
import type { OperationName } from "./shapes.ts";

/** The members by which inputs name a resource. */
interface Named {
  ResourceARN?: unknown;
  ConsumerARN?: unknown;
  StreamARN?: unknown;
  StreamName?: unknown;
}

/** Their inputs may name the stream in a token alone. */
const tokenOperations: ReadonlySet<OperationName> = new Set(["GetRecords", "ListShards"]);

/** A policy that denies everybody must not keep its owner from taking it away. */
const policyOperations: ReadonlySet<OperationName> = new Set([
  "DeleteResourcePolicy",
  "GetResourcePolicy",
  "PutResourcePolicy",
]);

/** ARN of what the input names, `*` for nothing, undefined when only a token says. */
export function resourceOf(
  operation: OperationName,
  input: object,
  scope: Scope,
): string | undefined {
  const { ResourceARN, ConsumerARN, StreamARN, StreamName } = input as Named;
  const arn = ResourceARN ?? ConsumerARN ?? StreamARN;
  if (typeof arn === "string") return arn;
  if (typeof StreamName === "string") return streamArn({ ...scope, name: StreamName });
  return tokenOperations.has(operation) ? undefined : "*";
}

/** Throws AccessDeniedException. */
export async function permit(
  env: Env,
  caller: Caller,
  operation: OperationName,
  arn: string,
): Promise<void> {
  if (caller.isOpen) return;
  const own = policyOperations.has(operation);
  const policy = own ? undefined : await policyOf(env, arn);
  const refusal = authorize(caller, { action: `kinesis:${operation}`, arn, policy });
  if (refusal !== undefined) throw new KinesisError(refusal.name, refusal.message);
}

async function policyOf(env: Env, arn: string): Promise<ResourcePolicy | undefined> {
  const consumer = parseConsumerArn(arn);
  const address = consumer ?? parseStreamArn(arn);
  if (address === undefined) return undefined;
  try {
    const { description } = await findStream(env, address, address.name);
    const holder = consumer
      ? description.consumers.find(({ name }) => name === consumer.consumer)
      : description;
    return holder?.policy === undefined ? undefined : parsePolicy(holder.policy);
  } catch (error) {
    if (error instanceof StreamError && error.code === "streamNotFound") return undefined;
    throw error;
  }
}
