// Requests as a face would hand them to the authenticator, and a signer of the plainest kind, made
// from the functions under test: it proves only that a change is noticed. That the functions are
// right is proved by the vectors of others.
import { createHmac } from "node:crypto";
import type { Principal, Refusal } from "../../../worker/auth/caller.ts";
import {
  algorithm,
  canonicalRequest,
  hexSha256,
  stringToSign,
} from "../../../worker/auth/canonical.ts";
import { deriveKey, KeyRing } from "../../../worker/auth/keyring.ts";
import { type SignedRequest, verifySignature } from "../../../worker/auth/sigv4.ts";
import { parseTime } from "../../../worker/auth/time.ts";
import type { HeaderReader } from "../../../worker/auth/credentials.ts";
import { readAuthorization } from "../../../worker/kinesis/authorization.ts";
import { KinesisError } from "../../../worker/kinesis/errors.ts";

export type HeaderList = readonly (readonly [string, string])[];

export interface PlainRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: HeaderList;
  readonly body: string;
}

export interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export const timestamp = "20260314T150926Z";
export const nowMs = parseTime(timestamp) as number;

export const key: Key = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "open sesame" };

export const plainRequest: PlainRequest = {
  method: "POST",
  path: "/",
  query: "",
  headers: [
    ["Host", "127.0.0.1:4567"],
    ["Content-Type", "application/x-amz-json-1.1"],
    ["X-Amz-Target", "Kinesis_20131202.ListStreams"],
    ["X-Amz-Date", timestamp],
  ],
  body: '{"Limit":1}',
};

/** Joins headers of one name as the Headers class does, or as told. */
export function readerOf(headers: HeaderList, separator = ", "): HeaderReader {
  return {
    get(name) {
      const values = headers.filter(([other]) => other.toLowerCase() === name.toLowerCase());
      return values.length === 0 ? null : values.map(([, value]) => value).join(separator);
    },
  };
}

/** Takes the request apart as the face does; throws what the face would answer. */
export function envelopeOf(request: PlainRequest): SignedRequest {
  const headers = readerOf(request.headers);
  const authorization = readAuthorization(headers, request.query);
  if (authorization instanceof KinesisError) throw authorization;
  return { ...request, headers, body: new TextEncoder().encode(request.body), authorization };
}

export function ringOf(...keys: readonly Key[]): KeyRing {
  const ring = new KeyRing();
  for (const { accessKeyId, secretAccessKey, sessionToken } of keys) {
    const principal: Principal = { accessKeyId, account: "111122223333", allow: undefined };
    ring.addSigning({ principal, secretAccessKey, sessionToken });
  }
  return ring;
}

export interface Signing {
  readonly key?: Key;
  readonly scope?: string;
  readonly signedHeaders?: string;
  readonly algorithm?: string;
  /** Instead of the hash of the body. */
  readonly payloadHash?: string;
  /** When it is signed: `timestamp` when left out. */
  readonly signedAt?: string;
}

const scopeDefault = `${timestamp.slice(0, 8)}/us-east-1/kinesis/aws4_request`;

/** The request with an Authorization header. */
export function sign(request: PlainRequest, options: Signing = {}): PlainRequest {
  const { accessKeyId } = options.key ?? key;
  const scope = options.scope ?? scopeDefault;
  const signedHeaders = options.signedHeaders ?? signedHeadersOf(request);
  const value =
    `${options.algorithm ?? algorithm} Credential=${accessKeyId}/${scope}, ` +
    `SignedHeaders=${signedHeaders}, Signature=${signatureOf(request, signedHeaders, options)}`;
  return { ...request, headers: [...request.headers, ["Authorization", value]] };
}

/** The request with its signature in the query; its date header is dropped. */
export function presign(
  request: PlainRequest,
  expires: string | undefined,
  options: Signing = {},
): PlainRequest {
  const headers = request.headers.filter(([name]) => name !== "X-Amz-Date");
  const { accessKeyId, sessionToken } = options.key ?? key;
  const signedHeaders = options.signedHeaders ?? signedHeadersOf({ ...request, headers });
  const parameters = new URLSearchParams({
    "X-Amz-Algorithm": algorithm,
    "X-Amz-Credential": `${accessKeyId}/${options.scope ?? scopeDefault}`,
    "X-Amz-Date": timestamp,
    "X-Amz-SignedHeaders": signedHeaders,
  });
  if (expires !== undefined) parameters.set("X-Amz-Expires", expires);
  if (sessionToken !== undefined) parameters.set("X-Amz-Security-Token", sessionToken);
  const unsigned = { ...request, headers, query: parameters.toString() };
  const signature = signatureOf(unsigned, signedHeaders, options);
  return { ...unsigned, query: `${unsigned.query}&X-Amz-Signature=${signature}` };
}

/** The account and region of the caller, or the refusal as `name: message`. */
export function outcomeOf(
  request: PlainRequest,
  { keys = ringOf(key), atMs = nowMs }: { keys?: KeyRing; atMs?: number } = {},
): string {
  const outcome = verifySignature(envelopeOf(request), keys, ["kinesis"], atMs);
  if (outcome.kind === "refusal") return textOf(outcome);
  return `${outcome.principal.accessKeyId} in ${outcome.region}`;
}

export function textOf({ name, message }: Refusal): string {
  return `${name}: ${message}`;
}

export function withHeader(request: PlainRequest, name: string, value: string): PlainRequest {
  const others = request.headers.filter(([other]) => other.toLowerCase() !== name.toLowerCase());
  return { ...request, headers: [...others, [name, value]] };
}

function signatureOf(request: PlainRequest, signedHeaders: string, options: Signing): string {
  const scope = options.scope ?? scopeDefault;
  const [date = "", region = "", service = ""] = scope.split("/");
  const canonical = canonicalRequest({
    ...request,
    headers: readerOf(request.headers),
    signedHeaders: signedHeaders.split(";"),
    payloadHash: options.payloadHash ?? hexSha256(request.body),
  });
  return createHmac("sha256", deriveKey(options.key ?? key, { date, region, service }))
    .update(stringToSign(options.signedAt ?? timestamp, scope, canonical))
    .digest("hex");
}

function signedHeadersOf({ headers }: PlainRequest): string {
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  return [...names].sort().join(";");
}
