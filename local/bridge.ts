/**
 * Serves HTTP/2 in front of workerd, which speaks only HTTP/1.1: the sessions, their windows and their
 * limits. Each stream becomes one request to workerd (bridgedStream.ts).
 */
import { type Http2Session, type ServerHttp2Session, constants, createServer } from "node:http2";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { bridgeStream, type StreamOptions } from "./bridgedStream.ts";
import { KeptConnection } from "./keptConnection.ts";
import type { Patience } from "./patience.ts";
import { SmallCalls } from "./smallCalls.ts";
import { headBytesMax, type Upstream } from "./upstream.ts";
import { createUpstreamPool } from "./upstreamPool.ts";

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

type Known = Pick<StreamOptions, "puts" | "calls">;

/** Of a session that has ended. */
const nothingKnown: Known = { puts: undefined, calls: undefined };

export function createBridge({ upstream, patience, connectionsMax }: BridgeOptions): Bridge {
  const pool = createUpstreamPool(upstream, connectionsMax);
  /** The open sessions, with what each knows of its requests. */
  const sessions = new Map<Http2Session, Known>();
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
    sessions.set(session, {
      puts: upstream.puts && new KeptConnection(upstream.puts),
      calls: upstream.gatherer && new SmallCalls(),
    });
    watchSession(session, patience);
  });
  server.on("stream", (stream, headers, flags) => {
    const hasBody = (flags & constants.NGHTTP2_FLAG_END_STREAM) === 0;
    stream.on("error", () => stream.destroy());
    const known = (stream.session && sessions.get(stream.session)) ?? nothingKnown;
    bridgeStream(stream, headers, { hasBody, pool, upstream, patience, ...known });
  });
  return {
    accept(socket, begun) {
      // Otherwise the streams of a client that has disconnected, and what they wait for, would stay
      // open.
      socket.allowHalfOpen = false;
      // Node refuses TLS without ALPN. The AWS SDK for Java offers none and sends the preface.
      if (socket instanceof TLSSocket) socket.alpnProtocol = "h2";
      server.once("session", (session) => session.once("remoteSettings", begun));
      server.emit("connection", socket);
    },
    stop() {
      for (const session of sessions.keys()) session.close();
    },
    destroy() {
      for (const session of sessions.keys()) session.destroy();
      pool.destroy();
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
