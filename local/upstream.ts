/**
 * Connections to workerd. workerd may answer and close while a request is still being sent. Such a
 * connection stays readable: a failed write only discards the written bytes, and the end is noticed
 * on the reading side. Node would destroy the socket at the first failed write, together with the
 * reply that waits in it.
 */
import type { Gatherer } from "./gatherer.ts";
import type { KeptPuts } from "./keptPuts.ts";
import type { PageSender } from "./pageSender.ts";
import { Socket, type SocketConstructorOpts } from "node:net";

/** How long a client may be silent between the end of its reply and the end of its request. */
export const lingerMs = 2000;

/** The same in total, also if the client keeps sending. */
export const lingerMsMax = 30_000;

/** Cloudflare's limit for the headers of a request, "Workers limits", is 128 KB. */
export const headBytesMax = 128 << 10;

/** Up to here a copy costs less than a write of several parts. */
const joinedBytesMax = 16 << 10;

export interface Upstream {
  host: string;
  port: number;
  /** Why workerd may be gone, if it is known. */
  trouble?: () => string | undefined;
  /** Prints the pages that the Worker orders; without it the Worker orders none. */
  pages?: PageSender;
  /** Keeps bodies of large puts, of which workerd gets manifests; without it workerd gets the bodies. */
  puts?: KeptPuts | undefined;
  /** Passes small calls on by a WebSocket; without it they go over HTTP. */
  gatherer?: Gatherer | undefined;
}

/** What a client is told when workerd gives no reply; with a known reason, as SDKs of AWS read it. */
export function absenceOf({ trouble }: Upstream): { status: 502 | 503; body: string } {
  const message = trouble?.();
  return message === undefined
    ? { status: 502, body: "workerd does not answer" }
    : { status: 503, body: JSON.stringify({ __type: "ServiceUnavailable", message }) };
}

export function connectUpstream(upstream: Upstream, options: SocketConstructorOpts = {}): Socket {
  const { host, port } = upstream;
  return new UpstreamSocket(options).setNoDelay(true).connect({ host, port });
}

/**
 * As one write. Returns false if bytes wait; "drain" tells when they do no longer. `written` is called when the
 * system has taken them, or when they are lost.
 */
export function writeParts(
  socket: Socket,
  parts: readonly Buffer[],
  written?: () => void,
): boolean {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return socket.write(first, written);
  const bytes = parts.reduce((sum, { length }) => sum + length, 0);
  if (bytes <= joinedBytesMax) return socket.write(Buffer.concat(parts, bytes), written);
  socket.cork();
  for (const [i, part] of parts.entries()) {
    socket.write(part, i === parts.length - 1 ? written : undefined);
  }
  socket.uncork();
  return !socket.writableNeedDrain;
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
