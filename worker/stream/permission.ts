// Checks the permission of a caller for an action on a stream or a consumer, for all dialects. It
// judges the resource that exists, by its ARN and its attached policies, with auth/policy.ts. Each
// dialect supplies the action name and maps the refusal to its own error.
import type { ConsumerKey } from "../core/control.ts";
import { consumerArn, queueArn, streamArn } from "../auth/arn.ts";
import type { Caller, Refusal } from "../auth/caller.ts";
import { authorize, type AccessRequest, isDecidedByList } from "../auth/policy.ts";
import { parsePolicy, type ResourcePolicy } from "../auth/resourcePolicy.ts";
import type { Env } from "../core/bindings.ts";
import { isCode } from "../errors.ts";
import { createdSecondsOf, findConsumer } from "../catalog/consumers.ts";
import type { QueueDescription } from "../core/queueTypes.ts";
import { findStream, refreshStream } from "./directory.ts";
import { findQueue } from "./queueDirectory.ts";
import type { Scope, StreamDescription } from "../core/types.ts";

/** A stream, or a consumer of it. */
export interface NamedResource {
  scope: Scope;
  /** Name of the stream in the catalog. */
  name: string;
  consumer?: ConsumerKey | undefined;
}

/** A stream, a consumer of it, or a queue by its id. */
export type NamedResourceOrQueue = NamedResource | { scope: Scope; queue: string };

export interface NamedAction extends Pick<AccessRequest, "action" | "alias"> {
  /** Set for actions on policies: the policy of a resource does not decide about itself. */
  isOfPolicy?: boolean;
}

/**
 * Undefined if the caller may. An action without a resource, such as a listing, needs only the
 * caller's own list.
 */
export async function refusalOf(
  env: Env,
  caller: Caller,
  { action, alias, isOfPolicy = false }: NamedAction,
  resource: NamedResourceOrQueue | undefined,
): Promise<Refusal | undefined> {
  if (caller.isOpen) return undefined;
  if (resource === undefined) return authorize(caller, { action, alias, arn: "*" });
  const isQueue = "queue" in resource;
  const named = { action, alias };
  const given = isQueue
    ? deedOnQueue(named, resource, undefined)
    : requestFor(named, resource, undefined);
  // The catalog is not asked if no policy can change the verdict.
  if (isDecidedByList(caller, given)) return authorize(caller, given);
  const request = isQueue
    ? await deedOnFoundQueue(env, named, resource)
    : requestFor(named, resource, await lookUp(env, resource));
  if (!isOfPolicy) return authorize(caller, request);
  return authorize(caller, { action, alias, arn: request.arn, streamArn: request.streamArn });
}

/** The action as policy.ts judges it, on the resource that was found. */
function requestFor(
  { action, alias }: Pick<AccessRequest, "action" | "alias">,
  { scope: { account, region }, name, consumer: key }: NamedResource,
  found: StreamDescription | undefined,
): AccessRequest {
  const stream = { account, region, name };
  const arn = streamArn(stream);
  const request = { action, alias, arn, policy: policyOf(found) };
  if (key === undefined) return request;
  const consumer = found && findConsumer(found, key);
  const createdSeconds = consumer ? createdSecondsOf(consumer) : key.createdSeconds;
  // If no consumer has the name, only the stream is judged.
  if (createdSeconds === undefined) return request;
  return {
    action,
    alias,
    arn: consumerArn({ ...stream, consumer: key.name, createdSeconds }),
    policy: policyOf(consumer),
    streamArn: arn,
    streamPolicy: policyOf(found),
  };
}

/** What allow lists say of a stream holds for its queues, and so does a Deny of its policy. */
function deedOnQueue(
  { action, alias }: Pick<AccessRequest, "action" | "alias">,
  { scope: { account, region }, queue: id }: { scope: Scope; queue: string },
  found: QueueDescription | undefined,
  stream?: StreamDescription,
): AccessRequest {
  const arn = queueArn({ account, region, id });
  if (found === undefined) return { action, alias, arn };
  return {
    action,
    alias,
    arn,
    policy: policyOf(found),
    streamArn: streamArn({ account, region, name: found.stream }),
    streamPolicy: policyOf(stream),
  };
}

async function deedOnFoundQueue(
  env: Env,
  named: Pick<AccessRequest, "action" | "alias">,
  resource: { scope: Scope; queue: string },
): Promise<AccessRequest> {
  const queue = await lookUpQueue(env, resource);
  const { scope } = resource;
  const stream = queue && (await lookUp(env, { scope, name: queue.stream }));
  return deedOnQueue(named, resource, queue, stream);
}

async function lookUpQueue(
  env: Env,
  { scope, queue }: { scope: Scope; queue: string },
): Promise<QueueDescription | undefined> {
  try {
    return await findQueue(env, scope, queue);
  } catch (error) {
    if (isCode(error, "queueNotFound")) return undefined;
    throw error;
  }
}

/** A consumer may be newer than the cached description of its stream. */
async function lookUp(
  env: Env,
  { scope, name, consumer }: NamedResource,
): Promise<StreamDescription | undefined> {
  try {
    const { description } = await findStream(env, scope, name);
    if (consumer === undefined || findConsumer(description, consumer)) return description;
    return (await refreshStream(env, scope, name)).description;
  } catch (error) {
    if (isCode(error, "streamNotFound")) return undefined;
    throw error;
  }
}

function policyOf(holder: { policy?: string } | undefined): ResourcePolicy | undefined {
  return holder?.policy === undefined ? undefined : parsePolicy(holder.policy);
}
