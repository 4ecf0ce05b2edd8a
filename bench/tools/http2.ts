// One HTTP/2 connection of the load generator, without TLS, on Node's own client. It takes the same
// messages as the one of HTTP/1.1: each is taken apart once. One request at a time.

import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from "node:http2";
import type { Address, Connection, Reply } from "./wire.ts";

/** A page fits, so that no reply waits for its window. */
const windowBytes = 16 << 20;

const headEnd = Buffer.from("\r\n\r\n");

interface Message {
  headers: OutgoingHttpHeaders;
  body: Uint8Array;
}

/** Messages are made once and sent many times. */
const messages = new WeakMap<Uint8Array, Message>();

export class Http2Connection implements Connection {
  private readonly session: ClientHttp2Session;

  static async open({ host, port }: Address): Promise<Http2Connection> {
    const session = connect(`http://${host}:${port}`, {
      settings: { initialWindowSize: windowBytes },
    });
    await new Promise<void>((resolve, reject) => {
      session.once("connect", () => resolve()).once("error", reject);
    });
    session.setLocalWindowSize(windowBytes);
    return new Http2Connection(session);
  }

  private constructor(session: ClientHttp2Session) {
    this.session = session;
    session.on("error", () => session.destroy());
  }

  exchange(request: Uint8Array, keepBytes = 0): Promise<Reply> {
    const { headers, body } = readMessage(request);
    return new Promise((resolve, reject) => {
      const stream = this.session.request(headers, { endStream: false });
      const reply: Reply = { status: 0, bodyBytes: 0, body: Buffer.alloc(0) };
      stream.once("response", ({ ":status": status = 0 }) => (reply.status = status));
      stream.on("data", (bytes: Buffer) => {
        const missing = keepBytes - reply.bodyBytes;
        if (missing > 0) reply.body = Buffer.concat([reply.body, bytes.subarray(0, missing)]);
        reply.bodyBytes += bytes.length;
      });
      stream.once("end", () => resolve(reply)).once("error", reject);
      stream.end(body);
    });
  }

  close(): void {
    this.session.destroy();
  }
}

function readMessage(request: Uint8Array): Message {
  const known = messages.get(request);
  if (known !== undefined) return known;
  const bytes = Buffer.from(request);
  const end = bytes.indexOf(headEnd);
  const [first = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const [method, path] = first.split(" ");
  const headers: OutgoingHttpHeaders = { ":method": method, ":path": path };
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    if (name !== "host") headers[name] = line.slice(colon + 1).trim();
  }
  const message = { headers, body: bytes.subarray(end + headEnd.length) };
  messages.set(request, message);
  return message;
}
