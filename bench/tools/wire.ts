// One HTTP/1.1 connection of the load generator. Requests are whole messages made beforehand; of a
// reply it reads the status and Content-Length, counts the rest, and keeps no more of the body
// than it is asked to. One request at a time. A reply without Content-Length is an error here:
// none of the servers that are measured sends one.

import { connect, type Socket } from "node:net";
import { Http2Connection } from "./http2.ts";

export interface Address {
  host: string;
  port: number;
  /** HTTP/1.1 when it is not said. */
  protocol?: "h2";
}

export interface Connection {
  /** Sends a request, a whole HTTP/1.1 message, and reads its reply. */
  exchange(request: Uint8Array, keepBytes?: number): Promise<Reply>;
  close(): void;
}

export function openConnection(address: Address): Promise<Connection> {
  return address.protocol === "h2" ? Http2Connection.open(address) : HttpConnection.open(address);
}

export interface Reply {
  status: number;
  bodyBytes: number;
  /** The first bytes of the body, as many as were asked for. */
  body: Buffer;
}

interface Exchange {
  keepBytes: number;
  resolve: (reply: Reply) => void;
  reject: (error: Error) => void;
}

/** Pages arrive in pieces of at most this; one buffer takes them all. */
const readBufferBytes = 256 << 10;
const headEnd = Buffer.from("\r\n\r\n");
const nothing = Buffer.alloc(0);

export class HttpConnection implements Connection {
  private readonly socket: Socket;
  private exchanging: Exchange | undefined;
  private head = nothing;
  private reply: Reply | undefined;
  private missingBytes = 0;
  private keptBytes = 0;

  static async open(address: Address): Promise<HttpConnection> {
    const connection = new HttpConnection(address);
    await new Promise<void>((resolve, reject) => {
      connection.socket.once("connect", resolve).once("error", reject);
    });
    connection.socket.on("error", (error) => connection.fail(error));
    connection.socket.on("close", () => connection.fail(new Error("the server hung up")));
    return connection;
  }

  private constructor({ host, port }: Address) {
    const callback = (byteCount: number, buffer: Uint8Array): boolean => {
      this.take(Buffer.from(buffer.buffer, buffer.byteOffset, byteCount));
      return true;
    };
    const onread = { buffer: Buffer.allocUnsafeSlow(readBufferBytes), callback };
    this.socket = connect({ host, port, noDelay: true, onread });
  }

  /** Sends a request and reads its reply. */
  exchange(request: Uint8Array, keepBytes = 0): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.exchanging !== undefined) throw new Error("one request at a time");
      if (this.socket.destroyed) throw new Error("the server hung up");
      this.exchanging = { keepBytes, resolve, reject };
      this.socket.write(request);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private take(bytes: Buffer): void {
    if (this.reply === undefined) {
      const all = this.head.length === 0 ? bytes : Buffer.concat([this.head, bytes]);
      const end = all.indexOf(headEnd);
      if (end < 0) {
        // The buffer is overwritten by the next piece.
        this.head = Buffer.from(all);
        return;
      }
      this.head = nothing;
      if (!this.begin(all.toString("latin1", 0, end))) return;
      bytes = all.subarray(end + headEnd.length);
    }
    this.takeBody(bytes);
  }

  /** Reads what stands before the body; returns false when that cannot be used. */
  private begin(head: string): boolean {
    const status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (this.exchanging === undefined || !head.startsWith("HTTP/1.1 ") || length === undefined) {
      this.fail(new Error(`unexpected reply: ${head}`));
      this.close();
      return false;
    }
    this.missingBytes = Number(length);
    this.keptBytes = 0;
    const body = Buffer.alloc(Math.min(this.exchanging.keepBytes, this.missingBytes));
    this.reply = { status, bodyBytes: this.missingBytes, body };
    return true;
  }

  private takeBody(bytes: Buffer): void {
    const { reply, exchanging } = this;
    if (reply === undefined || exchanging === undefined) return;
    if (this.keptBytes < reply.body.length) {
      this.keptBytes += bytes.copy(reply.body, this.keptBytes);
    }
    this.missingBytes -= bytes.length;
    if (this.missingBytes > 0) return;
    this.reply = undefined;
    this.exchanging = undefined;
    exchanging.resolve(reply);
  }

  private fail(error: Error): void {
    const { exchanging } = this;
    this.exchanging = undefined;
    exchanging?.reject(error);
  }
}
