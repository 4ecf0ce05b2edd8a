// What a caller may do. Two voices are heard, as in IAM: the allow list of the principal, and the
// policy attached to the resource. Within an account either may allow; into another account both
// must; a Deny of the resource's policy is final. A refusal is worded as the service words it (AWS
// IAM user guide, "Troubleshoot access denied error messages").
import { type Caller, type Principal, type Refusal, refuse, userArn } from "./caller.ts";
import { matchesAction, matchesArn, matchesPattern, splitArn } from "./pattern.ts";
import { evaluatePolicy, type ResourcePolicy, silent } from "./resourcePolicy.ts";

/** Something to be done. */
export interface Deed {
  /** `kinesis:PutRecord`, `v3io:PutRecords`. */
  readonly action: string;
  /** What the same deed is called by the policies of resources, where that differs. */
  readonly alias?: string | undefined;
  /** Of the stream or consumer; `*` for operations that have none, such as ListStreams. */
  readonly arn: string;
  /** That of the resource, if it has one. */
  readonly policy?: ResourcePolicy | undefined;
}

/** Undefined when it is allowed. */
export function authorize(caller: Caller, deed: Deed): Refusal | undefined {
  if (caller.isOpen) return undefined;
  const { principal } = caller;
  const { action, alias, arn, policy } = deed;
  const names = alias === undefined ? [action] : [action, alias];
  const verdict = policy ? evaluatePolicy(policy, principal, names, arn) : silent;
  if (verdict.isDenied) {
    return deny(principal, deed, "with an explicit deny in a resource-based policy");
  }
  const isListed = may(principal, action, arn);
  const isOwn = arn === "*" || splitArn(arn)?.[4] === principal.account;
  const isAllowed = isOwn
    ? isListed || verdict.grant === "caller"
    : isListed && verdict.grant !== "none";
  if (isAllowed) return undefined;
  const silentVoice = isListed ? "resource-based" : "identity-based";
  return deny(principal, deed, `because no ${silentVoice} policy allows the ${action} action`);
}

/** Whether the principal's own list allows it, whoever owns the resource. */
export function may({ account, allow }: Principal, action: string, arn: string): boolean {
  if (allow === undefined) return true;
  return allow.some(
    ({ actions, streams }) =>
      actions.some((pattern) => matchesAction(pattern, action)) &&
      streams.some((pattern) => matchesStream(pattern, arn, account)),
  );
}

/** A stream's ARN stands for its consumers too, and so does its name. */
function matchesStream(pattern: string, arn: string, account: string): boolean {
  const [streamArn = arn] = consumerPattern.exec(arn)?.slice(1) ?? [];
  if (pattern === "*" || pattern.startsWith("arn:")) {
    return matchesArn(pattern, arn) || matchesArn(pattern, streamArn);
  }
  const [, , , , owner, resource = ""] = splitArn(streamArn) ?? [];
  if (owner !== account || !resource.startsWith("stream/")) return false;
  return matchesPattern(pattern, resource.slice("stream/".length));
}

const consumerPattern = /^(arn:[^/]*:stream\/[\w.-]+)\/consumer\/[\w.-]+:\d+$/;

function deny(principal: Principal, { action, arn }: Deed, why: string): Refusal {
  return refuse(
    "AccessDeniedException",
    `User: ${userArn(principal)} is not authorized to perform: ${action} ` +
      `on resource: ${arn} ${why}`,
  );
}
