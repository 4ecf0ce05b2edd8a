// The two results of authentication: a caller, or a refusal. A refusal has the name and the text
// that AWS uses; a dialect with other names maps from these only. A principal contains no secrets,
// so it may be passed around and printed.

/** A caller with keys in the document. */
export interface Principal {
  /** Also the name of the user in ARNs. */
  readonly accessKeyId: string;
  /** Twelve digits. */
  readonly account: string;
  /** Undefined if there is no list: then everything in the account is allowed. */
  readonly allow: readonly Allowance[] | undefined;
}

/**
 * Allows each of the actions on each of the streams. Both lists contain patterns with `*` and `?`.
 */
export interface Allowance {
  /** `kinesis:Get*`, `v3io:PutRecords`, `*`. */
  readonly actions: readonly string[];
  /** ARNs, or names of streams in the principal's own account. */
  readonly streams: readonly string[];
}

export interface Caller {
  readonly kind: "caller";
  readonly principal: Principal;
  /** The region in the scope of a signature; other kinds of credentials have none. */
  readonly region: string | undefined;
  /** True if no keys are required; then everything is allowed. */
  readonly isOpen: boolean;
}

export type RefusalName =
  | "AccessDeniedException"
  | "IncompleteSignatureException"
  | "InvalidSignatureException"
  | "MissingAuthenticationTokenException"
  | "UnrecognizedClientException";

export interface Refusal {
  readonly kind: "refusal";
  readonly name: RefusalName;
  readonly message: string;
}

export function refuse(name: RefusalName, message: string): Refusal {
  return { kind: "refusal", name, message };
}

/** The refusal of an unknown key, token or password (AWS API reference, Common Errors). */
export function refuseUnknownKey(): Refusal {
  return refuse(
    "UnrecognizedClientException",
    "The security token included in the request is invalid.",
  );
}

export function admit(principal: Principal, region?: string): Caller {
  return { kind: "caller", principal, region, isOpen: false };
}

/**
 * The caller of a server without keys. An access key id of twelve digits names the account. Other
 * credentials are not kept, because they may be real secrets.
 */
export function admitAnyone(credential: string, home: string, region?: string): Caller {
  const account = /^\d{12}$/.test(credential) ? credential : home;
  const principal = { accessKeyId: "anyone", account, allow: undefined };
  return { kind: "caller", principal, region, isOpen: true };
}

export function userArn({ account, accessKeyId }: Principal): string {
  return `arn:aws:iam::${account}:user/${accessKeyId}`;
}
