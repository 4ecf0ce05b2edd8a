// Whether a caller may do something with a stream, whatever dialect asks: the stream's ARN and the
// policy attached to it, and the verdict of auth/policy.ts. Faces give deeds their names and word the
// refusal. Kinesis, whose requests name streams by ARN and consumers too, has its own way there.
import type { Caller, Refusal } from "./auth/caller.ts";
import { authorize, type Deed } from "./auth/policy.ts";
import { parsePolicy, type ResourcePolicy } from "./auth/resourcePolicy.ts";
import type { Env } from "./env.ts";
import { StreamError } from "./errors.ts";
import { findStream } from "./stream/directory.ts";
import type { Scope } from "./stream/types.ts";

export interface NamedStream {
  scope: Scope;
  /** In the catalog. */
  name: string;
}

/** Undefined when it may; a deed without a stream, such as a listing, needs the caller's list alone. */
export async function refusalOf(
  env: Env,
  caller: Caller,
  deed: Pick<Deed, "action" | "alias">,
  stream: NamedStream | undefined,
): Promise<Refusal | undefined> {
  if (caller.isOpen) return undefined;
  const arn = stream === undefined ? "*" : arnOf(stream);
  return authorize(caller, { ...deed, arn, policy: stream && (await policyOf(env, stream)) });
}

function arnOf({ scope: { account, region }, name }: NamedStream): string {
  const cloud = region.startsWith("cn-") ? "-cn" : region.startsWith("us-gov-") ? "-us-gov" : "";
  return `arn:aws${cloud}:kinesis:${region}:${account}:stream/${name}`;
}

async function policyOf(
  env: Env,
  { scope, name }: NamedStream,
): Promise<ResourcePolicy | undefined> {
  try {
    const { policy } = (await findStream(env, scope, name)).description;
    return policy === undefined ? undefined : parsePolicy(policy);
  } catch (error) {
    if (error instanceof StreamError && error.code === "streamNotFound") return undefined;
    throw error;
  }
}
