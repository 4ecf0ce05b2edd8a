// Redis's protocol (RESP2): one command at a time, and its whole reply as texts, numbers and lists.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Address } from "../tools/wire.ts";

type Value = string | number | null | Value[];

export class RespConnection {
  private readonly socket: Socket;
  private bytes = Buffer.alloc(0);
  private settle: ((value: Value | Error) => void) | undefined;

  static async open({ host, port }: Address): Promise<RespConnection> {
    const socket = connect({ host, port, noDelay: true });
    await once(socket, "connect");
    return new RespConnection(socket);
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.unref();
    socket.on("data", (bytes) => this.receive(bytes));
    socket.on("error", (error) => this.settle?.(error));
  }

  /** Throws what the server refuses. */
  ask(...words: readonly (string | Uint8Array)[]): Promise<Value> {
    const parts = words.flatMap((word) => {
      const bytes = Buffer.from(word);
      return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")];
    });
    return new Promise((resolve, reject) => {
      this.settle = (value) => (value instanceof Error ? reject(value) : resolve(value));
      this.socket.write(Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts]));
    });
  }

  private receive(bytes: Buffer): void {
    this.bytes = this.bytes.length === 0 ? bytes : Buffer.concat([this.bytes, bytes]);
    const read = readValue(this.bytes, 0);
    if (read === undefined) return;
    this.bytes = this.bytes.subarray(read.end);
    this.settle?.(read.value);
  }
}

/** Undefined while something of it is missing. */
function readValue(bytes: Buffer, at: number): { value: Value | Error; end: number } | undefined {
  const lineEnd = bytes.indexOf("\r\n", at);
  if (lineEnd < 0) return undefined;
  const line = bytes.toString("latin1", at + 1, lineEnd);
  const next = lineEnd + 2;
  const count = Number(line);
  switch (bytes[at]) {
    case 0x2b:
      return { value: line, end: next };
    case 0x2d:
      return { value: new Error(line), end: next };
    case 0x3a:
      return { value: count, end: next };
    case 0x24: {
      if (count < 0) return { value: null, end: next };
      const end = next + count;
      if (bytes.length < end + 2) return undefined;
      return { value: bytes.toString("latin1", next, end), end: end + 2 };
    }
    default:
      return count < 0 ? { value: null, end: next } : readList(bytes, next, count);
  }
}

function readList(bytes: Buffer, from: number, count: number) {
  const values: Value[] = [];
  let at = from;
  for (let i = 0; i < count; i++) {
    const read = readValue(bytes, at);
    if (read === undefined) return undefined;
    if (read.value instanceof Error) return { value: read.value, end: read.end };
    values.push(read.value);
    at = read.end;
  }
  return { value: values, end: at };
}
