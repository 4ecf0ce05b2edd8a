// The console: a page for browsers below /_millrace/console/, and at / for those who ask for HTML.
// The page is public. What it shows comes from the APIs, which ask for keys.
import type { HeaderSet } from "../http/incoming.ts";
import files from "../../build/console/files.js";

const base = "/_millrace/console/";

const contentTypes: ReadonlyMap<string, string> = new Map([
  ["html", "text/html; charset=utf-8"],
  ["js", "text/javascript; charset=utf-8"],
  ["css", "text/css; charset=utf-8"],
]);

/**
 * Nothing comes from another origin, nothing inline runs, and no other page may show this one in a
 * frame.
 */
const contentPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
  "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** True for requests that `serveConsole` answers. */
export function isConsoleRequest(method: string, path: string, headers: HeaderSet): boolean {
  if (method !== "GET" && method !== "HEAD") return false;
  if (path === "/") return wantsPage(headers);
  return path === base.slice(0, -1) || path.startsWith(base);
}

/** A browser that shows a page, and no client of an API. */
function wantsPage(headers: HeaderSet): boolean {
  return (
    (headers.get("accept") ?? "").includes("text/html") &&
    !headers.has("authorization") &&
    !headers.has("x-v3io-session-key")
  );
}

/** Every path that names no file shows the page: the page reads its path by itself. */
export function serveConsole(method: string, path: string): Response {
  const named = path.startsWith(base) ? path.slice(base.length) : "";
  const isFile = Object.hasOwn(files, named);
  if (!isFile && named.includes(".") && !named.includes("/"))
    return new Response(null, { status: 404 });
  const name = isFile ? named : "index.html";
  const type = contentTypes.get(name.slice(name.lastIndexOf(".") + 1)) ?? "text/plain";
  return new Response(method === "HEAD" ? null : (files[name] ?? ""), {
    headers: {
      "content-type": type,
      "content-security-policy": contentPolicy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-cache",
    },
  });
}
