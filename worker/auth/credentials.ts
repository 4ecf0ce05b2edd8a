// What a request carries to say who sent it, as its envelope found it.

/** The pieces of an AWS signature, version 4. */
export interface Authorization {
  readonly form: "header" | "query";
  readonly algorithm: string;
  /** `<access key id>/<yyyymmdd>/<region>/<service>/aws4_request`, not yet looked into. */
  readonly credential: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** As sent: X-Amz-Date, or the Date header. */
  readonly date: string;
  /** Seconds that a presigned request is good for. */
  readonly expires: string | undefined;
  readonly securityToken: string | undefined;
}

export interface HeaderReader {
  get(name: string): string | null;
}
