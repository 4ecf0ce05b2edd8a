// Kinesis clients of a server that has keys, inside workerd: each signs as its principal, and what it
// sends is served by the face itself, so that every test may configure its own principals.

import { env, exports } from "cloudflare:workers";
import type { Env, Runtime } from "../../../worker/env.ts";
import { formatTime } from "../../../worker/auth/time.ts";
import { serveKinesis } from "../../../worker/kinesis/face.ts";
import { type PlainRequest, sign } from "../auth/requests.ts";
import { kinesisOver, type KinesisCall } from "./client.ts";

/** Where requests come from that name no account. */
export const home = { account: "000000000000", region: "us-east-1" };

export interface TestPrincipal {
  readonly accessKeyId: string;
  readonly account: string;
  readonly allow?: readonly { actions: readonly string[]; streams: readonly string[] }[];
  readonly v3io?: { accessKey: string };
  readonly tokens?: readonly string[];
}

/** Everybody's secret is made from the name. */
export function secretOf(accessKeyId: string): string {
  return `secret of ${accessKeyId}`;
}

/** The variables of a server that has these principals and nobody else. */
export function keysOf(principals: readonly TestPrincipal[]): Partial<Env> {
  const withSecrets = principals.map((principal) => ({
    ...principal,
    secretAccessKey: secretOf(principal.accessKeyId),
  }));
  return { MILLRACE_AUTH: JSON.stringify({ principals: withSecrets }) };
}

/** The bindings of the test's Worker under other variables of access. */
export function runtimeWith(access: Partial<Env>): Runtime {
  const { MILLRACE_ACCESS: _, ...others } = env;
  return { env: { ...others, ...access }, segments: exports.Segments, waitUntil: () => {} };
}

/** A client whose requests are signed by `accessKeyId`; `secret` when it is not its own. */
export function kinesisAs(
  access: Partial<Env>,
  accessKeyId: string,
  { region = home.region, secret = secretOf(accessKeyId) } = {},
): KinesisCall {
  return kinesisOver(async (init) => {
    const request = signedRequest(init, { accessKeyId, secretAccessKey: secret }, region);
    return serveKinesis(request, runtimeWith(access), home);
  });
}

/** The request as it is sent, its signature put in the place of whatever it had for one. */
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
  const bytes =
    typeof body === "string" ? body : Buffer.from(body as Uint8Array).toString("latin1");
  const plain: PlainRequest = { method, path, query: "", headers: [...sent], body: bytes };
  const scope = `${signedAt.slice(0, 8)}/${region}/kinesis/aws4_request`;
  const signed = sign(plain, { key, scope, signedAt });
  return new Request(`http://localhost${path}`, {
    method,
    headers: signed.headers.map(([name, value]) => [name, value]),
    ...(body !== undefined && { body }),
  });
}
