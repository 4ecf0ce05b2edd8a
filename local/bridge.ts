/**
 * Serves HTTP/2 in front of workerd, which speaks only HTTP/1.1: the sessions and how long they may be
 * idle. Each stream becomes one request to workerd (bridgedStream.ts).
 */
import type { Socket } from "node:net";
import { bridgeStream, refuseStream } from "./bridgedStream.ts";
import { Session } from "./http2/session.ts";
import type { Patience } from "./patience.ts";
import { linger } from "./tunnel.ts";
import { headBytesMax, type Upstream } from "./upstream.ts";
import { createUpstreamPool } from "./upstreamPool.ts";

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
  const pool = createUpstreamPool(upstream, connectionsMax);
  const target = { pool, patience };
  const sessions = new Map<Session, Socket>();
  return {
    accept(socket, begun) {
      // Otherwise the streams of a client that has disconnected, and what they wait for, would stay
      // open.
      socket.allowHalfOpen = false;
      const timer = setTimeout(() => socket.destroy(), patience.headMs).unref();
      const session = new Session(socket, headBytesMax, {
        begun() {
          clearTimeout(timer);
          begun();
        },
        request: (stream) => bridgeStream(stream, target),
        tooLarge: (stream) => refuseStream(stream, 431, "the headers are too large"),
        left: () => linger(socket),
      });
      sessions.set(session, socket);
      watchIdle(session, socket, patience);
      socket.on("data", (bytes: Buffer) => session.take(bytes));
      socket.once("close", () => {
        clearTimeout(timer);
        sessions.delete(session);
        session.destroy();
      });
    },
    stop() {
      for (const session of sessions.keys()) session.stop();
    },
    destroy() {
      for (const socket of sessions.values()) socket.destroy();
      pool.destroy();
    },
  };
}

/** Ends a session that has no open stream and has had nothing to do for too long. */
function watchIdle(session: Session, socket: Socket, { idleSessionMs }: Patience): void {
  let seenBytes = -1;
  let sinceMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    if (session.openStreamCount > 0 || socket.bytesRead !== seenBytes) sinceMs = nowMs;
    else if (nowMs - sinceMs >= idleSessionMs) session.stop();
    seenBytes = socket.bytesRead;
  }, idleSessionMs / 4).unref();
  socket.once("close", () => clearInterval(timer));
}
