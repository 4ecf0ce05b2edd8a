// Whether a caller may do something with a stream or a consumer, whatever dialect asks: what is judged is
// what is there, by its one ARN and the policies attached to it, with the verdict of auth/policy.ts.
// Faces give deeds their names and word the refusal.
import type { ConsumerKey } from "../core/control.ts";
import { consumerArn, streamArn } from "../auth/arn.ts";
import type { Caller, Refusal } from "../auth/caller.ts";
import { authorize, type Deed, isDecidedByList } from "../auth/policy.ts";
import { parsePolicy, type ResourcePolicy } from "../auth/resourcePolicy.ts";
import type { Env } from "../core/bindings.ts";
import { isCode } from "../errors.ts";
import { createdSecondsOf, findConsumer } from "../catalog/consumers.ts";
import { findStream, refreshStream } from "./directory.ts";
import type { Scope, StreamDescription } from "../core/types.ts";

/** A stream, or a consumer of it. */
export interface NamedResource {
  scope: Scope;
  /** Of the stream, in the catalog. */
  name: string;
  consumer?: ConsumerKey | undefined;
}

export interface NamedAction extends Pick<Deed, "action" | "alias"> {
  /** Policies have no say about themselves. */
  isOfPolicy?: boolean;
}

/** Undefined when it may; a deed without a resource, such as a listing, needs the caller's list alone. */
export async function refusalOf(
  env: Env,
  caller: Caller,
  { action, alias, isOfPolicy = false }: NamedAction,
  resource: NamedResource | undefined,
): Promise<Refusal | undefined> {
  if (caller.isOpen) return undefined;
  if (resource === undefined) return authorize(caller, { action, alias, arn: "*" });
  const given = deedOn({ action, alias }, resource, undefined);
  // Nothing is asked of a catalog when no policy can change the verdict.
  if (isDecidedByList(caller, given)) return authorize(caller, given);
  const deed = deedOn({ action, alias }, resource, await lookUp(env, resource));
  if (!isOfPolicy) return authorize(caller, deed);
  return authorize(caller, { action, alias, arn: deed.arn, streamArn: deed.streamArn });
}

/** The deed as it is judged, on what was found. */
function deedOn(
  { action, alias }: Pick<Deed, "action" | "alias">,
  { scope: { account, region }, name, consumer: key }: NamedResource,
  found: StreamDescription | undefined,
): Deed {
  const stream = { account, region, name };
  const arn = streamArn(stream);
  const deed = { action, alias, arn, policy: policyOf(found) };
  if (key === undefined) return deed;
  const consumer = found && findConsumer(found, key);
  const createdSeconds = consumer ? createdSecondsOf(consumer) : key.createdSeconds;
  // A name that no consumer has says nothing but the stream.
  if (createdSeconds === undefined) return deed;
  return {
    action,
    alias,
    arn: consumerArn({ ...stream, consumer: key.name, createdSeconds }),
    policy: policyOf(consumer),
    streamArn: arn,
    streamPolicy: policyOf(found),
  };
}

/** A consumer may be newer than what this isolate knows of its stream. */
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
