/**
 * One HTTP/2 stream as a request to workerd over HTTP/1.1. Bodies are passed on in both directions at
 * the pace of the slower side. When one side gives up, the other side is ended too. `:authority`
 * becomes Host, which SigV4 signs. Headers of one connection are not forwarded (RFC 9113 section
 * 8.2.2), except TE and Expect: HTTP/2 allows them in a request and some clients sign them.
 * Trailers and informational replies are not forwarded.
 */
import {
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  constants,
} from "node:http2";
import { hostNameOf } from "../worker/http/hosts.ts";
import { protocolHeader } from "../worker/http/url.ts";
import { isOrder, type OrderedPage, pageHead } from "./orderFilter.ts";
import { type Patience, type Stop, watchProgress } from "./patience.ts";
import { plainHeaders } from "./plainReply.ts";
import type { ReplyHead } from "./replyReader.ts";
import type { Exchange, UpstreamConnection } from "./upstreamConnection.ts";
import type { UpstreamPool } from "./upstreamPool.ts";
import { type Upstream, absenceOf, lingerMs } from "./upstream.ts";

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/** Bytes of a reply that may wait here for the client: workerd goes on while two pieces are sent. */
const replyAheadBytes = 512 << 10;

const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

const methodForm = /^[!#$%&'*+.^_`|~\w-]+$/;
const pathForm = /^[\x21-\x7e\x80-\xff]+$/;
const nothing = Buffer.alloc(0);
const lineEnd = Buffer.from("\r\n");
const lastChunk = Buffer.from("0\r\n\r\n");

export interface StreamOptions {
  /** False if the request ends with its headers. */
  hasBody: boolean;
  pool: UpstreamPool;
  upstream: Upstream;
  patience: Patience;
}

/** Answers the stream. What HTTP/1.1 cannot carry is refused. */
export function bridgeStream(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  options: StreamOptions,
): void {
  const fault = headFault(headers);
  if (fault === undefined) new BridgedStream(stream, headers, options).begin();
  else refuse(stream, 400, fault);
}

class BridgedStream implements Exchange {
  readonly method: string;
  readonly #stream: ServerHttp2Stream;
  readonly #options: StreamOptions;
  readonly #isChunked: boolean;
  #head: Buffer;
  #ordered: OrderedPage | undefined;
  #connection: UpstreamConnection | undefined;
  /** Parts of the body that wait for a connection, or for the next part of this turn. */
  #waiting: Buffer[] = [];
  #isEnded = false;
  #isPaused = false;
  #isOver = false;
  #receivedBytes = 0;
  #aheadBytes = 0;
  #turn: NodeJS.Immediate | undefined;
  #stopWatch: Stop | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, options: StreamOptions) {
    this.#stream = stream;
    this.#options = options;
    this.method = headers[":method"] ?? "GET";
    this.#isEnded = !options.hasBody;
    this.#isChunked = options.hasBody && headers["content-length"] === undefined;
    this.#head = printHead(headers, options.hasBody, stream.session?.encrypted === true);
  }

  begin(): void {
    const stream = this.#stream;
    stream.once("close", () => this.#abandon());
    if (!this.#isEnded) {
      stream.on("data", (bytes: Buffer) => this.#takePart(bytes));
      stream.once("end", () => this.#takeEnd());
      // Most bodies are whole at the end of this turn, and are then sent together with the head.
      this.#turn = setImmediate(() => {
        this.#turn = undefined;
        this.#flush();
        if (!this.#isEnded && !this.#isOver) this.#watchBody();
      });
    }
    this.#options.pool.begin(this);
  }

  begun(connection: UpstreamConnection): void {
    this.#connection = connection;
    if (this.#turn === undefined) this.#flush();
  }

  drained(): void {
    if (this.#isOver || !this.#isPaused) return;
    this.#isPaused = false;
    this.#stream.resume();
  }

  head(head: ReplyHead): void {
    if (isOrder(head)) this.#ordered = { head, order: nothing };
    else if (!this.#isClosed()) this.#stream.respond(replyHeaders(head));
  }

  body(bytes: Buffer, giveBack: () => void): void {
    if (this.#isClosed()) {
      giveBack();
      return;
    }
    if (this.#ordered !== undefined) {
      this.#ordered.order = Buffer.concat([this.#ordered.order, bytes]);
      giveBack();
      return;
    }
    this.#aheadBytes += bytes.length;
    if (this.#aheadBytes > replyAheadBytes) this.#connection?.pause();
    this.#stream.write(bytes, () => {
      giveBack();
      const wasAhead = this.#aheadBytes > replyAheadBytes;
      this.#aheadBytes -= bytes.length;
      if (wasAhead && this.#aheadBytes <= replyAheadBytes) this.#connection?.resume();
    });
  }

  end(): void {
    this.#finish();
    if (this.#ordered === undefined) this.#endReply();
    else void this.#sendPage(this.#ordered);
  }

  async #sendPage({ head, order }: OrderedPage): Promise<void> {
    const stream = this.#stream;
    await this.#options.upstream.pages?.send(order, {
      begin: (length, headers) => {
        if (!this.#isClosed()) stream.respond(replyHeaders(pageHead(head, length, headers)));
      },
      write: (bytes, left) => {
        if (this.#isClosed()) left();
        else stream.write(bytes, () => left());
      },
      end: () => this.#endReply(),
      breakOff: () => stream.close(NGHTTP2_INTERNAL_ERROR),
    });
  }

  #endReply(): void {
    const stream = this.#stream;
    if (this.#isClosed()) return;
    stream.end();
    // The reply may be sent before the request has ended. The rest of the request is then read and
    // dropped: some clients lose a reply that is followed by a reset (curl 7.88), which RFC 9113
    // would allow.
    if (this.#isEnded) return;
    stream.resume();
    stream.setTimeout(lingerMs, () => stream.close(NGHTTP2_NO_ERROR));
  }

  lost(): void {
    this.#finish();
    if (this.#stream.headersSent) this.#stream.close(NGHTTP2_INTERNAL_ERROR);
    else {
      const { status, body } = absenceOf(this.#options.upstream);
      refuse(this.#stream, status, body);
    }
  }

  #isClosed(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  #takePart(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#receivedBytes += bytes.length;
    this.#waiting.push(...(this.#isChunked ? asChunk(bytes) : [bytes]));
    if (this.#turn === undefined) this.#flush();
    if (this.#connection === undefined) this.#pause();
  }

  #takeEnd(): void {
    this.#isEnded = true;
    this.#stopWatch?.();
    if (this.#isOver) return;
    if (this.#isChunked) this.#waiting.push(lastChunk);
    clearImmediate(this.#turn);
    this.#turn = undefined;
    this.#flush();
  }

  #flush(): void {
    const connection = this.#connection;
    if (connection === undefined || this.#isOver) return;
    const parts = this.#head.length > 0 ? [this.#head, ...this.#waiting] : this.#waiting;
    this.#head = nothing;
    this.#waiting = [];
    if (this.#isEnded) connection.finishRequest();
    if (parts.length > 0 && !connection.write(parts)) this.#pause();
    else this.drained();
  }

  #pause(): void {
    if (this.#isEnded) return;
    this.#isPaused = true;
    this.#stream.pause();
  }

  /** Gives up a body that does not end. workerd gets the end too, so that the Worker answers. */
  #watchBody(): void {
    const { bodySilenceMs: silenceMs, bodyMs: totalMs } = this.#options.patience;
    const stream = this.#stream;
    // A slow Worker also stops the progress of its client. That is not the client's fault.
    const progress = () => this.#receivedBytes + (this.#isPaused ? performance.now() : 0);
    this.#stopWatch = watchProgress({ silenceMs, totalMs }, progress, () => {
      this.#connection?.endRequest();
      stream.removeAllListeners("data");
      stream.resume();
      setTimeout(() => stream.close(NGHTTP2_NO_ERROR), lingerMs).unref();
    });
  }

  /** The client has closed the stream, or the reply is on its way. */
  #abandon(): void {
    const connection = this.#connection;
    if (connection === undefined) this.#options.pool.forget(this);
    this.#finish();
    connection?.destroy();
  }

  #finish(): void {
    this.#isOver = true;
    this.#connection = undefined;
    this.#waiting = [];
    clearImmediate(this.#turn);
    this.#stopWatch?.();
  }
}

/** The bridge's own reply, for when workerd gives none. */
function refuse(stream: ServerHttp2Stream, status: 400 | 502 | 503, reason: string): void {
  if (stream.destroyed || stream.closed) return;
  const later = status === 503 ? { "retry-after": "1" } : {};
  stream.respond({ ":status": status, ...plainHeaders(), ...later });
  stream.end(`${reason}\n`);
  stream.resume();
}

/** What keeps the request from being one of HTTP/1.1 (RFC 9113, section 8.3.1, for the host). */
function headFault(headers: IncomingHttpHeaders): string | undefined {
  const { ":method": method = "GET", ":path": path, ":authority": authority, host } = headers;
  if (path === undefined) return "no tunnels here";
  if (!methodForm.test(method) || !pathForm.test(path)) {
    return "not a request that HTTP/1.1 can carry";
  }
  if (authority !== undefined && host !== undefined && authority !== host) {
    return ":authority and Host are not the same";
  }
  return hostNameOf(authority ?? host ?? "") === undefined ? "no valid :authority" : undefined;
}

function printHead(headers: IncomingHttpHeaders, hasBody: boolean, isSecure: boolean): Buffer {
  const { ":method": method = "GET", ":path": path = "/", ":authority": authority } = headers;
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${authority ?? headers.host ?? ""}\r\n`;
  for (const name in headers) {
    if (name.startsWith(":") || name === "host" || hopByHop.has(name)) continue;
    const value = headers[name];
    if (typeof value === "string") text += `${name}: ${value}\r\n`;
    else for (const item of value ?? []) text += `${name}: ${item}\r\n`;
  }
  if (isSecure && headers[protocolHeader] === undefined) text += `${protocolHeader}: https\r\n`;
  if (headers["content-length"] === undefined) {
    if (hasBody) text += "transfer-encoding: chunked\r\n";
    else if (method === "POST" || method === "PUT") text += "content-length: 0\r\n";
  }
  return Buffer.from(`${text}\r\n`, "latin1");
}

function asChunk(bytes: Buffer): Buffer[] {
  return [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, lineEnd];
}

function replyHeaders({ status, headers: list }: ReplyHead): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = {};
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] ?? "";
    const value = list[i + 1] ?? "";
    if (hopByHop.has(name)) continue;
    const before = headers[name];
    if (name === "set-cookie")
      headers[name] = before === undefined ? [value] : [before, value].flat();
    else headers[name] = before === undefined ? value : `${String(before)}, ${value}`;
  }
  return { ...headers, ":status": status };
}
