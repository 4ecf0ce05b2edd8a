// Web pages of other sites: which of them may send requests, and what they may read of the replies
// (Fetch standard, CORS protocol). An origin is listed as browsers send it,
// `http://app.example:3000`; `*` means all.
import type { HeaderSet, Incoming } from "./incoming.ts";

/** Headers that a page may read besides those that the standard always allows. */
const exposedHeaders =
  "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,x-amz-crc32," +
  "x-v3io-transaction-verifier,x-millrace-scanned,Date";

/** The value of Kinesis: two days, which browsers reduce to hours. */
const preflightSeconds = "172800";

/** The CORS headers for a page of this origin; undefined if it is not listed. */
export function listedOrigin(origin: string | null, listed: string): string | undefined {
  if (origin === null || listed === "") return undefined;
  const origins = new Set(listed.split(",").map((one) => one.trim()));
  if (origins.has("*")) return "*";
  return origins.has(origin) ? origin : undefined;
}

export function isPreflight({ method, headers }: Pick<Incoming, "method" | "headers">): boolean {
  return method === "OPTIONS" && headers.has("access-control-request-method");
}

export function answerPreflight(asked: HeaderSet): Response {
  const headers = new Headers({
    "x-amzn-requestid": crypto.randomUUID(),
    "access-control-max-age": preflightSeconds,
    "access-control-allow-methods": asked.get("access-control-request-method") ?? "",
  });
  const named = asked.get("access-control-request-headers");
  if (named !== null) headers.set("access-control-allow-headers", named);
  // Chromium sends this before a public page reaches a private address (WICG, Private Network
  // Access).
  if (asked.get("access-control-request-private-network") === "true") {
    headers.set("access-control-allow-private-network", "true");
  }
  return new Response(null, { headers });
}

export function showTo(headers: Headers, origin: string): void {
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", exposedHeaders);
  if (origin !== "*") headers.append("vary", "Origin");
}

/** Removes the CORS headers that the Kinesis dialect gives to every page, as the service does. */
export function hide(headers: Headers): void {
  headers.delete("access-control-allow-origin");
  headers.delete("access-control-expose-headers");
}
