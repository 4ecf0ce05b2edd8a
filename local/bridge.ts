/**
 * Serves HTTP/2 without TLS in front of workerd, which speaks only HTTP/1.1. Each stream becomes
 * one request on a kept-alive connection to workerd. Bodies are streamed in both directions at the
 * pace of the slower side. When one side gives up, the other side is ended too. `:authority`
 * becomes Host, which SigV4 signs. Headers of one connection are not forwarded (RFC 9113 section
 * 8.2.2), except TE and Expect: HTTP/2 allows them in a request and some clients sign them.
 * Trailers and informational replies are not forwarded.
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
 * Flow control windows of request bodies: bytes that may wait here for each stream and session
 * while workerd accepts none. On loopback a megabyte is in flight at 1 GB/s and 1 ms.
 */
const streamWindowBytes = 1 << 20;
const sessionWindowBytes = 8 << 20;

/**
 * Node counts buffered bodies against this limit and refuses streams beyond it; its default is 10.
 */
const sessionMemoryMegabytes = 1024;

const concurrentStreamsMax = 1000;

/** workerd closes connections that are idle for 15 s (measured); ours must close earlier. */
const idleConnectionMs = 8000;

const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

export interface Bridge {
  /**
   * Takes over a connection that opens with the HTTP/2 preface; calls `begun` when its SETTINGS
   * arrive.
   */
  accept(socket: Socket, begun: () => void): void;
  /** Lets the open streams finish and accepts no new ones. */
  stop(): void;
  destroy(): void;
}

export interface BridgeOptions {
  upstream: Upstream;
  patience: Patience;
  /** Connections to workerd; further requests wait for one of them. */
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
      // Node refuses to write such a request: a blank in its path, or a method that is not a token.
      refuse(stream, 400, "not a request that HTTP/1.1 can carry");
    }
  });
  return {
    accept(socket, begun) {
      // Otherwise the streams of a client that has disconnected, and what they wait for, would stay
      // open.
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

/** Ends a session that never sends its SETTINGS, or that is idle for too long. */
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
    // The head is sent with the first part of the body, or alone if there is none yet.
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

/** Gives up a body that does not end. workerd gets the end too, so that the Worker answers. */
function watchBody(
  stream: ServerHttp2Stream,
  outgoing: ClientRequest,
  { bodySilenceMs: silenceMs, bodyMs: totalMs }: Patience,
): void {
  let received = 0;
  stream.on("data", (bytes: Buffer) => (received += bytes.length));
  // A slow Worker also stops the progress of its client. That is not the client's fault.
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
    // The reply may be sent before the request has ended. The rest of the request is then read and
    // dropped: some clients lose a reply that is followed by a reset (curl 7.88), which RFC 9113
    // would allow.
    if (stream.readableEnded) return;
    stream.unpipe();
    stream.resume();
    stream.setTimeout(lingerMs, () => stream.close(NGHTTP2_NO_ERROR));
  });
  reply.pipe(stream, { end: false });
}

/** The bridge's own reply, for when workerd gives none. */
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
