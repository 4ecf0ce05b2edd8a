/**
 * One kept-alive connection to workerd: takes a request as bytes, and gives the parts of its reply as
 * they come. Large bodies are read into buffers that are lent to their taker and used again, because
 * pages are large and new memory for each read costs more than moving the bytes.
 */
import type { Socket } from "node:net";
import { type ReplyHead, ReplyReader } from "./replyReader.ts";
import { type Upstream, connectUpstream, headBytesMax, writeParts } from "./upstream.ts";

/** A request and the taker of its reply. */
export interface Exchange {
  method: string;
  /** The connection is this exchange's from now on. */
  begun(connection: UpstreamConnection): void;
  /** What was written is on its way; more may be written. */
  drained(): void;
  head(head: ReplyHead): void;
  /** The bytes stay as they are until `giveBack` is called. */
  body(bytes: Buffer, giveBack: () => void): void;
  /** The reply is complete, and the connection no longer this exchange's. */
  end(): void;
  /** The connection has ended before that. */
  lost(): void;
}

export interface ConnectionEvents {
  /** It may take another request. */
  released(): void;
  /** It takes no request any more, from this moment on. */
  closed(): void;
}

/** For replies that are no pages, each connection has its own. */
const smallBufferBytes = 16 << 10;

/** workerd sends a page in pieces of this (worker/http/reply.ts). */
const largeBufferBytes = 256 << 10;

const idleBuffersMax = 16;

/** Those that nobody has borrowed. */
const idleBuffers: Buffer[] = [];

const nothingToDo = () => {};

export class UpstreamConnection {
  /** When it was released, on the monotonic clock. */
  idleSinceMs = 0;
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #reader = new ReplyReader(headBytesMax);
  readonly #smallBuffer = Buffer.allocUnsafeSlow(smallBufferBytes);
  #buffer = this.#smallBuffer;
  #isLent = false;
  #exchange: Exchange | undefined;
  #isRequestSent = false;
  #isClosed = false;

  constructor(upstream: Upstream, events: ConnectionEvents) {
    this.#events = events;
    const onread = {
      buffer: () => this.#nextBuffer(),
      callback: (byteCount: number, buffer: Uint8Array) => {
        this.#take(Buffer.from(buffer.buffer, buffer.byteOffset, byteCount));
        return true;
      },
    };
    this.#socket = connectUpstream(upstream, { onread }).unref();
    this.#socket.on("drain", () => this.#exchange?.drained());
    for (const end of ["end", "error", "close"]) this.#socket.on(end, () => this.destroy());
  }

  begin(exchange: Exchange): void {
    this.#exchange = exchange;
    this.#isRequestSent = false;
    this.#reader.expect(exchange.method);
    exchange.begun(this);
  }

  /**
   * As one write. Returns false if bytes wait here; `drained` tells when they do no longer. `written` is called when
   * they do not wait any more, or are lost.
   */
  write(parts: readonly Buffer[], written?: () => void): boolean {
    return writeParts(this.#socket, parts, written);
  }

  /** The request has been written whole. */
  finishRequest(): void {
    this.#isRequestSent = true;
  }

  /** Tells workerd that the rest of the request does not come. */
  endRequest(): void {
    this.#socket.end();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** The socket tells its end later, when a request might have begun on it. */
  destroy(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    this.#events.closed();
    this.#lose();
  }

  #take(bytes: Buffer): void {
    try {
      this.#reader.take(bytes, {
        head: (head) => this.#exchange?.head(head),
        body: (piece) => this.#pass(piece),
        end: (isReusable) => this.#end(isReusable),
      });
    } catch {
      // workerd replies to a connection that has asked for nothing before it closes it.
      this.destroy();
    }
  }

  #pass(piece: Buffer): void {
    const buffer = this.#buffer;
    if (buffer === this.#smallBuffer || this.#isLent) {
      this.#exchange?.body(Buffer.from(piece), nothingToDo);
      return;
    }
    this.#isLent = true;
    this.#exchange?.body(piece, () => {
      if (idleBuffers.length < idleBuffersMax) idleBuffers.push(buffer);
    });
  }

  #end(isReusable: boolean): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (!isReusable || !this.#isRequestSent) this.destroy();
    exchange?.end();
    if (this.#isClosed) return;
    this.#socket.resume();
    this.idleSinceMs = performance.now();
    this.#events.released();
  }

  #lose(): void {
    this.#reader.close({ head() {}, body() {}, end: () => this.#end(false) });
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.lost();
  }

  /** Large buffers are for the rest of a large body. */
  #nextBuffer(): Buffer {
    const wantsLarge = this.#reader.leftBytes > smallBufferBytes;
    if (!this.#isLent && wantsLarge === (this.#buffer !== this.#smallBuffer)) return this.#buffer;
    if (!this.#isLent && !wantsLarge) idleBuffers.push(this.#buffer);
    this.#isLent = false;
    this.#buffer = wantsLarge
      ? (idleBuffers.pop() ?? Buffer.allocUnsafeSlow(largeBufferBytes))
      : this.#smallBuffer;
    return this.#buffer;
  }
}
