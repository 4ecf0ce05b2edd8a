/**
 * Finds the orders of pages among the replies on a connection of workerd. Everything else passes as it
 * comes. An order is a whole reply and is taken out.
 */
import { pageOrderHeader } from "../worker/engine/pageOrder.ts";
import { type ReplyHead, type ReplySink, ReplyFault, ReplyReader } from "./replyReader.ts";

/** A page that was ordered: the head of the reply, and the order. */
export interface OrderedPage {
  head: ReplyHead;
  order: Buffer;
}

const nothing = Buffer.alloc(0);
const headEnd = Buffer.from("\r\n\r\n");
/** The head of a reply with a body of known length that is no order. */
const plainHead = new RegExp(
  `^HTTP/1\\.1 [245]\\d\\d (?![^]*\r\n(?:${pageOrderHeader}|transfer-encoding):)[^]*\r\ncontent-length: (\\d{1,15})\r\n`,
  "i",
);

export class OrderFilter {
  readonly #reader: ReplyReader;
  /** Methods of the requests whose replies have not begun. */
  readonly #expected: string[] = [];
  readonly #pass: (bytes: Buffer) => void;
  readonly #sink: ReplySink;
  /** The beginning of a head that has not come whole. */
  #heldHead = nothing;
  /** The head of the order that is being read, and what there is of its body. */
  #head: ReplyHead | undefined;
  #parts: Buffer[] = [];
  #isOver = true;
  #isLost = false;

  /** `pass` gets what is no order; the bytes are good until it returns. */
  constructor(headBytesMax: number, pass: (bytes: Buffer) => void) {
    this.#reader = new ReplyReader(headBytesMax);
    this.#pass = pass;
    this.#sink = {
      head: (head) => {
        if (isOrder(head)) this.#head = head;
      },
      body: (piece) => {
        if (this.#head !== undefined) this.#parts.push(Buffer.from(piece));
      },
      end: () => (this.#isOver = true),
    };
  }

  /** A request was sent; its reply follows those of the requests before it. */
  expect(method: string): void {
    this.#expected.push(method);
  }

  /** True if a request was sent of whose reply nothing has come. */
  get isAwaited(): boolean {
    return this.#isOver && !this.#isLost && this.#expected.length > 0;
  }

  /** True if all requests that were sent have been answered. */
  get isIdle(): boolean {
    return this.#isOver && !this.#isLost && this.#expected.length === 0;
  }

  /** Reads up to the end of the first order. Returns that, and the rest of the bytes; undefined if there is none. */
  take(bytes: Buffer): { page: OrderedPage; rest: Buffer } | undefined {
    if (this.#isOver && this.#isPlainReply(bytes)) {
      this.#expected.shift();
      this.#pass(bytes);
      return undefined;
    }
    let from = 0;
    for (let at = 0; at < bytes.length;) {
      if (this.#isOver) this.#begin();
      if (this.#isLost) break;
      const isHead = this.#reader.isInHead;
      const next = this.#step(bytes, at);
      if (this.#isLost) {
        this.#passHeld();
        break;
      }
      if (isHead && this.#reader.isInHead && this.#reader.isHolding) {
        this.#passOn(bytes, from, at);
        this.#heldHead = Buffer.concat([this.#heldHead, bytes.subarray(at)]);
        return undefined;
      }
      if (isHead) {
        if (this.#head === undefined) this.#passHeld();
        else this.#passOn(bytes, from, at);
        this.#heldHead = nothing;
      }
      at = next;
      if (this.#head === undefined) continue;
      from = at;
      if (!this.#isOver) continue;
      const page = { head: this.#head, order: Buffer.concat(this.#parts) };
      this.#head = undefined;
      this.#parts = [];
      return { page, rest: bytes.subarray(at) };
    }
    this.#passOn(bytes, from, bytes.length);
    return undefined;
  }

  /** True for exactly one reply that is no order: so are most reads. */
  #isPlainReply(bytes: Buffer): boolean {
    const [method] = this.#expected;
    if (method === undefined || method === "HEAD") return false;
    const end = bytes.indexOf(headEnd);
    if (end < 0) return false;
    const head = bytes.toString("latin1", 0, end + headEnd.length);
    const [, length] = plainHead.exec(head) ?? [];
    return length !== undefined && head.length + Number(length) === bytes.length;
  }

  /** What workerd says without a request, such as to a broken chunk, is no order, and its last word. */
  #begin(): void {
    const method = this.#expected.shift();
    if (method === undefined) this.#isLost = true;
    else {
      this.#reader.expect(method);
      this.#isOver = false;
    }
  }

  #step(bytes: Buffer, at: number): number {
    try {
      return this.#reader.step(bytes, at, this.#sink);
    } catch (error) {
      if (!(error instanceof ReplyFault)) throw error;
      this.#isLost = true;
      return bytes.length;
    }
  }

  #passHeld(): void {
    if (this.#heldHead.length > 0) this.#pass(this.#heldHead);
    this.#heldHead = nothing;
  }

  #passOn(bytes: Buffer, from: number, to: number): void {
    if (to > from) this.#pass(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }
}

/** The headers that a page of `length` bytes has instead of its order's. */
export function pageHead(
  { status, headers }: ReplyHead,
  length: number,
  further: Record<string, string>,
): ReplyHead {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const [name = "", value = ""] = [headers[i], headers[i + 1]];
    if (!ofOrder.has(name)) kept.push(name, value);
  }
  for (const name in further) kept.push(name, further[name] ?? "");
  return { status, headers: [...kept, "content-length", String(length)] };
}

/** Names of the headers that only the order has. */
const ofOrder = new Set([pageOrderHeader, "content-length", "transfer-encoding"]);

export function isOrder({ headers }: ReplyHead): boolean {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === pageOrderHeader) return true;
  return false;
}
