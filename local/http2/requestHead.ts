/**
 * The head of a request over HTTP/2 (RFC 9113, section 8): its pseudo-headers, its headers, and whether
 * they are well formed. What is not, is an error of the stream; nothing of it is passed on.
 */
import type { Field } from "./staticTable.ts";

export interface RequestHead {
  method: string;
  /** Undefined in CONNECT alone. */
  path: string | undefined;
  authority: string | undefined;
  /** Without the pseudo-headers; names are in lower case. */
  fields: Field[];
  /** What Content-Length says. */
  contentLength: number | undefined;
  /** False if the request ends with its head. */
  hasBody: boolean;
}

const nameForm = /^[!#$%&'*+.^_`|~\da-z-]+$/;
const methodForm = /^[!#$%&'*+.^_`|~\w-]+$/;
const schemeForm = /^[a-z][a-z\d+.-]*$/i;

// oxlint-disable-next-line no-control-regex -- these are what a value must not have.
const valueFault = /[\0\r\n]|^[ \t]|[ \t]$/;

/** Headers of one connection. */
const forbidden = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

const pseudoNames = new Set([":method", ":scheme", ":path", ":authority"]);

/** Undefined if it is not well formed. */
export function readRequestHead(list: readonly Field[], hasBody: boolean): RequestHead | undefined {
  const pseudo = new Map<string, string>();
  const fields: Field[] = [];
  let cookies = "";
  for (const field of list) {
    const { name, value } = field;
    if (valueFault.test(value)) return undefined;
    if (name.startsWith(":")) {
      if (fields.length > 0 || pseudo.has(name) || !pseudoNames.has(name)) return undefined;
      pseudo.set(name, value);
    } else if (!nameForm.test(name) || forbidden.has(name)) return undefined;
    else if (name === "te" && value !== "trailers") return undefined;
    else if (name !== "cookie") fields.push(field);
    // Section 8.2.3: they may be split for compression.
    else cookies += cookies === "" ? value : `; ${value}`;
  }
  if (cookies !== "") fields.push({ name: "cookie", value: cookies });
  const method = pseudo.get(":method") ?? "";
  const path = pseudo.get(":path");
  const authority = pseudo.get(":authority");
  if (!methodForm.test(method) || !isTarget(method, pseudo)) return undefined;
  const contentLength = lengthOf(fields);
  if (contentLength === "none" || (!hasBody && (contentLength ?? 0) > 0)) return undefined;
  return { method, path, authority, fields, contentLength, hasBody };
}

/** Sections 8.3.1 and 8.5. */
function isTarget(method: string, pseudo: ReadonlyMap<string, string>): boolean {
  const scheme = pseudo.get(":scheme");
  const path = pseudo.get(":path");
  if (method === "CONNECT") {
    return scheme === undefined && path === undefined && pseudo.has(":authority");
  }
  return scheme !== undefined && schemeForm.test(scheme) && path !== undefined && path !== "";
}

function lengthOf(fields: readonly Field[]): number | "none" | undefined {
  const lengths = fields.filter(({ name }) => name === "content-length");
  const [first] = lengths;
  if (first === undefined) return undefined;
  return lengths.length === 1 && /^\d{1,15}$/.test(first.value) ? Number(first.value) : "none";
}
