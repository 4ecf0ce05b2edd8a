/**
 * Finds where requests begin and end in the bytes of an HTTP/1.1 connection (RFC 9112). So the
 * front knows what the client still has to send: the rest of a head, the rest of a body, or
 * nothing. A head is held back until it is complete and valid, because workerd answers some invalid
 * ones with a 500. Where TLS was taken off, a head gets a header that says so, unless it says by itself how
 * the client has called. Bodies are forwarded as they arrive. workerd refuses broken chunks; after one
 * the framer does not follow the connection any more. A request may be kept back until it is whole, and
 * another one passed on instead of it.
 */
import { isUtf8 } from "node:buffer";
import { hostNameOf } from "../worker/http/hosts.ts";
import { protocolHeader } from "../worker/http/url.ts";
import { Collected, type Collection, type RequestHead, withLine } from "./collection.ts";

/**
 * What the client still has to send. `lost`: after a broken chunk the following bytes have no
 * meaning.
 */
export type Phase = "nothing" | "head" | "body" | "lost";

type HeadFaultStatus = 400 | 414 | 431 | 501;

/** A head that is not forwarded. The message is written for users. */
export class HeadFault extends Error {
  override readonly name = "HeadFault";
  readonly status: HeadFaultStatus;

  constructor(message: string, status: HeadFaultStatus = 400) {
    super(message);
    this.status = status;
  }
}

/**
 * Bounds for the line of a chunk's size with its extensions, and for the trailer of a chunked body.
 */
const sizeLineBytesMax = 4096;
const trailerBytesMax = 16 << 10;

/** workerd refuses a longer target by itself, without a Date. */
const targetBytesMax = 65_534;

/** The methods that workerd knows (capnproto, kj/compat/http.h), without CONNECT. */
const methods: ReadonlySet<string> = new Set(
  (
    "GET HEAD POST PUT DELETE PATCH PURGE OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH " +
    "SEARCH UNLOCK ACL REPORT MKACTIVITY CHECKOUT MERGE MSEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE QUERY BAN"
  ).split(" "),
);

const requestLine = /^([!#$%&'*+.^_`|~\w-]+) ([!-~\x80-\xff]+) HTTP\/1\.([01])$/;
const headerLine = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/;
/** Characters that workerd refuses by itself, without a Date: in the path, and in the query. */
const unescaped = /^[^?#]*[<>`]|^[^?#]*\?[^#]*["<>]/;
const nonAscii = /[\x80-\xff]/;
const absoluteTarget = /^https?:\/\/([^/?#]*)/i;

const lf = 0x0a;

const securely = Buffer.from(`${protocolHeader}: https\r\n`);

interface Head {
  method: string;
  target: string;
  /** True for HTTP/1.0. */
  isOld: boolean;
  hosts: string[];
  lengths: string[];
  codings: string[];
  /** True if it says how the client has called. */
  hasProtocol: boolean;
  /** The other headers, by their names in lower case. */
  headers: [name: string, value: string][];
}

export interface FramerOptions {
  /** True if the bytes came by TLS. */
  isSecure?: boolean;
  /** Called for each head, before it passes. With a collection, the request is kept back. */
  begun?: (head: RequestHead) => Collection | undefined;
}

export class RequestFramer {
  readonly #headBytesMax: number;
  readonly #isSecure: boolean;
  /** True if the head that was read last has to be told that TLS was taken off. */
  #isToTell = false;
  readonly #begun: (head: RequestHead) => Collection | undefined;
  /** Bytes of an incomplete head, and the beginning of its last line. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #line = "";
  #head: Head | undefined;
  /** Bytes left of a body, or of a chunk with the line end after it. */
  #owedBytes = 0;
  #chunked: "none" | "size" | "data" | "trailer" = "none";
  #trailerBytes = 0;
  #isLost = false;
  #collection: Collection | undefined;
  #collected: Collected | undefined;
  #fault: HeadFault | undefined;

  constructor(headBytesMax: number, { isSecure = false, begun }: FramerOptions = {}) {
    this.#headBytesMax = headBytesMax;
    this.#isSecure = isSecure;
    this.#begun = begun ?? (() => undefined);
  }

  get phase(): Phase {
    if (this.#isLost) return "lost";
    if (this.#owedBytes > 0 || this.#chunked !== "none") return "body";
    return this.#head !== undefined || this.#line !== "" ? "head" : "nothing";
  }

  /** Why the last head is not forwarded. After it nothing may be forwarded. */
  get fault(): HeadFault | undefined {
    return this.#fault;
  }

  /** The bytes that may be forwarded now, in parts. */
  take(bytes: Buffer): Buffer[] {
    const passed: Buffer[] = [];
    let [from, at] = [0, 0];
    while (at < bytes.length && !this.#isLost) {
      if (this.phase === "body") {
        at = this.#takeBody(bytes, at);
        if (this.#collected === undefined) continue;
        passed.push(...this.#collect(this.#collected, bytes.subarray(from, at)));
        from = at;
        continue;
      }
      const end = this.#tryHead(bytes, at);
      if (end < 0) {
        this.#held.push(bytes.subarray(at));
        return full([...passed, bytes.subarray(from, at)]);
      }
      if (this.#isToTell || this.#collection !== undefined) {
        passed.push(bytes.subarray(from, at));
        passed.push(...this.#begin(Buffer.concat([...this.#held, bytes.subarray(at, end)])));
        from = end;
      } else passed.push(...this.#held);
      this.#held = [];
      this.#heldBytes = 0;
      at = end;
    }
    return full([...passed, bytes.subarray(from)]);
  }

  /** Ends the keeping back: returns what was kept, in parts. The rest passes as it comes. */
  release(): Buffer[] {
    const parts = this.#collected?.release();
    this.#collected = undefined;
    return parts ?? [];
  }

  /** True while a request is kept back. */
  get isCollecting(): boolean {
    return this.#collected !== undefined;
  }

  /** Of a head, what passes now. */
  #begin(head: Buffer): Buffer[] {
    const parts = this.#isToTell ? withLine(head, securely) : [head];
    const collection = this.#collection;
    this.#collection = undefined;
    if (collection === undefined) return parts;
    this.#collected = new Collected(collection, Buffer.concat(parts));
    return [];
  }

  /** Of a body that is kept back, what passes now. */
  #collect(collected: Collected, bytes: Buffer): Buffer[] {
    const parts = collected.add(bytes) ?? (this.#owedBytes === 0 ? collected.finish() : undefined);
    if (parts !== undefined) this.#collected = undefined;
    return parts ?? [];
  }

  #tryHead(bytes: Buffer, from: number): number {
    try {
      return this.#takeHead(bytes, from);
    } catch (error) {
      if (!(error instanceof HeadFault)) throw error;
      this.#fault = error;
      return -1;
    }
  }

  /** Where the head ends, or -1 if it is incomplete. */
  #takeHead(bytes: Buffer, from: number): number {
    let at = from;
    for (;;) {
      const end = bytes.indexOf(lf, at);
      const stop = end < 0 ? bytes.length : end + 1;
      this.#heldBytes += stop - at;
      if (this.#heldBytes > this.#headBytesMax) {
        throw new HeadFault(`the head is larger than ${this.#headBytesMax} bytes`, 431);
      }
      this.#line += bytes.toString("latin1", at, end < 0 ? stop : end);
      at = stop;
      if (end < 0) return -1;
      const line = this.#line.endsWith("\r") ? this.#line.slice(0, -1) : this.#line;
      this.#line = "";
      if (line !== "") this.#head = readLine(line, this.#head);
      else if (this.#head !== undefined) {
        this.#beginBody(this.#head);
        this.#head = undefined;
        return at;
      }
    }
  }

  #beginBody(head: Head): void {
    checkHost(head);
    const length = bodyLength(head);
    if (length === "chunked") this.#chunked = "size";
    else this.#owedBytes = length;
    const { method, target, headers } = head;
    this.#isToTell = this.#isSecure && !head.hasProtocol;
    this.#collection = this.#begun({
      method,
      target,
      headers,
      bodyBytes: length,
      isLast: isLast(head),
    });
  }

  #takeBody(bytes: Buffer, from: number): number {
    switch (this.#chunked) {
      case "size":
        return this.#takeSize(bytes, from);
      case "trailer":
        return this.#takeTrailer(bytes, from);
      default: {
        const taken = Math.min(this.#owedBytes, bytes.length - from);
        this.#owedBytes -= taken;
        if (this.#owedBytes === 0 && this.#chunked === "data") this.#chunked = "size";
        return from + taken;
      }
    }
  }

  #takeSize(bytes: Buffer, from: number): number {
    const end = bytes.indexOf(lf, from);
    this.#line += bytes.toString("latin1", from, end < 0 ? bytes.length : end);
    if (this.#line.length > sizeLineBytesMax) return this.#lose(bytes);
    if (end < 0) return bytes.length;
    const [, digits] = /^([\da-f]{1,12})[ \t]*(?:;.*)?\r$/i.exec(this.#line) ?? [];
    this.#line = "";
    if (digits === undefined) return this.#lose(bytes);
    const size = Number.parseInt(digits, 16);
    this.#chunked = size === 0 ? "trailer" : "data";
    this.#owedBytes = size === 0 ? 0 : size + 2;
    this.#trailerBytes = 0;
    return end + 1;
  }

  #takeTrailer(bytes: Buffer, from: number): number {
    const end = bytes.indexOf(lf, from);
    const stop = end < 0 ? bytes.length : end + 1;
    this.#trailerBytes += stop - from;
    if (this.#trailerBytes > trailerBytesMax) return this.#lose(bytes);
    this.#line += bytes.toString("latin1", from, stop);
    if (end < 0) return stop;
    if (this.#line === "\r\n" || this.#line === "\n") this.#chunked = "none";
    this.#line = "";
    return stop;
  }

  #lose(bytes: Buffer): number {
    this.#isLost = true;
    return bytes.length;
  }
}

function readLine(line: string, head: Head | undefined): Head {
  if (head === undefined) {
    const [, method, target = "", minor] = requestLine.exec(line) ?? [];
    if (method === undefined) throw new HeadFault("the first line is no HTTP/1.1 request");
    if (method === "CONNECT") throw new HeadFault("no tunnels here");
    if (!methods.has(method)) throw new HeadFault("no such method", 501);
    checkTarget(target);
    const isOld = minor === "0";
    return {
      method,
      target,
      isOld,
      hosts: [],
      lengths: [],
      codings: [],
      hasProtocol: false,
      headers: [],
    };
  }
  const [, name, value = ""] = headerLine.exec(line) ?? [];
  if (name === undefined || /[\0\r]/.test(value)) throw new HeadFault("a header line is none");
  const lower = name.toLowerCase();
  switch (lower) {
    case "host":
      head.hosts.push(value);
      break;
    case "content-length":
      head.lengths.push(value);
      break;
    case "transfer-encoding":
      head.codings.push(value);
      break;
    case protocolHeader:
      head.hasProtocol = true;
      break;
    default:
      head.headers.push([lower, value]);
  }
  return head;
}

/** RFC 9112, section 9.3. */
function isLast({ isOld, headers }: Head): boolean {
  const [, value] = headers.find(([name]) => name === "connection") ?? [];
  return isOld ? !/\bkeep-alive\b/i.test(value ?? "") : /\bclose\b/i.test(value ?? "");
}

/** `target` has a character for each byte. */
function checkTarget(target: string): void {
  if (target.length > targetBytesMax) {
    throw new HeadFault(`the target is longer than ${targetBytesMax} bytes`, 414);
  }
  const isText = !nonAscii.test(target) || isUtf8(Buffer.from(target, "latin1"));
  if (!isText) throw new HeadFault("the target is not UTF-8");
  if (unescaped.test(target))
    throw new HeadFault("the target has a character that must be escaped");
}

/** Exactly one valid Host, equal to the host of an absolute target (RFC 9112, section 3.2). */
function checkHost({ target, hosts }: Head): void {
  if (hosts.length > 1) throw new HeadFault("more than one Host");
  const [host] = hosts;
  if (host === undefined) throw new HeadFault("no Host");
  if (hostNameOf(host) === undefined) throw new HeadFault("Host is no host name");
  const [, named] = absoluteTarget.exec(target) ?? [];
  if (named === undefined && !/^(?:\/|\*$)/.test(target)) throw new HeadFault("no such target");
  if (named !== undefined && named.toLowerCase() !== host.toLowerCase()) {
    throw new HeadFault("the target names another host than Host");
  }
}

/**
 * A head with two lengths, or two different ones, could be read as two requests by the next reader.
 */
function bodyLength({ lengths, codings }: Head): number | "chunked" {
  const [length = "0"] = lengths;
  const [coding] = codings;
  if (lengths.length > 1 || !/^\d{1,15}$/.test(length)) {
    throw new HeadFault("Content-Length is no number of bytes");
  }
  if (coding === undefined) return Number(length);
  if (lengths.length > 0) throw new HeadFault("both Content-Length and Transfer-Encoding");
  if (codings.length > 1 || coding.toLowerCase() !== "chunked") {
    throw new HeadFault("no Transfer-Encoding but chunked is understood");
  }
  return "chunked";
}

function full(parts: Buffer[]): Buffer[] {
  return parts.filter(({ length }) => length > 0);
}
