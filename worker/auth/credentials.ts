// The credentials of a request, as its envelope found them.

/** The pieces of an AWS signature, version 4. */
export interface Authorization {
  readonly form: "header" | "query";
  readonly algorithm: string;
  /** `<access key id>/<yyyymmdd>/<region>/<service>/aws4_request`, not parsed yet. */
  readonly credential: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** As sent: X-Amz-Date, or the Date header. */
  readonly date: string;
  /** How many seconds a presigned request is valid. */
  readonly expires: string | undefined;
  readonly securityToken: string | undefined;
}

export interface HeaderReader {
  get(name: string): string | null;
}
