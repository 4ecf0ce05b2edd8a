// Splits a request's URL as it was sent. A URL parser would read a doubled slash as a host, and
// would change escapes in the path, which a signature covers.

export interface UrlParts {
  /** The path, from the first slash after the host; `/` if there is none. */
  path: string;
  /** The text after the question mark, or an empty text. */
  query: string;
}

/** Says how the client has called, where TLS is taken off in front of the Worker. */
export const protocolHeader = "x-forwarded-proto";

/** The address as the client has called it, without the query. */
export function calledAddress({ url, headers }: Pick<Request, "url" | "headers">): string {
  const [address = url] = url.split(/[?#]/, 1);
  const [protocol = ""] = (headers.get(protocolHeader) ?? "").split(",", 1);
  return protocol.trim() === "https" ? address.replace(/^http:/, "https:") : address;
}

/**
 * The text between the slashes and the path: a host, or whatever the client sent. The target `*`,
 * which names the server itself (RFC 9112, section 3.2.4), comes without a slash: `http://host*`.
 */
export function authorityOf(url: string): string {
  const [authority = ""] = url.slice(url.indexOf("//") + 2).split(/[/?#]|\*$/, 1);
  return authority;
}

export function isRoot(path: string): boolean {
  return /^\/*$/.test(path);
}

export function splitUrl(url: string): UrlParts {
  const host = url.indexOf("//") + 2;
  const start = url.indexOf("/", host);
  const mark = url.indexOf("?", host);
  const end = mark < 0 ? url.length : mark;
  const path = start < 0 || start > end ? "/" : url.slice(start, end);
  return { path, query: mark < 0 ? "" : url.slice(mark + 1) };
}
