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
  /** Of the stream, where the resource is a consumer. */
  readonly streamArn?: string | undefined;
  /** What it denies is denied for the stream's consumers too. */
  readonly streamPolicy?: ResourcePolicy | undefined;
}

/** Undefined when it is allowed. */
export function authorize(caller: Caller, deed: Deed): Refusal | undefined {
  if (caller.isOpen) return undefined;
  const { principal } = caller;
  const { action, alias, arn, policy, streamPolicy } = deed;
  const names = alias === undefined ? [action] : [action, alias];
  const verdict = policy ? evaluatePolicy(policy, principal, names, arn) : silent;
  const isDenied =
    verdict.isDenied ||
    (streamPolicy !== undefined &&
      evaluatePolicy(streamPolicy, principal, names, streamArnOf(deed)).isDenied);
  if (isDenied) {
    return deny(principal, deed, "with an explicit deny in a resource-based policy");
  }
  const isListed = may(principal, action, arn, streamArnOf(deed));
  const isOwn = isOwnOf(principal, arn);
  const isAllowed = isOwn
    ? isListed || verdict.grant === "caller"
    : isListed && verdict.grant !== "none";
  if (isAllowed) return undefined;
  const silentVoice = isListed ? "resource-based" : "identity-based";
  return deny(principal, deed, `because no ${silentVoice} policy allows the ${action} action`);
}

/** Whether no policy can change the verdict: into another account the list must allow it. */
export function isDecidedByList(caller: Caller, deed: Deed): boolean {
  const { principal } = caller;
  const { action, arn } = deed;
  return !isOwnOf(principal, arn) && !may(principal, action, arn, streamArnOf(deed));
}

/** Whether the principal's own list allows it, whoever owns the resource. */
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

function streamArnOf({ arn, streamArn = streamOf(arn) }: Deed): string {
  return streamArn;
}

/** The stream's, of a consumer's ARN; any other as it is. */
function streamOf(arn: string): string {
  return consumerPattern.exec(arn)?.[1] ?? arn;
}

const consumerPattern = /^(arn:[^/]*:stream\/[\w.-]+)\/consumer\/[\w.-]+:\d+$/;

/** A stream's ARN stands for its consumers too, and so does its name. */
function matchesStream(pattern: string, arn: string, streamArn: string, account: string): boolean {
  if (pattern === "*" || pattern.startsWith("arn:")) {
    return matchesArn(pattern, arn) || matchesArn(pattern, streamArn);
  }
  const [, , , , owner, resource = ""] = splitArn(streamArn) ?? [];
  if (owner !== account || !resource.startsWith("stream/")) return false;
  return matchesPattern(pattern, resource.slice("stream/".length));
}

function deny(principal: Principal, { action, arn }: Deed, why: string): Refusal {
  return refuse(
    "AccessDeniedException",
    `User: ${userArn(principal)} is not authorized to perform: ${action} ` +
      `on resource: ${arn} ${why}`,
  );
}
