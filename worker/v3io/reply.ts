// The form of v3io replies: JSON without spaces, no body with 204, and the times of objects in the
// two headers that clients use as locks.
import { utf8 } from "../codec/bytes.ts";
import type { ItemTime } from "../core/itemTypes.ts";
import { respond } from "../http/reply.ts";

const common = { "cache-control": "no-store" };

export const jsonHeaders = { "content-type": "application/json", ...common };

export function json(value: object, headers: Record<string, string> = {}): Promise<Response> {
  return respond(utf8(JSON.stringify(value)), { headers: { ...jsonHeaders, ...headers } });
}

/** The reply of real servers where the reference says 200: 204 without a body. */
export function noContent(): Response {
  return new Response(null, { status: 204, headers: common });
}

/** An empty 200. */
export function done(headers: Record<string, string> = {}): Response {
  return new Response(null, { headers: { ...common, "content-length": "0", ...headers } });
}

export function bytes(
  body: Uint8Array,
  status: number,
  headers: Record<string, string>,
): Promise<Response> {
  return respond(body, {
    status,
    headers: { "content-type": "application/octet-stream", ...common, ...headers },
  });
}

export function timeHeaders({ seconds, nanoseconds }: ItemTime): Record<string, string> {
  return {
    "last-modified": new Date(seconds * 1000).toUTCString(),
    "x-v3io-transaction-verifier": `__mtime_secs==${seconds} and __mtime_nsecs==${nanoseconds}`,
  };
}
