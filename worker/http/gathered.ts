// Small requests that the front of the local server passes to workerd as messages of a WebSocket (docs/decisions/0026):
// those that have come at about the same time are in one. Each is answered as if it had come by itself. A message costs
// workerd half of what a request costs, and that is paid once for all that are in it.
//
// A message has one member after the other: its number, the bytes of its head and of its body as numbers of 32 bits,
// little-endian, and then these, as the client has sent them. The answers come in any order, in messages with one or
// several: the number of the member, a kind and a length as such numbers, then the bytes.
import { Buffer } from "node:buffer";
import { concatBytes } from "../codec/bytes.ts";
import { answersBytesMax } from "../limits.ts";
import type { HeaderSet, Incoming } from "./incoming.ts";

/** A request with this header opens the WebSocket. The value is a secret that only the front knows. */
export const gatheredHeader = "x-millrace-gathered";

/** A request that is sent again for its reply has the secret and the reply's name in this header. */
export const leftReplyHeader = "x-millrace-left";

export const memberHeadBytes = 12;
export const answerHeadBytes = 12;

export const answerKinds = {
  /** A whole reply as HTTP/1.1. */
  reply: 0,
  /** Nothing was done: the request is to be sent by itself. */
  alone: 1,
  /** The reply is large, and left here: the request is to be sent by itself, with the name that these bytes are. */
  left: 2,
} as const;

export type AnswerKind = (typeof answerKinds)[keyof typeof answerKinds];

/** One of the members. Its head was checked by the front (local/framing.ts), and is ASCII. */
export class GatheredRequest implements Incoming {
  readonly number: number;
  readonly method: string;
  readonly url: string;
  readonly headers: HeaderSet;
  readonly whole: Uint8Array;
  readonly body = null;

  constructor(number: number, head: string, bytes: Uint8Array) {
    this.number = number;
    const [method = "", target = ""] = head.slice(0, head.indexOf("\r\n")).split(" ", 2);
    this.method = method;
    this.headers = new SentHeaders(head);
    this.url = `http://${this.headers.get("host") ?? ""}${target}`;
    this.whole = bytes;
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return Promise.resolve(this.whole.slice().buffer);
  }
}

/** The lines of a head. */
class SentHeaders implements HeaderSet {
  private readonly text: string;
  private readonly lower: string;

  constructor(head: string) {
    this.text = head;
    this.lower = head.toLowerCase();
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  /** Several lines of one name are one value, as the platform has it. */
  get(name: string): string | null {
    const { lower, text } = this;
    const start = `\n${name.toLowerCase()}:`;
    let value: string | null = null;
    for (let at = lower.indexOf(start); at >= 0; at = lower.indexOf(start, at + 1)) {
      const from = at + start.length;
      const line = text.slice(from, text.indexOf("\n", from)).trim();
      value = value === null ? line : `${value}, ${line}`;
    }
    return value;
  }
}

/** Throws if the front has sent something else. */
export function readMembers(body: ArrayBuffer): GatheredRequest[] {
  const view = new DataView(body);
  const text = Buffer.from(body);
  const members: GatheredRequest[] = [];
  for (let at = 0; at < body.byteLength;) {
    const head = at + memberHeadBytes;
    const from = head + view.getUint32(at + 4, true);
    const end = from + view.getUint32(at + 8, true);
    if (end > body.byteLength) throw new Error("a member of a message is cut off");
    const bytes = new Uint8Array(body, from, end - from);
    const number = view.getUint32(at, true);
    members.push(new GatheredRequest(number, text.latin1Slice(head, from), bytes));
    at = end;
  }
  return members;
}

export function printAnswer(
  member: number,
  kind: AnswerKind,
  text: string,
  body?: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(answerHeadBytes + text.length + (body?.length ?? 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, member, true);
  view.setUint32(4, kind, true);
  view.setUint32(8, bytes.length - answerHeadBytes, true);
  Buffer.from(bytes.buffer).latin1Write(text, answerHeadBytes, text.length);
  if (body !== undefined) bytes.set(body, answerHeadBytes + text.length);
  return bytes;
}

/** A reply as HTTP/1.1. The body is copied. */
export function printReply(
  member: number,
  status: number,
  headers: Record<string, string>,
  body: Uint8Array,
  reason = reasons[status] ?? "",
): Uint8Array {
  let head = `HTTP/1.1 ${status} ${reason}\r\n`;
  for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
  head += `content-length: ${body.length}\r\n\r\n`;
  return printAnswer(member, answerKinds.reply, head, body);
}

const reasons: Record<number, string> = {
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  413: "Payload Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** Sends answers, those together that are ready at the same time. */
export class AnswerSender {
  private readonly send: (bytes: Uint8Array) => void;
  private ready: Uint8Array[] = [];

  constructor(send: (bytes: Uint8Array) => void) {
    this.send = send;
  }

  add(answer: Uint8Array): void {
    this.ready.push(answer);
    if (this.ready.length === 1) void this.sendSoon();
  }

  private async sendSoon(): Promise<void> {
    // Those that have waited for the same thing need a few more turns of the queue of promises.
    for (let count = 0; count < this.ready.length;) {
      count = this.ready.length;
      for (let turn = 0; turn < settleTurns; turn++) await Promise.resolve();
    }
    const { ready } = this;
    this.ready = [];
    for (const message of messagesOf(ready)) this.send(message);
  }
}

const settleTurns = 16;

function* messagesOf(answers: readonly Uint8Array[]): Generator<Uint8Array> {
  let group: Uint8Array[] = [];
  let bytes = 0;
  for (const answer of answers) {
    if (group.length > 0 && bytes + answer.length > answersBytesMax) {
      yield concatBytes(group);
      group = [];
      bytes = 0;
    }
    group.push(answer);
    bytes += answer.length;
  }
  const [first] = group;
  if (first !== undefined) yield group.length === 1 ? first : concatBytes(group);
}
