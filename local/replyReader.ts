/**
 * Reads workerd's replies from the bytes of an HTTP/1.1 connection (RFC 9112): the head of each, then
 * its body piece by piece, without copying it. Informational replies are left out. The reader trusts
 * workerd with the size of a body, and not with its form: what is no reply ends the connection.
 */

export interface ReplyHead {
  status: number;
  /** Names in lower case and values in turn. */
  headers: string[];
}

export interface ReplySink {
  head(head: ReplyHead): void;
  /** The bytes are good until this returns. */
  body(bytes: Buffer): void;
  /** The reply is complete. `reusable` is false if workerd takes no further request here. */
  end(reusable: boolean): void;
}

/** What came is no HTTP/1.1 reply. */
export class ReplyFault extends Error {
  override readonly name = "ReplyFault";
}

const headEnd = Buffer.from("\r\n\r\n");
const lf = 0x0a;
const nothing = Buffer.alloc(0);
const sizeLineBytesMax = 4096;

type State = "head" | "length" | "size" | "chunk" | "chunkEnd" | "trailer" | "close" | "done";

export class ReplyReader {
  readonly #headBytesMax: number;
  #state: State = "done";
  /** The reply to HEAD has no body. */
  #hasBody = true;
  #isReusable = true;
  /** Bytes of an incomplete head or line. */
  #held = nothing;
  #leftBytes = 0;

  constructor(headBytesMax: number) {
    this.#headBytesMax = headBytesMax;
  }

  /** Bytes of the body that are still to come, as far as that is known. */
  get leftBytes(): number {
    return this.#state === "length" || this.#state === "chunk" ? this.#leftBytes : 0;
  }

  /** Expects the reply to a request. */
  expect(method: string): void {
    this.#state = "head";
    this.#hasBody = method !== "HEAD";
    this.#isReusable = true;
    this.#held = nothing;
  }

  /** Throws a ReplyFault. */
  take(bytes: Buffer, sink: ReplySink): void {
    let at = 0;
    while (at < bytes.length) at = this.step(bytes, at, sink);
  }

  /** The connection has ended; returns false if the reply was not complete. */
  close(sink: ReplySink): boolean {
    if (this.#state !== "close") return false;
    this.#state = "done";
    sink.end(false);
    return true;
  }

  /** True while the next byte belongs to the head of a reply. */
  get isInHead(): boolean {
    return this.#state === "head";
  }

  /** True if it holds the beginning of a head or of a line. */
  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  /** Reads one part from `at` on: a head, a piece of a body, or a line. Returns where the next one begins. Throws a ReplyFault. */
  step(bytes: Buffer, at: number, sink: ReplySink): number {
    switch (this.#state) {
      case "head":
        return this.#takeHead(bytes, at, sink);
      case "length":
      case "chunk":
        return this.#takeCounted(bytes, at, sink);
      case "close":
        sink.body(at === 0 ? bytes : bytes.subarray(at));
        return bytes.length;
      case "size":
      case "chunkEnd":
      case "trailer":
        return this.#takeLine(bytes, at, sink);
      case "done":
        throw new ReplyFault("more bytes than the reply has");
    }
  }

  #takeHead(bytes: Buffer, from: number, sink: ReplySink): number {
    const all = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes.subarray(from)]);
    const start = this.#held.length === 0 ? from : 0;
    const end = all.indexOf(headEnd, start);
    if ((end < 0 ? all.length : end) - start > this.#headBytesMax) {
      throw new ReplyFault("its head is too large");
    }
    if (end < 0) {
      this.#held = Buffer.from(all.subarray(start));
      return bytes.length;
    }
    this.#held = nothing;
    this.#begin(readHead(all.toString("latin1", start, end)), sink);
    return bytes.length - (all.length - end - headEnd.length);
  }

  #begin(head: ReplyHead & Framing, sink: ReplySink): void {
    const { status, length, isChunked, isLast } = head;
    // Informational: the reply itself follows. A switch of protocols is never asked for.
    if (status < 200 && status !== 101) return;
    this.#isReusable = !isLast;
    sink.head(head);
    if (!this.#hasBody || status === 204 || status === 304 || length === 0) this.#finish(sink);
    else if (isChunked) this.#state = "size";
    else if (length !== undefined) {
      this.#state = "length";
      this.#leftBytes = length;
    } else this.#state = "close";
  }

  #takeCounted(bytes: Buffer, from: number, sink: ReplySink): number {
    const end = Math.min(bytes.length, from + this.#leftBytes);
    this.#leftBytes -= end - from;
    const isLast = this.#leftBytes === 0;
    const isChunk = this.#state === "chunk";
    if (isLast && isChunk) this.#state = "chunkEnd";
    sink.body(from === 0 && end === bytes.length ? bytes : bytes.subarray(from, end));
    if (isLast && !isChunk) this.#finish(sink);
    return end;
  }

  #takeLine(bytes: Buffer, from: number, sink: ReplySink): number {
    const lineEnd = bytes.indexOf(lf, from);
    const end = lineEnd < 0 ? bytes.length : lineEnd + 1;
    const line = this.#held.toString("latin1") + bytes.toString("latin1", from, end);
    if (line.length > sizeLineBytesMax) throw new ReplyFault("a line of its chunks is too long");
    if (lineEnd < 0) {
      this.#held = Buffer.from(line, "latin1");
      return end;
    }
    this.#held = nothing;
    const text = line.replace(/\r?\n$/, "");
    if (this.#state === "size") this.#beginChunk(text);
    else if (this.#state === "chunkEnd" && text === "") this.#state = "size";
    else if (this.#state === "trailer") {
      if (text === "") this.#finish(sink);
    } else throw new ReplyFault("a chunk is longer than its size");
    return end;
  }

  #beginChunk(line: string): void {
    const [, digits] = /^([\da-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line) ?? [];
    if (digits === undefined) throw new ReplyFault("the size of a chunk is no number");
    this.#leftBytes = Number.parseInt(digits, 16);
    this.#state = this.#leftBytes === 0 ? "trailer" : "chunk";
  }

  #finish(sink: ReplySink): void {
    this.#state = "done";
    sink.end(this.#isReusable);
  }
}

interface Framing {
  length: number | undefined;
  isChunked: boolean;
  isLast: boolean;
}

function readHead(text: string): ReplyHead & Framing {
  const [first = "", ...lines] = text.split("\r\n");
  const [, minor, digits] = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(first) ?? [];
  if (digits === undefined) throw new ReplyFault("its first line is none of HTTP/1.1");
  const headers: string[] = [];
  const framing: Framing = { length: undefined, isChunked: false, isLast: minor === "0" };
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon <= 0) throw new ReplyFault("a header line is none");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers.push(name, value);
    if (name === "content-length") framing.length = readLength(value);
    else if (name === "transfer-encoding") framing.isChunked = true;
    else if (name === "connection" && /\bclose\b/i.test(value)) framing.isLast = true;
  }
  return { status: Number(digits), headers, ...framing };
}

function readLength(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new ReplyFault("its Content-Length is no number of bytes");
  return Number(value);
}
