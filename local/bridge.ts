/**
 * HTTP/2 without TLS for a server that speaks only HTTP/1.1: each stream becomes one request on a
 * kept-alive connection to workerd. Bodies are streamed both ways at the pace of the slower side,
 * and giving up on either side gives up on the other. `:authority` becomes Host, which SigV4
 * signs; headers that belong to one connection stay on it (RFC 9113 section 8.2.2). Trailers and
 * informational replies are not carried.
 */
import { Agent, type ClientRequestArgs, type IncomingMessage, request } from "node:http";
import {
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  constants,
  createServer,
} from "node:http2";
import type { Socket } from "node:net";
import { type Upstream, connectUpstream, lingerMs } from "./upstream.ts";

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/** Flow control windows: large enough that a 10 MB page or body never waits for an update. */
const streamWindowBytes = 16 << 20;
const sessionWindowBytes = 64 << 20;

/** Node counts buffered bodies against this and refuses streams beyond it; its default is 10. */
const sessionMemoryMegabytes = 1024;

const concurrentStreamsMax = 1000;

/** Cloudflare's limit for the headers of a request, "Workers limits", is 128 KB. */
const headerBytesMax = 128 << 10;

/** workerd closes connections that are idle for 15 s (measured); ours must be gone before. */
const idleConnectionMs = 8000;

const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

export interface Bridge {
  /** Takes over a connection that opens with the HTTP/2 preface. */
  accept(socket: Socket): void;
  /** Lets the open streams finish and takes no more. */
  stop(): void;
  destroy(): void;
}

export function createBridge(upstream: Upstream): Bridge {
  const agent = new UpstreamAgent({
    keepAlive: true,
    maxFreeSockets: concurrentStreamsMax,
    scheduling: "lifo",
    timeout: idleConnectionMs,
  });
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer({
    maxSessionMemory: sessionMemoryMegabytes,
    settings: {
      enablePush: false,
      initialWindowSize: streamWindowBytes,
      maxConcurrentStreams: concurrentStreamsMax,
      maxHeaderListSize: headerBytesMax,
    },
  });
  server.on("session", (session) => {
    session.setLocalWindowSize(sessionWindowBytes);
    session.on("error", () => session.destroy());
    session.once("close", () => sessions.delete(session));
    sessions.add(session);
  });
  server.on("stream", (stream, headers, flags) => {
    const hasBody = (flags & constants.NGHTTP2_FLAG_END_STREAM) === 0;
    stream.on("error", () => stream.destroy());
    try {
      bridgeStream(stream, headers, hasBody, { ...upstream, agent });
    } catch {
      // Node will not write such a request: a blank in its path, no token for a method.
      refuse(stream, 400, "not a request that HTTP/1.1 can carry");
    }
  });
  return {
    accept(socket) {
      // A client that is gone would otherwise keep its streams, and what they wait for, open.
      socket.allowHalfOpen = false;
      server.emit("connection", socket);
    },
    stop() {
      for (const session of sessions) session.close();
    },
    destroy() {
      for (const session of sessions) session.destroy();
      agent.destroy();
    },
  };
}

class UpstreamAgent extends Agent {
  override createConnection(options: ClientRequestArgs): Socket {
    return connectUpstream({ host: options.host ?? "", port: Number(options.port) });
  }
}

function bridgeStream(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  hasBody: boolean,
  target: Upstream & { agent: Agent },
): void {
  const path = headers[":path"];
  if (path === undefined) {
    refuse(stream, 400, "no tunnels here");
    return;
  }
  const outgoing = request({
    ...target,
    method: headers[":method"] ?? "GET",
    path,
    headers: requestHeaders(headers, hasBody),
    setDefaultHeaders: false,
    maxHeaderSize: headerBytesMax,
  });
  if (headers.expect === "100-continue") stream.additionalHeaders({ ":status": 100 });
  stream.once("close", () => outgoing.destroy());
  let replied = false;
  outgoing.on("response", (reply) => {
    replied = true;
    if (stream.destroyed || stream.closed) reply.destroy();
    else sendReply(stream, reply);
  });
  outgoing.on("error", () => outgoing.destroy());
  outgoing.once("close", () => {
    if (!replied) refuse(stream, 502, "workerd does not answer");
  });
  if (hasBody) {
    // The head goes out with the first of the body, or by itself when that is not there yet.
    const flush = setImmediate(() => outgoing.flushHeaders());
    stream.once("data", () => clearImmediate(flush));
    stream.pipe(outgoing);
  } else outgoing.end();
}

function sendReply(stream: ServerHttp2Stream, reply: IncomingMessage): void {
  stream.respond(replyHeaders(reply));
  reply.on("error", () => stream.close(NGHTTP2_INTERNAL_ERROR));
  reply.on("end", () => {
    stream.end();
    // After a reply before the end of the request, what still comes is read and dropped: some
    // clients lose a reply that is followed by a reset (curl 7.88), which RFC 9113 would allow.
    if (stream.readableEnded) return;
    stream.unpipe();
    stream.resume();
    stream.setTimeout(lingerMs, () => stream.close(NGHTTP2_NO_ERROR));
  });
  reply.pipe(stream, { end: false });
}

/** The bridge's own reply, where there is none to carry. */
function refuse(stream: ServerHttp2Stream, status: 400 | 502, reason: string): void {
  if (stream.destroyed || stream.closed) return;
  if (stream.headersSent) {
    stream.close(NGHTTP2_INTERNAL_ERROR);
    return;
  }
  stream.respond({ ":status": status, "content-type": "text/plain" });
  stream.end(`${reason}\n`);
  stream.resume();
}

function requestHeaders(headers: IncomingHttpHeaders, hasBody: boolean): string[] {
  const list = ["host", headers[":authority"] ?? headers.host ?? ""];
  for (const name in headers) {
    if (name.startsWith(":") || name === "host" || name === "expect" || hopByHop.has(name))
      continue;
    const value = headers[name];
    if (typeof value === "string") list.push(name, value);
    else for (const item of value ?? []) list.push(name, item);
  }
  if (headers["content-length"] === undefined) {
    const { ":method": method } = headers;
    if (hasBody) list.push("transfer-encoding", "chunked");
    else if (method === "POST" || method === "PUT") list.push("content-length", "0");
  }
  return list;
}

function replyHeaders(reply: IncomingMessage): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { ":status": reply.statusCode ?? 502 };
  for (const name in reply.headers) {
    if (!hopByHop.has(name)) headers[name] = reply.headers[name];
  }
  return headers;
}
