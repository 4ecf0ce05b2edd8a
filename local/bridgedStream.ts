/**
 * One HTTP/2 stream as a request to workerd over HTTP/1.1. Bodies are passed on in both directions at
 * the pace of the slower side. When one side gives up, the other side is ended too. `:authority`
 * becomes Host, which SigV4 signs. TE and Expect are forwarded: HTTP/2 allows them in a request and
 * some clients sign them. Trailers and informational replies are not.
 */
import { hostNameOf } from "../worker/http/hosts.ts";
import { code } from "./http2/frames.ts";
import type { RequestHead } from "./http2/requestHead.ts";
import type { Stream, StreamTaker } from "./http2/stream.ts";
import { type Patience, type Stop, watchProgress } from "./patience.ts";
import { plainHeaders } from "./plainReply.ts";
import type { ReplyHead } from "./replyReader.ts";
import type { Exchange, UpstreamConnection } from "./upstreamConnection.ts";
import type { UpstreamPool } from "./upstreamPool.ts";
import { lingerMs, lingerMsMax } from "./upstream.ts";

/** Bytes of a reply that may wait here for the client: workerd goes on while two pieces are sent. */
const replyAheadBytes = 512 << 10;

/** Headers of one connection are not forwarded (RFC 9113, section 8.2.2). */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

const pathForm = /^[\x21-\x7e\x80-\xff]+$/;

const nothing = Buffer.alloc(0);
const lineEnd = Buffer.from("\r\n");
const lastChunk = Buffer.from("0\r\n\r\n");

export interface BridgeTarget {
  pool: UpstreamPool;
  patience: Patience;
}

/** Answers the stream. What HTTP/1.1 cannot carry is refused. */
export function bridgeStream(stream: Stream, target: BridgeTarget): StreamTaker {
  const fault = headFault(stream.head);
  if (fault === undefined) return new BridgedStream(stream, target);
  return refuseStream(stream, 400, fault);
}

/** The bridge's own reply, for when workerd gives none. */
export function refuseStream(stream: Stream, status: 400 | 431 | 502, reason: string): StreamTaker {
  const stop = reply(stream, status, reason);
  return {
    data: (bytes) => stream.consume(bytes.length),
    received: stop,
    flush() {},
    closed: stop,
  };
}

class BridgedStream implements Exchange, StreamTaker {
  readonly method: string;
  readonly #stream: Stream;
  readonly #target: BridgeTarget;
  readonly #isChunked: boolean;
  #head: Buffer;
  #connection: UpstreamConnection | undefined;
  /** Parts of the request that wait for a connection, or for what comes with them. */
  #waiting: Buffer[] = [];
  /** Bytes of the body that workerd has not taken. */
  #heldBytes = 0;
  #receivedBytes = 0;
  /** Bytes of the reply that the client has not taken. */
  #aheadBytes = 0;
  #isReceived: boolean;
  /** The rest of the request is read and dropped. */
  #isOver = false;
  #stopWatch: Stop | undefined;

  constructor(stream: Stream, target: BridgeTarget) {
    const { head } = stream;
    this.#stream = stream;
    this.#target = target;
    this.method = head.method;
    this.#isReceived = !head.hasBody;
    this.#isChunked = head.hasBody && head.contentLength === undefined;
    this.#head = printHead(head);
    if (head.fields.some(({ name, value }) => name === "expect" && value === "100-continue")) {
      stream.respond(100, []);
    }
  }

  data(bytes: Buffer): void {
    this.#receivedBytes += bytes.length;
    if (this.#isOver) {
      this.#stream.consume(bytes.length);
      return;
    }
    this.#heldBytes += bytes.length;
    this.#waiting.push(...(this.#isChunked ? asChunk(bytes) : [bytes]));
  }

  received(): void {
    this.#isReceived = true;
    this.#stopWatch?.();
    if (this.#isChunked) this.#waiting.push(lastChunk);
  }

  flush(): void {
    if (this.#isOver) return;
    if (!this.#isReceived && this.#stopWatch === undefined) this.#watchBody();
    if (this.#connection !== undefined) this.#send(this.#connection);
    else if (this.#head.length > 0) this.#target.pool.begin(this);
  }

  closed(): void {
    const connection = this.#connection;
    if (connection === undefined) this.#target.pool.forget(this);
    this.#finish();
    connection?.destroy();
  }

  begun(connection: UpstreamConnection): void {
    this.#connection = connection;
    this.#send(connection);
  }

  drained(): void {
    const byteCount = this.#heldBytes;
    this.#heldBytes = 0;
    this.#stream.consume(byteCount);
  }

  head({ status, headers }: ReplyHead): void {
    this.#stream.respond(status, withoutHopByHop(headers), this.#hasNoBody(status));
  }

  body(bytes: Buffer, giveBack: () => void): void {
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
    this.#stream.end();
    if (!this.#isReceived) this.#stopWatch = watchRest(this.#stream, () => this.#receivedBytes);
  }

  lost(): void {
    this.#finish();
    if (this.#stream.hasReplied) this.#stream.reset(code.internal);
    else this.#stopWatch = reply(this.#stream, 502, "workerd does not answer");
  }

  #hasNoBody(status: number): boolean {
    return this.method === "HEAD" || status === 204 || status === 304;
  }

  #send(connection: UpstreamConnection): void {
    const parts = this.#head.length > 0 ? [this.#head, ...this.#waiting] : this.#waiting;
    if (parts.length === 0) return;
    this.#head = nothing;
    this.#waiting = [];
    if (this.#isReceived) connection.finishRequest();
    if (connection.write(parts)) this.drained();
  }

  /** Gives up a body that does not end. workerd gets the end too, so that the Worker answers. */
  #watchBody(): void {
    const { bodySilenceMs: silenceMs, bodyMs: totalMs } = this.#target.patience;
    // A slow Worker also stops the progress of its client. That is not the client's fault.
    const progress = () => this.#receivedBytes + (this.#heldBytes > 0 ? performance.now() : 0);
    this.#stopWatch = watchProgress({ silenceMs, totalMs }, progress, () => {
      this.#connection?.endRequest();
      setTimeout(() => this.#stream.reset(code.none), lingerMs).unref();
    });
  }

  #finish(): void {
    this.#isOver = true;
    this.#connection = undefined;
    this.#waiting = [];
    this.#stopWatch?.();
    this.drained();
  }
}

/**
 * The reply is sent before the request has ended. The rest of the request is then read and dropped: some
 * clients lose a reply that is followed by a reset (curl 7.88), which RFC 9113 would allow.
 */
function watchRest(stream: Stream, received: () => number): Stop {
  const bounds = { silenceMs: lingerMs, totalMs: lingerMsMax };
  return watchProgress(bounds, received, () => stream.reset(code.none));
}

/** Returns what ends the wait for the rest of the request. */
function reply(stream: Stream, status: 400 | 431 | 502, reason: string): Stop {
  stream.respond(status, Object.entries(plainHeaders()).flat());
  stream.write(Buffer.from(`${reason}\n`), () => {});
  stream.end();
  return stream.isReceived ? () => {} : watchRest(stream, () => 0);
}

/** What keeps the request from being one of HTTP/1.1 (RFC 9113, section 8.3.1, for the host). */
function headFault({ path, authority, fields }: RequestHead): string | undefined {
  if (path === undefined) return "no tunnels here";
  if (!pathForm.test(path)) return "not a request that HTTP/1.1 can carry";
  const hosts = fields.filter(({ name }) => name === "host");
  const host = authority ?? hosts[0]?.value ?? "";
  if (hosts.some(({ value }) => value !== host)) return ":authority and Host are not the same";
  return hostNameOf(host) === undefined ? "no valid :authority" : undefined;
}

function printHead({
  method,
  path,
  authority,
  fields,
  hasBody,
  contentLength,
}: RequestHead): Buffer {
  const host = authority ?? fields.find(({ name }) => name === "host")?.value ?? "";
  let text = `${method} ${path ?? "/"} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (const { name, value } of fields) {
    if (name !== "host") text += `${name}: ${value}\r\n`;
  }
  if (contentLength === undefined) {
    if (hasBody) text += "transfer-encoding: chunked\r\n";
    else if (method === "POST" || method === "PUT") text += "content-length: 0\r\n";
  }
  return Buffer.from(`${text}\r\n`, "latin1");
}

function asChunk(bytes: Buffer): Buffer[] {
  return [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, lineEnd];
}

function withoutHopByHop(headers: readonly string[]): string[] {
  return headers.filter((_, i) => !hopByHop.has(headers[i - (i % 2)] ?? ""));
}
