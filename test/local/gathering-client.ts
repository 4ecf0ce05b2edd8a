// Clients of a front for tests of calls that go by the WebSocket: over HTTP/1.1 with the bytes as they are, and over HTTP/2.

import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { expect, onTestFinished, vi } from "vitest";
import type { Front } from "../../local/front.ts";
import { patience } from "../support/patience.ts";

export const pseudo = {
  ":method": "POST",
  ":path": "/",
  "content-type": "application/x-amz-json-1.1",
  "x-amz-target": "Kinesis_20131202.GetRecords",
  "content-length": 3,
};

/** A call as a client sends it. */
export function callOf(body: string, lines: readonly string[] = [], operation = "GetRecords") {
  return [
    "POST / HTTP/1.1",
    "Host: localhost",
    "Content-Type: application/x-amz-json-1.1",
    `X-Amz-Target: Kinesis_20131202.${operation}`,
    ...lines,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ].join("\r\n");
}

export function call(front: Front, text: string) {
  const socket = connect({ host: front.host, port: front.port, allowHalfOpen: true });
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  socket.write(text);
  return new Client(socket);
}

export class Client {
  readonly socket: Socket;
  #text = "";
  #ended: Promise<unknown>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1").on("data", (part: string) => (this.#text += part));
    this.#ended = once(socket, "end");
  }

  /** The body of the next reply. */
  async reply(): Promise<string> {
    const [, length] = await this.head();
    const end = this.#text.indexOf("\r\n\r\n") + 4 + length;
    await vi.waitFor(() => expect(this.#text.length).toBeGreaterThanOrEqual(end), patience);
    const body = this.#text.slice(end - length, end);
    this.#text = this.#text.slice(end);
    return body;
  }

  async head(): Promise<[status: number, length: number]> {
    return await vi.waitFor(() => {
      const end = this.#text.indexOf("\r\n\r\n");
      if (end < 0) throw new Error(`no reply: ${this.#text}`);
      const head = this.#text.slice(0, end);
      const [, status] = /^HTTP\/1.1 (\d+) /.exec(head) ?? [];
      const [, length = "0"] = /\ncontent-length: (\d+)/i.exec(head) ?? [];
      return [Number(status), Number(length)];
    }, patience);
  }

  async end(): Promise<void> {
    await this.#ended;
  }

  async all(): Promise<string> {
    await this.#ended;
    return this.#text;
  }
}

/** So often everybody in this process gets a turn. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((done) => setImmediate(done));
}

/** Resolves when the front has noticed all that came to it before. */
export async function untilSeen(front: Front): Promise<void> {
  expect(await call(front, "nonsense\r\n\r\n").all()).toMatch(/^HTTP\/1.1 400 /);
}

export function sessionTo(front: Front): ClientHttp2Session {
  const session = connectHttp2(`http://${front.host}:${front.port}`);
  session.on("error", () => {});
  onTestFinished(() => session.destroy());
  return session;
}

export async function callOver(session: ClientHttp2Session, body: string): Promise<string> {
  const stream = session.request({ ...pseudo, "content-length": body.length }).end(body);
  const [headers] = await once(stream, "response");
  let text = "";
  for await (const part of stream.setEncoding("utf8")) text += part;
  return `${headers[":status"]} ${text}`;
}

/** A request on its way. */
export interface Sending {
  write(bytes: string | Buffer): void;
  /** The client goes away. */
  leave(): void;
  /** Status and body. */
  reply(): Promise<string>;
}

/** Begins a request of these headers and a body of so many bytes, without the body. */
export type Begin = (
  front: Front,
  bodyBytes: number,
  operation?: string,
  headers?: Record<string, string>,
) => Sending;

/** The ways to the front in the clear. */
export const begins: Record<"HTTP/1.1" | "HTTP/2", Begin> = {
  "HTTP/1.1"(front, bodyBytes, operation = "PutRecords", headers = {}) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    const head = callOf("", lines, operation).replace("Length: 0", `Length: ${bodyBytes}`);
    const client = call(front, head);
    return {
      write: (bytes) => void client.socket.write(bytes),
      leave: () => void client.socket.resetAndDestroy(),
      async reply() {
        const [status] = await client.head();
        return `${status} ${await client.reply()}`;
      },
    };
  },
  "HTTP/2"(front, bodyBytes, operation = "PutRecords", headers = {}) {
    const stream = sessionTo(front).request({
      ...pseudo,
      "x-amz-target": `Kinesis_20131202.${operation}`,
      ...headers,
      "content-length": bodyBytes,
    });
    stream.on("error", () => {});
    const began = once(stream, "response");
    began.catch(() => {});
    let sentBytes = 0;
    return {
      write(bytes) {
        sentBytes += bytes.length;
        if (sentBytes < bodyBytes) stream.write(bytes);
        else stream.end(bytes);
      },
      leave: () => stream.close(constants.NGHTTP2_CANCEL),
      async reply() {
        const [head] = await began;
        let text = "";
        for await (const part of stream.setEncoding("utf8")) text += part;
        return `${head[":status"]} ${text}`;
      },
    };
  },
};
