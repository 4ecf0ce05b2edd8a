// The canonical form of a request and the text to sign (AWS IAM user guide, "Create a signed AWS
// API request"). It is made from the received request: only signed headers, the path encoded once
// more, the query with its escapes in one form. Nothing here fails: an invalid request gives a text
// that no client has signed.
import { createHash } from "node:crypto";
import type { HeaderReader } from "./credentials.ts";

export interface CanonicalParts {
  readonly method: string;
  /** As received, escapes and all. */
  readonly path: string;
  /** As received, without the question mark. */
  readonly query: string;
  readonly headers: HeaderReader;
  /** In any order and case; the request must have each of them. */
  readonly signedHeaders: readonly string[];
  /** SHA-256 of the body, in hex. */
  readonly payloadHash: string;
}

export const algorithm = "AWS4-HMAC-SHA256";

export function canonicalRequest(parts: CanonicalParts): string {
  const names = parts.signedHeaders.map((name) => name.toLowerCase()).sort();
  const lines = names.map(
    (name) => `${name}:${canonicalValue(signedValue(parts.headers, name) ?? "")}\n`,
  );
  return [
    parts.method,
    canonicalPath(parts.path),
    canonicalQuery(parts.query),
    lines.join(""),
    names.join(";"),
    parts.payloadHash,
  ].join("\n");
}

/**
 * The value that the client signed for a header, or null. An HTTP/2 client signs `:authority`,
 * which arrives as Host. Headers that describe the connection may be removed on the way. Where
 * HTTP/2 allows only one value for such a header, that value was signed (RFC 9113 section 8.2.2,
 * RFC 9110 section 10.1.1).
 */
export function signedValue(headers: HeaderReader, name: string): string | null {
  if (name === authority) return headers.get("host");
  return isHeaderName(name) ? (headers.get(name) ?? travelValues.get(name) ?? null) : null;
}

export const authority = ":authority";

const travelValues: ReadonlyMap<string, string> = new Map([
  ["te", "trailers"],
  ["expect", "100-continue"],
]);

/** Reading a header by an invalid name would throw. */
function isHeaderName(name: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(name);
}

/** `timestamp` as `20150830T123600Z`; `scope` from the date to `aws4_request`. */
export function stringToSign(timestamp: string, scope: string, canonical: string): string {
  return [algorithm, timestamp, scope, hexSha256(canonical)].join("\n");
}

export function hexSha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Empty segments and dots are resolved first, as for every service but S3. */
function canonicalPath(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  if (kept.length === 0) return "/";
  const end = path.endsWith("/") ? "/" : "";
  return `/${kept.join("/")}${end}`.replace(/[^\w.~/-]/gu, escapeCharacter);
}

/** Sorted by name, then value, without the signature itself. */
function canonicalQuery(query: string): string {
  if (query === "") return "";
  return query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const at = pair.indexOf("=");
      const [name, value] = at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
      return { name: respell(name), value: respell(value) };
    })
    .filter(({ name }) => name !== "X-Amz-Signature")
    .sort((a, b) => compare(a.name, b.name) || compare(a.value, b.value))
    .map(({ name, value }) => `${name}=${value}`)
    .join("&");
}

/**
 * Escapes in upper case: none for an unreserved character, one for any other. A plus stays a plus.
 */
function respell(text: string): string {
  return text.replace(/%[\dA-Fa-f]{2}|[^\w.~-]/gu, (found) => {
    if (found.length < 3) return escapeCharacter(found);
    const character = String.fromCharCode(Number.parseInt(found.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : found.toUpperCase();
  });
}

/** encodeURIComponent does not escape five characters that RFC 3986 reserves. */
function escapeCharacter(character: string): string {
  return encodeURIComponent(character.toWellFormed()).replace(
    /[!'()*]/g,
    (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function canonicalValue(value: string): string {
  return value.replace(/[ \t]+/g, " ").replace(/^ | $/g, "");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
