// Paths that belong to Millrace, whatever the method and the headers: no dialect sees a request for
// them. What everybody may ask is answered here. It tells that the server runs, and nothing about
// what is stored.
import type { Backend } from "../stream/backend.ts";
import { version } from "../core/version.ts";

const names: ReadonlySet<string> = new Set(["/health", "/favicon.ico", "/metrics"]);

/** `path` as it was sent. */
export function isReserved(path: string): boolean {
  return names.has(path) || path.startsWith("/_");
}

/**
 * The form of LocalStack ("Internal endpoints"), which tools wait for: what answers, by the names of
 * the AWS command line.
 */
const localStackHealth = {
  services: { cloudwatch: "available", kinesis: "running", sts: "available" },
  edition: "millrace",
  version,
};

const pages: ReadonlyMap<string, object | undefined> = new Map<string, object | undefined>([
  ["/health", { status: "ok" }],
  ["/_millrace/health", { status: "ok" }],
  ["/_localstack/health", localStackHealth],
  // Browsers ask for it.
  ["/favicon.ico", undefined],
]);

/** The page that everybody may see; undefined if there is none at this path. */
export async function servePublic(
  method: string,
  path: string,
  backend: Backend,
): Promise<Response | undefined> {
  if (!pages.has(path)) return undefined;
  if (method !== "GET" && method !== "HEAD") return refuseMethod("GET, HEAD");
  const value = pages.get(path);
  if (value === undefined)
    return new Response(null, { status: 204, headers: { "cache-control": "max-age=86400" } });
  const trouble = path.endsWith("/health") ? (await backend.cluster())?.trouble : undefined;
  const shown = trouble === undefined ? value : { status: "unavailable", reason: trouble };
  const text = `${JSON.stringify(shown)}\n`;
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  return new Response(method === "HEAD" ? null : text, {
    status: trouble === undefined ? 200 : 503,
    headers: trouble === undefined ? headers : { ...headers, "retry-after": "1" },
  });
}

export function refuseMethod(allow: string): Response {
  const text = `${JSON.stringify({ error: "MethodNotAllowed", allow })}\n`;
  return new Response(text, {
    status: 405,
    headers: { allow, "content-type": "application/json", "cache-control": "no-store" },
  });
}
