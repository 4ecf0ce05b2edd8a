/**
 * Connections to workerd. One that workerd closes while a request is still being sent, because it
 * has answered already, stays readable: a failed write only discards what is written, and the end
 * shows where it matters, on the reading side. Node would destroy the socket, and the reply that
 * waits in it, at the first write that fails.
 */
import { Socket, type SocketConstructorOpts } from "node:net";

/** How long a client may be silent, between the end of its reply and the end of its request. */
export const lingerMs = 2000;

/** And in all, however busily it goes on. */
export const lingerMsMax = 30_000;

export interface Upstream {
  host: string;
  port: number;
}

export function connectUpstream(upstream: Upstream, options: SocketConstructorOpts = {}): Socket {
  const { host, port } = upstream;
  return new UpstreamSocket(options).setNoDelay(true).connect({ host, port });
}

class UpstreamSocket extends Socket {
  override _write(chunk: unknown, encoding: BufferEncoding, done: () => void): void {
    super["_write"](chunk, encoding, () => done());
  }

  override _writev(chunks: Parameters<WriteMany>[0], done: () => void): void {
    super["_writev"]?.(chunks, () => done());
  }
}

type WriteMany = NonNullable<Socket["_writev"]>;
