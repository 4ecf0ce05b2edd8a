/**
 * Connections to workerd. workerd may answer and close while a request is still being sent. Such a
 * connection stays readable: a failed write only discards the written bytes, and the end is noticed
 * on the reading side. Node would destroy the socket at the first failed write, together with the
 * reply that waits in it.
 */
import type { PageSender } from "./pageSender.ts";
import { Socket, type SocketConstructorOpts } from "node:net";

/** How long a client may be silent between the end of its reply and the end of its request. */
export const lingerMs = 2000;

/** The same in total, also if the client keeps sending. */
export const lingerMsMax = 30_000;

/** Cloudflare's limit for the headers of a request, "Workers limits", is 128 KB. */
export const headBytesMax = 128 << 10;

export interface Upstream {
  host: string;
  port: number;
  /** Why workerd may be gone, if it is known. */
  trouble?: () => string | undefined;
  /** Prints the pages that the Worker orders; without it the Worker orders none. */
  pages?: PageSender;
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

class UpstreamSocket extends Socket {
  override _write(chunk: unknown, encoding: BufferEncoding, done: () => void): void {
    super["_write"](chunk, encoding, () => done());
  }

  override _writev(chunks: Parameters<WriteMany>[0], done: () => void): void {
    super["_writev"]?.(chunks, () => done());
  }
}

type WriteMany = NonNullable<Socket["_writev"]>;
