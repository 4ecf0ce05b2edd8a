/**
 * The way of small calls to workerd and of their answers back: a WebSocket, whose messages have one call or several
 * (worker/http/gathered.ts). A message costs workerd half of what a request costs. It is opened by the first call, and
 * again by the first one after its end; or kept open, because by it shards are attended (worker/stream/attendant.ts).
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

/** workerd may be about to start again. */
const reopenMs = 500;

export class Channel {
  readonly #upstream: Upstream;
  readonly #secret: string;
  /** Of calls so far. */
  #count: number;
  /** The last one is for new calls. One before it is about to end. */
  readonly #links: Link[] = [];
  #state: "open" | "stopping" | "over" = "open";
  #isKept = false;

  /** The Worker knows by the secret what only the front may send. Calls are counted from `count` on. */
  constructor(upstream: Upstream, secret: string, count = 0) {
    this.#upstream = upstream;
    this.#secret = secret;
    this.#count = count;
  }

  /** Sends calls in one message. `over` is called for each of them. */
  send(calls: readonly SmallCall[], over: () => void): void {
    if (this.#state === "over") {
      lose(calls.map((call) => ({ call, over })));
      return;
    }
    const first = this.#count;
    this.#count += calls.length;
    const last = this.#links.at(-1);
    const link = last?.isUsable === true ? last : this.#open();
    for (const [i, call] of calls.entries()) link.expect(numberAt(first + i), { call, over });
    link.send(print(calls, first));
  }

  /** From now on there is a WebSocket also without calls, and another one soon after its end. */
  keepOpen(): void {
    this.#isKept = true;
    if (this.#state === "open" && this.#links.length === 0) this.#open();
  }

  /** Ends the WebSocket as soon as all calls are answered. Resolves when it has ended. */
  async stop(): Promise<void> {
    if (this.#state === "open") this.#state = "stopping";
    this.#endIdle();
    await Promise.all(this.#links.map(({ ended }) => ended));
  }

  /** Ends it at once. Calls are not sent any more. */
  destroy(): void {
    this.#state = "over";
    for (const link of this.#links) link.destroy();
  }

  #open(): Link {
    const link = new Link(this.#upstream, this.#secret, () => this.#endIdle());
    this.#links.push(link);
    void link.ended.then(() => {
      this.#links.splice(this.#links.indexOf(link), 1);
      if (this.#isKept) setTimeout(() => this.keepOpen(), reopenMs).unref();
    });
    return link;
  }

  #endIdle(): void {
    if (this.#state === "open") return;
    for (const link of this.#links) link.endIfIdle();
  }
}

/** A WebSocket, and the calls that went by it. */
class Link {
  readonly ended: Promise<void>;
  readonly #secret: string;
  readonly #socket: WebSocket;
  readonly #awaited = new Map<number, Awaited>();
  /** Messages of the time before it is open. */
  #early: Buffer[] = [];
  readonly #answered: () => void;

  /** `answered` is called when answers have come. */
  constructor(upstream: Upstream, secret: string, answered: () => void) {
    const { host, port } = upstream;
    const socket = new WebSocket(`ws://${host}:${port}/`, {
      headers: { host: "localhost", [gatheredHeader]: secret },
      perMessageDeflate: false,
      skipUTF8Validation: true,
      // Whoever masks with zeros need not mask. It is there for proxies, of which there are none.
      generateMask: (mask) => mask.fill(0),
      createConnection: () => connectUpstream(upstream).unref(),
    });
    socket.once("open", () => {
      for (const message of this.#early.splice(0)) socket.send(message);
    });
    socket.on("message", (data: Buffer) => this.#take(data));
    socket.on("error", () => socket.terminate());
    this.ended = new Promise((resolve) => socket.once("close", () => resolve()));
    void this.ended.then(() => lose([...this.#awaited.values()]));
    this.#secret = secret;
    this.#socket = socket;
    this.#answered = answered;
  }

  /** False as soon as its end has begun, on either side. */
  get isUsable(): boolean {
    const { readyState } = this.#socket;
    return readyState === WebSocket.OPEN || readyState === WebSocket.CONNECTING;
  }

  expect(number: number, awaited: Awaited): void {
    this.#awaited.set(number, awaited);
  }

  send(message: Buffer): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(message);
    else this.#early.push(message);
  }

  endIfIdle(): void {
    if (this.#awaited.size === 0) this.#socket.close();
  }

  destroy(): void {
    this.#socket.terminate();
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
    this.#answered();
  }

  #answer(call: SmallCall, kind: AnswerKind, bytes: Buffer): void {
    if (kind === answerKinds.reply) call.take(bytes);
    else if (kind === answerKinds.alone) call.sendAlone();
    else call.sendAlone(`${leftReplyHeader}: ${this.#secret} ${bytes.toString("latin1")}\r\n`);
  }
}

/** The number of a call has 32 bits. */
function numberAt(count: number): number {
  return count % 2 ** 32;
}

function lose(calls: readonly Awaited[]): void {
  for (const { call, over } of calls) {
    call.lose();
    over();
  }
}

export function bytesOf({ head, body }: SmallCall): number {
  return body.reduce((sum, { length }) => sum + length, memberHeadBytes + head.length);
}

function print(calls: readonly SmallCall[], first: number): Buffer {
  const message = Buffer.allocUnsafe(calls.reduce((sum, call) => sum + bytesOf(call), 0));
  let at = 0;
  for (const [i, { head, body }] of calls.entries()) {
    at = message.writeUint32LE(numberAt(first + i), at);
    at = message.writeUint32LE(head.length, at);
    at = message.writeUint32LE(
      body.reduce((sum, { length }) => sum + length, 0),
      at,
    );
    for (const part of [head, ...body]) at += part.copy(message, at);
  }
  return message;
}
