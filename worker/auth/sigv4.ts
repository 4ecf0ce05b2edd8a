// Verifies an AWS signature, version 4, in both of its forms. The checks have the order, names and
// texts of the service (dynalite index.js records both). The secret is looked up, and the body
// hashed, only after all cheap checks have passed. Errors in the head alone are found before the
// body is read. The hash is always that of the body: UNSIGNED-PAYLOAD is for S3, and botocore's
// presigned requests sign an empty body.
import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Authorization, HeaderReader } from "./credentials.ts";
import {
  admit,
  admitAnyone,
  type Caller,
  type Refusal,
  refuse,
  refuseUnknownKey,
} from "./caller.ts";
import {
  algorithm,
  authority,
  canonicalRequest,
  hexSha256,
  signedValue,
  stringToSign,
} from "./canonical.ts";
import {
  isSameSecret,
  type KeyRing,
  type SigningCredential,
  type SigningScope,
} from "./keyring.ts";
import { formatTime, parseTime } from "./time.ts";

export interface SignedRequest {
  readonly method: string;
  /** As received, escapes and all. */
  readonly path: string;
  /** As received, without the question mark. */
  readonly query: string;
  readonly headers: HeaderReader;
  /** The bytes, or their SHA-256 in hex. */
  readonly body: Uint8Array | string;
  readonly authorization: Authorization;
}

/** The request without its body, which may not have arrived yet. */
export type SignedHead = Omit<SignedRequest, "body">;

/** The parts of the credential. */
interface Scope extends SigningScope {
  readonly accessKeyId: string;
  readonly terminator: string;
}

/** AWS IAM user guide, "Troubleshoot Signature Version 4 signing". */
const skewSeconds = 15 * 60;

/** Any region is accepted; this is only its valid form. */
const regionPattern = /^[a-z0-9-]{1,64}$/;

/** A week (AWS IAM user guide, "Elements of an AWS API request signature", X-Amz-Expires). */
const expiresSecondsMax = 604_800;

const MS_PER_SECOND = 1000;

/** A valid head: what is needed to verify the signature. */
interface GoodHead {
  readonly kind: "head";
  readonly timestamp: string;
  readonly scope: Scope;
  readonly credential: SigningCredential;
}

/** `services` are the valid service names in a scope; error texts use the first one. */
export function verifySignature(
  request: SignedRequest,
  keys: KeyRing,
  services: readonly string[],
  nowMs: number,
): Caller | Refusal {
  const head = readHead(request, keys, services, nowMs);
  if (head.kind === "refusal") return head;
  return (
    checkSignature(request, head, keys) ??
    checkToken(request.authorization, head.credential) ??
    admit(head.credential.principal, head.scope.region)
  );
}

/** The error that does not depend on the body; undefined if only the body can tell. */
export function refuseHead(
  request: SignedHead,
  keys: KeyRing,
  services: readonly string[],
  nowMs: number,
): Refusal | undefined {
  const head = readHead(request, keys, services, nowMs);
  return head.kind === "refusal" ? head : undefined;
}

function readHead(
  request: SignedHead,
  keys: KeyRing,
  services: readonly string[],
  nowMs: number,
): GoodHead | Refusal {
  const { authorization } = request;
  const signedMs = parseTime(authorization.date);
  if (signedMs === undefined) return refuseDate(authorization.date);
  const timestamp = formatTime(signedMs);
  const refusal =
    checkTime(authorization, signedMs, nowMs) ??
    checkSignedHeaders(request) ??
    checkAlgorithm(authorization);
  if (refusal) return refusal;
  const scope = readScope(authorization.credential);
  if (!scope) return refuseCredential(authorization);
  const scopeRefusal = checkScope(scope, services, timestamp);
  if (scopeRefusal) return scopeRefusal;
  const credential = keys.findSigning(scope.accessKeyId);
  if (!credential) return refuseUnknownKey();
  if (!isWhole(request)) return refuseSignature();
  return { kind: "head", timestamp, scope, credential };
}

/** For a server without keys: an unverified signature still names the account and region. */
export function admitUnverified({ credential }: Authorization, home: string): Caller {
  const [keyId = "", , region = ""] = credential.split("/");
  return admitAnyone(keyId, home, regionPattern.test(region) ? region : undefined);
}

function checkTime(
  { form, expires }: Authorization,
  signedMs: number,
  nowMs: number,
): Refusal | undefined {
  const isTimed = form === "query" && expires !== undefined;
  if (isTimed && !(/^\d{1,6}$/.test(expires) && isBetween(Number(expires), 1, expiresSecondsMax))) {
    return refuse(
      "IncompleteSignatureException",
      `X-Amz-Expires must be a number of seconds from 1 to ${expiresSecondsMax}. Got '${expires}'.`,
    );
  }
  const now = Math.floor(nowMs / MS_PER_SECOND);
  const signed = signedMs / MS_PER_SECOND;
  const life = isTimed ? Number(expires) : skewSeconds;
  if (signed < now - life) {
    return refuse(
      "InvalidSignatureException",
      `Signature expired: ${timeText(signed)} is now earlier than ${timeText(now - life)} ` +
        `(${timeText(now)} - ${spanText(life)})`,
    );
  }
  if (signed <= now + skewSeconds) return undefined;
  return refuse(
    "InvalidSignatureException",
    `Signature not yet current: ${timeText(signed)} is still later than ` +
      `${timeText(now + skewSeconds)} (${timeText(now)} + ${spanText(skewSeconds)})`,
  );
}

/** Headers that decide where a request is routed and what it does must be signed. */
function checkSignedHeaders({ authorization, headers }: SignedHead): Refusal | undefined {
  const names = new Set(authorization.signedHeaders.map((name) => name.toLowerCase()));
  const isAddressed = names.has("host") || names.has(authority);
  const unsigned = !isAddressed
    ? "'Host' or ':authority'"
    : headers.get("x-amz-target") !== null && !names.has("x-amz-target")
      ? "'X-Amz-Target'"
      : undefined;
  if (unsigned === undefined) return undefined;
  const message = `${unsigned} must be a 'SignedHeader' in the AWS Authorization.`;
  return refuse("InvalidSignatureException", message);
}

function checkAlgorithm(authorization: Authorization): Refusal | undefined {
  if (authorization.algorithm === algorithm) return undefined;
  return refuse(
    "IncompleteSignatureException",
    `Unsupported AWS 'algorithm': '${authorization.algorithm}' (only ${algorithm} for now).`,
  );
}

/** All errors in one text, as the service reports them. */
function checkScope(
  { date, region, service, terminator }: Scope,
  services: readonly string[],
  timestamp: string,
): Refusal | undefined {
  const complaints: string[] = [];
  if (!regionPattern.test(region)) {
    complaints.push("Credential should be scoped to a valid region.");
  }
  if (!services.includes(service)) {
    complaints.push(`Credential should be scoped to correct service: '${services[0]}'.`);
  }
  if (terminator !== "aws4_request") {
    complaints.push(
      "Credential should be scoped with a valid terminator: 'aws4_request', " +
        `not '${terminator}'.`,
    );
  }
  const day = timestamp.slice(0, "yyyymmdd".length);
  if (date !== day) {
    complaints.push(
      "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: " +
        `'${date}' != '${day}', from '${timestamp}'.`,
    );
  }
  if (complaints.length === 0) return undefined;
  return refuse("InvalidSignatureException", complaints.join(" "));
}

/** True if the signature has the right form and every signed header is present. */
function isWhole({ headers, authorization: { signedHeaders, signature } }: SignedHead): boolean {
  const hasAll = signedHeaders.every((name) => signedValue(headers, name.toLowerCase()) !== null);
  return hasAll && /^[0-9a-f]{64}$/.test(signature);
}

function checkSignature(
  request: SignedRequest,
  { timestamp, scope, credential }: GoodHead,
  keys: KeyRing,
): Refusal | undefined {
  const { method, path, query, headers } = request;
  const { signedHeaders, signature } = request.authorization;
  const { body } = request;
  const payloadHash = typeof body === "string" ? body : hexSha256(body);
  const sentHash = headers.get("x-amz-content-sha256");
  if (sentHash !== null && sentHash !== payloadHash) {
    const message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    return refuse("InvalidSignatureException", message);
  }
  const canonical = canonicalRequest({ method, path, query, headers, signedHeaders, payloadHash });
  const { date, region, service, terminator } = scope;
  const text = stringToSign(timestamp, `${date}/${region}/${service}/${terminator}`, canonical);
  const key = keys.signingKey(credential, scope);
  const expected = createHmac("sha256", key).update(text).digest();
  if (!timingSafeEqual(expected, Buffer.from(signature, "hex"))) return refuseSignature();
  keys.keepSigningKey(credential, scope, key);
  return undefined;
}

function checkToken(
  { securityToken }: Authorization,
  { sessionToken }: SigningCredential,
): Refusal | undefined {
  if (!securityToken && sessionToken === undefined) return undefined;
  return isSameSecret(securityToken ?? "", sessionToken ?? "") ? undefined : refuseUnknownKey();
}

/** Slashes at the end are ignored, as the service does. */
function readScope(credential: string): Scope | undefined {
  const parts = credential.split("/");
  while (parts.length > 5 && parts.at(-1) === "") parts.pop();
  if (parts.length !== 5) return undefined;
  const [accessKeyId = "", date = "", region = "", service = "", terminator = ""] = parts;
  return { accessKeyId, date, region, service, terminator };
}

function refuseSignature(): Refusal {
  return refuse(
    "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided. Check your " +
      "AWS Secret Access Key and signing method. Consult the service documentation for details.",
  );
}

function refuseCredential({ credential }: Authorization): Refusal {
  return refuse(
    "IncompleteSignatureException",
    "Credential must have exactly 5 slash-delimited elements, " +
      `e.g. keyid/date/region/service/term, got '${credential}'`,
  );
}

function refuseDate(date: string): Refusal {
  return refuse(
    "IncompleteSignatureException",
    `Date must be in ISO-8601 'basic format'. Got '${date}'. ` +
      "See http://en.wikipedia.org/wiki/ISO_8601",
  );
}

function isBetween(value: number, min: number, max: number): boolean {
  return min <= value && value <= max;
}

function timeText(seconds: number): string {
  return formatTime(seconds * MS_PER_SECOND);
}

function spanText(seconds: number): string {
  return seconds % 60 === 0 ? `${seconds / 60} min.` : `${seconds} sec.`;
}
