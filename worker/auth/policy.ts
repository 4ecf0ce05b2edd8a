// Decides what a caller may do. As in IAM, two lists decide: the allow list of the principal, and
// the policy of the resource. Within an account, either may allow. Across accounts both must. A
// Deny in the policy is final. The refusal has the service's wording (AWS IAM user guide,
// "Troubleshoot access denied error messages").
import { type Caller, type Principal, type Refusal, refuse, userArn } from "./caller.ts";
import { matchesAction, matchesArn, matchesPattern, splitArn } from "./pattern.ts";
import { evaluatePolicy, type ResourcePolicy, silent } from "./resourcePolicy.ts";

/** An action on a resource. */
export interface AccessRequest {
  /** `kinesis:PutRecord`, `v3io:PutRecords`. */
  readonly action: string;
  /** The name of the same action in policies of resources, if it differs. */
  readonly alias?: string | undefined;
  /** The ARN of the stream or consumer; `*` for operations without one, such as ListStreams. */
  readonly arn: string;
  /** The policy of the resource, if it has one. */
  readonly policy?: ResourcePolicy | undefined;
  /** The stream, if the resource is a consumer or a queue. */
  readonly streamArn?: string | undefined;
  /** Its policy: a Deny in it also applies to its consumers and queues. */
  readonly streamPolicy?: ResourcePolicy | undefined;
}

/** Undefined if the action is allowed. */
export function authorize(caller: Caller, request: AccessRequest): Refusal | undefined {
  if (caller.isOpen) return undefined;
  const { principal } = caller;
  const { action, alias, arn, policy, streamPolicy } = request;
  const names = alias === undefined ? [action] : [action, alias];
  const verdict = policy ? evaluatePolicy(policy, principal, names, arn) : silent;
  const isDenied =
    verdict.isDenied ||
    (streamPolicy !== undefined &&
      evaluatePolicy(streamPolicy, principal, names, streamArnOf(request)).isDenied);
  if (isDenied) {
    return deny(principal, request, "with an explicit deny in a resource-based policy");
  }
  const isListed = may(principal, action, arn, streamArnOf(request));
  const isOwn = isOwnOf(principal, arn);
  const isAllowed = isOwn
    ? isListed || verdict.grant === "caller"
    : isListed && verdict.grant !== "none";
  if (isAllowed) return undefined;
  const silentVoice = isListed ? "resource-based" : "identity-based";
  return deny(principal, request, `because no ${silentVoice} policy allows the ${action} action`);
}

/**
 * True if no policy can change the verdict: across accounts the list must allow the action in any
 * case.
 */
export function isDecidedByList(caller: Caller, request: AccessRequest): boolean {
  const { principal } = caller;
  const { action, arn } = request;
  return !isOwnOf(principal, arn) && !may(principal, action, arn, streamArnOf(request));
}

/** True if the principal's own list allows the action, whoever owns the resource. */
export function may(
  { account, allow }: Principal,
  action: string,
  arn: string,
  streamArn = streamOf(arn),
): boolean {
  if (allow === undefined) return true;
  return allow.some(
    ({ actions, streams }) =>
      actions.some((pattern) => matchesAction(pattern, action)) &&
      streams.some((pattern) => matchesStream(pattern, arn, streamArn, account)),
  );
}

function isOwnOf({ account }: Principal, arn: string): boolean {
  return arn === "*" || splitArn(arn)?.[4] === account;
}

function streamArnOf({ arn, streamArn = streamOf(arn) }: AccessRequest): string {
  return streamArn;
}

/** The stream's ARN for the ARN of a consumer; any other ARN unchanged. */
function streamOf(arn: string): string {
  return consumerPattern.exec(arn)?.[1] ?? arn;
}

const consumerPattern = /^(arn:[^/]*:stream\/[\w.-]+)\/consumer\/[\w.-]+:\d+$/;

/** The ARN or name of a stream also covers its consumers. */
function matchesStream(pattern: string, arn: string, streamArn: string, account: string): boolean {
  if (pattern === "*" || pattern.startsWith("arn:")) {
    return matchesArn(pattern, arn) || matchesArn(pattern, streamArn);
  }
  const [, , , , owner, resource = ""] = splitArn(streamArn) ?? [];
  if (owner !== account || !resource.startsWith("stream/")) return false;
  return matchesPattern(pattern, resource.slice("stream/".length));
}

function deny(principal: Principal, { action, arn }: AccessRequest, why: string): Refusal {
  return refuse(
    "AccessDeniedException",
    `User: ${userArn(principal)} is not authorized to perform: ${action} ` +
      `on resource: ${arn} ${why}`,
  );
}
