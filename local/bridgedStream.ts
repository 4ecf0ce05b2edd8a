/**
 * One HTTP/2 stream as a request to workerd over HTTP/1.1. Bodies are passed on in both directions at
 * the pace of the slower side. When one side gives up, the other side is ended too. Trailers and
 * informational replies are not forwarded. A large put may be kept back until it is whole; its
 * manifest is passed on instead of it. Small calls and manifests go by a WebSocket (gatherer.ts).
 */
import { type IncomingHttpHeaders, type ServerHttp2Stream, constants } from "node:http2";
import { headFault, printHead, replyHeaders } from "./bridgedHeads.ts";
import { CallCollection, type CallOwner } from "./callCollection.ts";
import { Collected, type Collection, type Counted, type RequestHead } from "./collection.ts";
import type { KeptConnection, KeptRequest } from "./keptConnection.ts";
import { isOrder, type OrderedPage, pageHead } from "./orderFilter.ts";
import { type Patience, type Stop, watchProgress } from "./patience.ts";
import { plainHeaders } from "./plainReply.ts";
import { type ReplyHead, ReplyReader } from "./replyReader.ts";
import { isUsual, type SmallCalls } from "./smallCalls.ts";
import type { Exchange, UpstreamConnection } from "./upstreamConnection.ts";
import type { UpstreamPool } from "./upstreamPool.ts";
import { type Upstream, absenceOf, headBytesMax, lingerMs } from "./upstream.ts";

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/** Bytes of a reply that may wait here for the client: workerd goes on while two pieces are sent. */
const replyAheadBytes = 512 << 10;

const nothing = Buffer.alloc(0);
const lineEnd = Buffer.from("\r\n");
const nothingToDo = () => {};
const lastChunk = Buffer.from("0\r\n\r\n");

export interface StreamOptions {
  /** False if the request ends with its headers. */
  hasBody: boolean;
  pool: UpstreamPool;
  upstream: Upstream;
  patience: Patience;
  /** Of the session; without them all requests pass as they come. */
  puts: KeptConnection | undefined;
  calls: SmallCalls | undefined;
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
  readonly #bodyBytes: number | undefined;
  #ordered: OrderedPage | undefined;
  #connection: UpstreamConnection | undefined;
  /** Parts of the body that wait for a connection, or for the next part of this turn. */
  #waiting: Buffer[] = [];
  #isEnded = false;
  #isPaused = false;
  #isOver = false;
  #receivedBytes = 0;
  #replyBytes = 0;
  #aheadBytes = 0;
  #turn: NodeJS.Immediate | undefined;
  #stopWatch: Stop | undefined;
  /** A put that is kept back, or was. */
  readonly #kept: KeptRequest | undefined;
  /** What counts of a request that was kept back, until it is written. */
  #counted: Counted | undefined;
  /** What has come of a request while it is kept back. */
  #collected: Collected | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, options: StreamOptions) {
    this.#stream = stream;
    this.#options = options;
    this.method = headers[":method"] ?? "GET";
    this.#isEnded = !options.hasBody;
    this.#isChunked = options.hasBody && headers["content-length"] === undefined;
    this.#head = printHead(headers, options.hasBody, stream.session?.encrypted === true);
    const head = headOf(headers, options);
    this.#kept = head && options.puts?.collect(head, () => this.#release());
    const kept = this.#kept;
    this.#counted = kept;
    const collection = head && (kept ? this.#sendKept(head, kept) : this.#gather(head));
    if (collection !== undefined) this.#collected = new Collected(collection, this.#head);
    this.#bodyBytes = head?.bodyBytes;
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
    if (this.#collected === undefined) this.#options.pool.begin(this);
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
    this.#replyBytes += bytes.length;
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
    this.#kept?.settle();
    this.#options.calls?.note(this.#replyBytes);
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
    if (this.#collected !== undefined) {
      const parts = this.#collected.add(bytes);
      if (parts !== undefined) this.#pass(parts);
      return;
    }
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
    if (this.#collected === undefined) this.#flush();
    else if (this.#receivedBytes !== this.#bodyBytes) this.#release();
    else this.#passInstead(this.#collected);
  }

  /** Keeps nothing back any more. */
  #release(): void {
    if (this.#collected !== undefined) this.#pass(this.#collected.release());
  }

  /** A call that goes with others leaves nothing to pass on. */
  #passInstead(collected: Collected): void {
    this.#collected = undefined;
    const parts = collected.finish();
    if (parts.length > 0) this.#pass(parts);
  }

  /** Undefined if the request does not go with others. */
  #gather(head: RequestHead): Collection | undefined {
    const { calls, upstream } = this.#options;
    const { gatherer } = upstream;
    const kind = gatherer && calls?.kindOf(head);
    return kind && new CallCollection(gatherer, kind, head.bodyBytes, this.#callOwner());
  }

  /** The manifest of a put goes with others too. */
  #sendKept(head: RequestHead, kept: KeptRequest): Collection {
    const { gatherer } = this.#options.upstream;
    return {
      grow: (bytes) => kept.grow(bytes),
      finish: (sent, body) => {
        const [its = sent, ...parts] = kept.finish(sent, body);
        // A body is too large for the WebSocket.
        const isCall = kept.isManifest && isUsual(head);
        if (gatherer === undefined || !isCall) return [its, ...parts];
        return new CallCollection(gatherer, "write", 0, this.#callOwner()).finish(its, parts);
      },
      abandon: () => kept.abandon(),
    };
  }

  #callOwner(): CallOwner {
    return {
      begin() {},
      passes: (call) => {
        if (this.#isOver) call.free();
        else this.#counted = call;
      },
      pass: (parts) => {
        if (this.#isOver) this.#kept?.settle();
        else this.#pass(parts);
      },
      take: (reply) => {
        const reader = new ReplyReader(headBytesMax);
        reader.expect(this.method);
        reader.take(reply, {
          head: (head) => this.head(head),
          body: (bytes) => this.body(bytes, nothingToDo),
          end: () => this.end(),
        });
      },
      lose: () => {
        this.#kept?.settle();
        this.lost();
      },
      late: () => this.#release(),
    };
  }

  /** Passes on a request that was kept back, or another one instead of it. */
  #pass(parts: Buffer[]): void {
    this.#collected = undefined;
    this.#head = nothing;
    this.#waiting = parts;
    this.#options.pool.begin(this);
    if (this.#connection === undefined) this.#pause();
  }

  #flush(): void {
    const connection = this.#connection;
    if (connection === undefined || this.#isOver) return;
    const parts = this.#head.length > 0 ? [this.#head, ...this.#waiting] : this.#waiting;
    this.#head = nothing;
    this.#waiting = [];
    if (this.#isEnded) connection.finishRequest();
    const counted = this.#counted;
    const written = counted && (() => counted.free());
    if (parts.length > 0 && !connection.write(parts, written)) this.#pause();
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
      this.#release();
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
    this.#collected?.release();
    this.#collected = undefined;
    this.#counted?.free();
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

/** Of a request with a body of known length. */
function headOf(
  headers: IncomingHttpHeaders,
  { hasBody }: StreamOptions,
): (RequestHead & { bodyBytes: number }) | undefined {
  const bodyBytes = Number(headers["content-length"]);
  if (!hasBody || !Number.isSafeInteger(bodyBytes)) return undefined;
  const { ":method": method = "GET", ":path": target = "/" } = headers;
  const list: [string, string][] = [];
  for (const name in headers) {
    for (const value of [headers[name] ?? []].flat()) list.push([name, value]);
  }
  return { method, target, headers: list, bodyBytes, isLast: false };
}

function asChunk(bytes: Buffer): Buffer[] {
  return [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, lineEnd];
}
