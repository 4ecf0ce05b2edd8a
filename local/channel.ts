/**
 * The way of small calls to workerd and of their answers back: a WebSocket, whose messages have one call or several
 * (worker/http/gathered.ts). A message costs workerd half of what a request costs. It is opened by the first call, and
 * again by the first one after its end.
 */
import { WebSocket } from "ws";
import {
  answerHeadBytes,
  type AnswerKind,
  answerKinds,
  gatheredHeader,
  leftReplyHeader,
  memberHeadBytes,
} from "../worker/http/gathered.ts";
import type { SmallCall } from "./smallCalls.ts";
import { connectUpstream, type Upstream } from "./upstream.ts";

/** A call whose answer has not come. */
interface Awaited {
  call: SmallCall;
  /** Called when it is answered, or will not be. */
  over: () => void;
}

export class Channel {
  readonly #upstream: Upstream;
  readonly #secret: string;
  readonly #awaited = new Map<number, Awaited>();
  #socket: WebSocket | undefined;
  #count = 0;
  #isStopping = false;

  /** The Worker knows by the secret what only the front may send. */
  constructor(upstream: Upstream, secret: string) {
    this.#upstream = upstream;
    this.#secret = secret;
  }

  /** Sends calls in one message. `over` is called for each of them. */
  send(calls: readonly SmallCall[], over: () => void): void {
    const first = this.#count;
    this.#count = (this.#count + calls.length) % numberEnd;
    for (const [i, call] of calls.entries()) {
      this.#awaited.set((first + i) % numberEnd, { call, over });
    }
    const socket = (this.#socket ??= this.#open());
    const message = print(calls, first);
    if (socket.readyState === WebSocket.OPEN) socket.send(message);
    else socket.once("open", () => socket.send(message));
  }

  /** Ends the WebSocket as soon as all calls are answered. */
  stop(): void {
    this.#isStopping = true;
    this.#endIfIdle();
  }

  /** Ends it at once. */
  destroy(): void {
    this.#isStopping = true;
    this.#socket?.terminate();
  }

  #open(): WebSocket {
    const { host, port } = this.#upstream;
    const socket = new WebSocket(`ws://${host}:${port}/`, {
      headers: { host: "localhost", [gatheredHeader]: this.#secret },
      perMessageDeflate: false,
      skipUTF8Validation: true,
      // Whoever masks with zeros need not mask. It is there for proxies, of which there are none.
      generateMask: (mask) => mask.fill(0),
      createConnection: () => connectUpstream(this.#upstream).unref(),
    });
    socket.on("message", (data: Buffer) => this.#take(data));
    socket.on("error", () => socket.terminate());
    socket.once("close", () => this.#closed(socket));
    return socket;
  }

  #closed(socket: WebSocket): void {
    if (this.#socket === socket) this.#socket = undefined;
    const lost = [...this.#awaited.values()];
    this.#awaited.clear();
    for (const { call, over } of lost) {
      call.lose();
      over();
    }
  }

  #endIfIdle(): void {
    if (this.#isStopping && this.#awaited.size === 0) this.#socket?.close();
  }

  /** A message has whole answers. */
  #take(bytes: Buffer): void {
    for (let at = 0; bytes.length - at >= answerHeadBytes;) {
      const number = bytes.readUint32LE(at);
      const kind = bytes.readUint32LE(at + 4) as AnswerKind;
      const from = at + answerHeadBytes;
      at = from + bytes.readUint32LE(at + 8);
      const awaited = this.#awaited.get(number);
      if (awaited === undefined) continue;
      this.#awaited.delete(number);
      this.#answer(awaited.call, kind, bytes.subarray(from, at));
      awaited.over();
    }
    this.#endIfIdle();
  }

  #answer(call: SmallCall, kind: AnswerKind, bytes: Buffer): void {
    if (kind === answerKinds.reply) call.take(bytes);
    else if (kind === answerKinds.alone) call.sendAlone();
    else call.sendAlone(`${leftReplyHeader}: ${this.#secret} ${bytes.toString("latin1")}\r\n`);
  }
}

/** Numbers of calls have 32 bits. */
const numberEnd = 2 ** 32;

export function bytesOf({ head, body }: SmallCall): number {
  return body.reduce((sum, { length }) => sum + length, memberHeadBytes + head.length);
}

function print(calls: readonly SmallCall[], first: number): Buffer {
  const message = Buffer.allocUnsafe(calls.reduce((sum, call) => sum + bytesOf(call), 0));
  let at = 0;
  for (const [i, { head, body }] of calls.entries()) {
    at = message.writeUint32LE((first + i) % numberEnd, at);
    at = message.writeUint32LE(head.length, at);
    at = message.writeUint32LE(
      body.reduce((sum, { length }) => sum + length, 0),
      at,
    );
    for (const part of [head, ...body]) at += part.copy(message, at);
  }
  return message;
}
