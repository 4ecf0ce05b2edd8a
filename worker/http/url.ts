// A request's URL as it was sent. Resolving the path anew would take a doubled slash for a host, and
// a signature is made of the path's own escapes.

export interface UrlParts {
  /** From the first slash after the host; `/` when there is none. */
  path: string;
  /** What follows the question mark, or nothing. */
  query: string;
}

/** What stands between the slashes and the path: a host, or whatever was sent for one. */
export function authorityOf(url: string): string {
  const [authority = ""] = url.slice(url.indexOf("//") + 2).split(/[/?#]/, 1);
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
