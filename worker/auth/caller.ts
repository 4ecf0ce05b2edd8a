// The two outcomes of asking who is there: a caller, or a refusal. A refusal carries the name and
// the text that AWS gives; a face with names of its own maps from these and nothing else. Secrets
// are not part of a principal, so one may be passed around and printed.

/** Somebody who was given keys. */
export interface Principal {
  /** Also the name of the user in ARNs. */
  readonly accessKeyId: string;
  /** Twelve digits. */
  readonly account: string;
  /** Undefined where no list was given: then everything in the account is allowed. */
  readonly allow: readonly Allowance[] | undefined;
}

/** Each of the actions on each of the streams. Both lists are of patterns with `*` and `?`. */
export interface Allowance {
  /** `kinesis:Get*`, `v3io:PutRecords`, `*`. */
  readonly actions: readonly string[];
  /** ARNs, or names of streams in the principal's own account. */
  readonly streams: readonly string[];
}

export interface Caller {
  readonly kind: "caller";
  readonly principal: Principal;
  /** From the scope of a signature; credentials of other kinds have none. */
  readonly region: string | undefined;
  /** Keys were not asked for, and nothing is forbidden. */
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

/** A key, token or password that nobody was given (AWS API reference, Common Errors). */
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
 * The caller of an open server: credentials of twelve digits name the account, and others, which
 * may be somebody's secret, are forgotten.
 */
export function admitAnyone(credential: string, home: string, region?: string): Caller {
  const account = /^\d{12}$/.test(credential) ? credential : home;
  const principal = { accessKeyId: "anyone", account, allow: undefined };
  return { kind: "caller", principal, region, isOpen: true };
}

export function userArn({ account, accessKeyId }: Principal): string {
  return `arn:aws:iam::${account}:user/${accessKeyId}`;
}
