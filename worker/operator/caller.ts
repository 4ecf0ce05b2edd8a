// Who sends an operator's request: a v3io key or password, or an AWS signature for Kinesis in the
// Authorization header. So the tools and pages of each dialect use the keys that they have.
import { authenticate } from "../auth/authenticate.ts";
import { headerAuthorization, readParameters } from "../auth/authorizationHeader.ts";
import type { AuthConfig } from "../auth/config.ts";
import type { Caller, Refusal } from "../auth/caller.ts";
import { algorithm } from "../auth/canonical.ts";
import { splitUrl } from "../http/url.ts";

/** The requests have no bodies, so the signature is that of an empty one. */
const noBody = new Uint8Array();

export function callerOf(
  { method, url, headers }: Request,
  access: AuthConfig,
  nowMs: number,
): Caller | Refusal {
  const [scheme = "", ...pieces] = (headers.get("authorization") ?? "").split(/[, ]+/);
  if (scheme !== algorithm) return authenticate(access, { dialect: "v3io", headers }, nowMs);
  const date = headers.get("x-amz-date") ?? headers.get("date") ?? "";
  const authorization = headerAuthorization(scheme, readParameters(pieces), date, headers);
  const { path, query } = splitUrl(url);
  const signed = { method, path, query, headers, body: noBody, authorization };
  return authenticate(access, { dialect: "kinesis", ...signed }, nowMs);
}
