/**
 * Tells the protocol of a connection by its first bytes. The HTTP/2 preface (RFC 9113, section 3.4)
 * opens every HTTP/2 connection and no HTTP/1.1 request. The first byte of TLS is the type of a
 * handshake record (RFC 8446, section 5.1), which is no character of an HTTP method.
 */
import type { Socket } from "node:net";

export type Protocol = "tls" | "http2" | "http1";

const preface = Buffer.from("PRI * HTTP/2.0\r\n", "latin1");
const tlsHandshake = 0x16;

/**
 * Reads until the bytes are surely of one protocol, then puts them back and calls `decided`. A
 * client that does not send them in time is disconnected.
 */
export function sniffProtocol(
  client: Socket,
  headMs: number,
  decided: (protocol: Protocol) => void,
): void {
  let head = Buffer.alloc(0);
  const giveUp = () => client.destroy();
  const timer = setTimeout(giveUp, headMs).unref();
  client.once("close", () => clearTimeout(timer));
  const look = () => {
    const bytes: Buffer | null = client.read();
    if (bytes === null) return;
    head = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
    const protocol = protocolOf(head);
    if (protocol === undefined) return;
    clearTimeout(timer);
    client.off("readable", look);
    client.off("end", giveUp);
    client.unshift(head);
    decided(protocol);
  };
  client.on("readable", look);
  client.on("end", giveUp);
}

/** Undefined if more bytes are needed. */
function protocolOf(head: Buffer): Protocol | undefined {
  if (head[0] === tlsHandshake) return "tls";
  const length = Math.min(head.length, preface.length);
  if (head.compare(preface, 0, length, 0, length) !== 0) return "http1";
  return length < preface.length ? undefined : "http2";
}
