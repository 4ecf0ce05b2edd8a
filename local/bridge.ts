/**
 * HTTP/2 without TLS for a server that speaks only HTTP/1.1: each stream becomes one request on a
 * kept-alive connection to workerd. Bodies are streamed both ways at the pace of the slower side,
 * and giving up on either side gives up on the other. `:authority` becomes Host, which SigV4
 * signs; headers that belong to one connection stay on it (RFC 9113 section 8.2.2), but for those
 * that HTTP/2 allows a request, TE and Expect, which some clients sign. Trailers and informational
 * replies are not carried.
 */
import {
  Agent,
  type ClientRequest,
  type ClientRequestArgs,
  type IncomingMessage,
  request,
} from "node:http";
import {
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  constants,
  createServer,
} from "node:http2";
import type { Socket } from "node:net";
import { hostNameOf } from "../worker/http/hosts.ts";
import { type Patience, watchProgress } from "./patience.ts";
import { plainHeaders } from "./plainReply.ts";
import { headBytesMax } from "./tunnel.ts";
import { type Upstream, connectUpstream, lingerMs } from "./upstream.ts";

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/**
 * Flow control windows of request bodies: what may wait here for each stream and session when workerd
 * takes no more. On the way to this machine a megabyte is in flight at 1 GB/s and 1 ms.
 */
const streamWindowBytes = 1 << 20;
const sessionWindowBytes = 8 << 20;

/** Node counts buffered bodies against this and refuses streams beyond it; its default is 10. */
const sessionMemoryMegabytes = 1024;

const concurrentStreamsMax = 1000;

/** workerd closes connections that are idle for 15 s (measured); ours must be gone before. */
const idleConnectionMs = 8000;

const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

export interface Bridge {
  /** Takes over a connection that opens with the HTTP/2 preface; `begun` when its SETTINGS are here. */
  accept(socket: Socket, begun: () => void): void;
  /** Lets the open streams finish and takes no more. */
  stop(): void;
  destroy(): void;
}

export interface BridgeOptions {
  upstream: Upstream;
  patience: Patience;
  /** To workerd; further requests wait for one of them. */
  connectionsMax: number;
}

export function createBridge({ upstream, patience, connectionsMax }: BridgeOptions): Bridge {
  const agent = new UpstreamAgent({
    keepAlive: true,
    maxFreeSockets: concurrentStreamsMax,
    maxTotalSockets: connectionsMax,
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
      maxHeaderListSize: headBytesMax,
    },
  });
  server.on("session", (session) => {
    session.setLocalWindowSize(sessionWindowBytes);
    session.on("error", () => session.destroy());
    session.once("close", () => sessions.delete(session));
    sessions.add(session);
    watchSession(session, patience);
  });
  server.on("stream", (stream, headers, flags) => {
    const hasBody = (flags & constants.NGHTTP2_FLAG_END_STREAM) === 0;
    stream.on("error", () => stream.destroy());
    try {
      bridgeStream(stream, headers, hasBody, { ...upstream, agent }, patience);
    } catch {
      // Node will not write such a request: a blank in its path, no token for a method.
      refuse(stream, 400, "not a request that HTTP/1.1 can carry");
    }
  });
  return {
    accept(socket, begun) {
      // A client that is gone would otherwise keep its streams, and what they wait for, open.
      socket.allowHalfOpen = false;
      server.once("session", (session) => session.once("remoteSettings", begun));
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

/** Ends a session that does not begin, or that has had nothing to do for long. */
function watchSession(session: ServerHttp2Session, patience: Patience): void {
  const timer = setTimeout(() => session.destroy(), patience.headMs).unref();
  session.once("remoteSettings", () => clearTimeout(timer));
  let openStreams = 0;
  session.on("stream", (stream) => {
    openStreams++;
    stream.once("close", () => openStreams--);
  });
  session.setTimeout(patience.idleSessionMs, () => {
    if (openStreams === 0) session.close();
  });
  session.once("close", () => clearTimeout(timer));
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
  patience: Patience,
): void {
  const path = headers[":path"];
  const fault = path === undefined ? "no tunnels here" : hostFault(headers);
  if (path === undefined || fault !== undefined) {
    refuse(stream, 400, fault ?? "");
    return;
  }
  const outgoing = request({
    ...target,
    method: headers[":method"] ?? "GET",
    path,
    headers: requestHeaders(headers, hasBody),
    setDefaultHeaders: false,
    maxHeaderSize: headBytesMax,
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
    watchBody(stream, outgoing, patience);
  } else outgoing.end();
}

/** RFC 9113, section 8.3.1. */
function hostFault({ ":authority": authority, host }: IncomingHttpHeaders): string | undefined {
  if (authority !== undefined && host !== undefined && authority !== host) {
    return ":authority and Host are not the same";
  }
  return hostNameOf(authority ?? host ?? "") === undefined ? "no valid :authority" : undefined;
}

/** Gives up a body that does not come to its end: for workerd too, so that the Worker says so. */
function watchBody(
  stream: ServerHttp2Stream,
  outgoing: ClientRequest,
  { bodySilenceMs: silenceMs, bodyMs: totalMs }: Patience,
): void {
  let received = 0;
  stream.on("data", (bytes: Buffer) => (received += bytes.length));
  // A client that is held back by a slow Worker makes no progress, and is not to blame.
  const progress = () => received + (stream.isPaused() ? performance.now() : 0);
  const stop = watchProgress({ silenceMs, totalMs }, progress, () => {
    stream.unpipe();
    stream.resume();
    outgoing.socket?.end();
    setTimeout(() => stream.close(NGHTTP2_NO_ERROR), lingerMs).unref();
  });
  stream.once("end", stop);
  stream.once("close", stop);
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
  stream.respond({ ":status": status, ...plainHeaders() });
  stream.end(`${reason}\n`);
  stream.resume();
}

function requestHeaders(headers: IncomingHttpHeaders, hasBody: boolean): string[] {
  const list = ["host", headers[":authority"] ?? headers.host ?? ""];
  for (const name in headers) {
    if (name.startsWith(":") || name === "host" || hopByHop.has(name)) continue;
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
