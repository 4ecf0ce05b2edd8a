// Servers with keys and the clients that sign for them, inside workerd: what is sent is served by the face
// itself, so that every test may configure its own principals. Everybody's secrets are made from the name.

import { env, exports } from "cloudflare:workers";
import { formatTime } from "../../../worker/auth/time.ts";
import { hexSha256 } from "../../../worker/auth/canonical.ts";
import type { Env } from "../../../worker/core/bindings.ts";
import { serveKinesis } from "../../../worker/kinesis/face.ts";
import { Backend } from "../../../worker/stream/backend.ts";
import { type PlainRequest, sign } from "../auth/requests.ts";
import { kinesisOver, type KinesisCall } from "../kinesis/client.ts";

/** Where requests come from that name no account. */
export const home = { account: "000000000000", region: "us-east-1" };

export interface TestPrincipal {
  readonly accessKeyId: string;
  readonly account: string;
  readonly allow?: readonly { actions: readonly string[]; streams: readonly string[] }[];
}

export function secretOf(accessKeyId: string): string {
  return `secret of ${accessKeyId}`;
}

export function sessionKeyOf(accessKeyId: string): string {
  return `session of ${accessKeyId}`;
}

/** The variables of a server that has these principals and nobody else. */
export function keysOf(principals: readonly TestPrincipal[]): Partial<Env> {
  const whole = principals.map((principal) => ({
    ...principal,
    secretAccessKey: secretOf(principal.accessKeyId),
    v3io: { accessKey: sessionKeyOf(principal.accessKeyId) },
    tokens: [sessionKeyOf(principal.accessKeyId)],
  }));
  return { MILLRACE_AUTH: JSON.stringify({ principals: whole }) };
}

/** What the dialects call, over the bindings of the test's Worker with other variables of access. */
export function backendWith(access: Partial<Env>): Backend {
  const { MILLRACE_ACCESS: _, ...others } = env;
  const bindings = { ...others, ...access };
  return new Backend({ env: bindings, segments: exports.Segments, waitUntil: () => {} });
}

/** A client whose requests are signed by `accessKeyId`; `secret` when it is not its own. */
export function kinesisAs(
  access: Partial<Env>,
  accessKeyId: string,
  secret = secretOf(accessKeyId),
): KinesisCall {
  const key = { accessKeyId, secretAccessKey: secret };
  return kinesisOver((init) =>
    serveKinesis(signedRequest(init, key, home.region), backendWith(access), home),
  );
}

/**
 * The request as it is sent, with a signature in the place of whatever it had for one. `path` may
 * have a query.
 */
export function signedRequest(
  { method = "POST", headers, body }: RequestInit,
  key: { accessKeyId: string; secretAccessKey: string },
  region: string,
  path = "/",
): Request {
  const signedAt = formatTime(Date.now());
  const sent = new Headers(headers);
  sent.delete("authorization");
  sent.set("host", "localhost");
  sent.set("x-amz-date", signedAt);
  const bytes = body instanceof Uint8Array || typeof body === "string" ? body : "";
  const [place = "", query = ""] = path.split("?");
  const plain: PlainRequest = { method, path: place, query, headers: [...sent], body: "" };
  const scope = `${signedAt.slice(0, 8)}/${region}/kinesis/aws4_request`;
  const signed = sign(plain, { key, scope, signedAt, payloadHash: hexSha256(bytes) });
  return new Request(`http://localhost${path}`, {
    method,
    headers: signed.headers.map(([name, value]) => [name, value]),
    ...(method !== "GET" && { body: bytes }),
  });
}
