/**
 * Heads of HTTP/2 requests as those of HTTP/1.1, and heads of HTTP/1.1 replies as those of HTTP/2. `:authority` becomes
 * Host, which SigV4 signs. Headers of one connection are not forwarded (RFC 9113 section 8.2.2), except TE and Expect:
 * HTTP/2 allows them in a request and some clients sign them.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { hostNameOf } from "../worker/http/hosts.ts";
import { protocolHeader } from "../worker/http/url.ts";
import type { ReplyHead } from "./replyReader.ts";

const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

const methodForm = /^[!#$%&'*+.^_`|~\w-]+$/;
const pathForm = /^[\x21-\x7e\x80-\xff]+$/;
/** What keeps the request from being one of HTTP/1.1 (RFC 9113, section 8.3.1, for the host). */
export function headFault(headers: IncomingHttpHeaders): string | undefined {
  const { ":method": method = "GET", ":path": path, ":authority": authority, host } = headers;
  if (path === undefined) return "no tunnels here";
  if (!methodForm.test(method) || !pathForm.test(path)) {
    return "not a request that HTTP/1.1 can carry";
  }
  if (authority !== undefined && host !== undefined && authority !== host) {
    return ":authority and Host are not the same";
  }
  return hostNameOf(authority ?? host ?? "") === undefined ? "no valid :authority" : undefined;
}

/** In bytes of Latin-1. */
export function printHead(
  headers: IncomingHttpHeaders,
  hasBody: boolean,
  isSecure: boolean,
): Buffer {
  const { ":method": method = "GET", ":path": path = "/", ":authority": authority } = headers;
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${authority ?? headers.host ?? ""}\r\n`;
  for (const name in headers) {
    if (name.startsWith(":") || name === "host" || hopByHop.has(name)) continue;
    const value = headers[name];
    if (typeof value === "string") text += `${name}: ${value}\r\n`;
    else for (const item of value ?? []) text += `${name}: ${item}\r\n`;
  }
  if (isSecure && headers[protocolHeader] === undefined) text += `${protocolHeader}: https\r\n`;
  if (headers["content-length"] === undefined) {
    if (hasBody) text += "transfer-encoding: chunked\r\n";
    else if (method === "POST" || method === "PUT") text += "content-length: 0\r\n";
  }
  return Buffer.from(`${text}\r\n`, "latin1");
}

export function replyHeaders({ status, headers: list }: ReplyHead): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = {};
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] ?? "";
    const value = list[i + 1] ?? "";
    if (hopByHop.has(name)) continue;
    const before = headers[name];
    if (name === "set-cookie")
      headers[name] = before === undefined ? [value] : [before, value].flat();
    else headers[name] = before === undefined ? value : `${String(before)}, ${value}`;
  }
  return { ...headers, ":status": status };
}
