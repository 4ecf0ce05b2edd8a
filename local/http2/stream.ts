/**
 * One stream of an HTTP/2 session: a request, and the reply to it. It keeps what is to be sent until the
 * windows of the client and its socket have room, and counts what has been received and not yet been
 * taken.
 */
import { code } from "./frames.ts";
import type { RequestHead } from "./requestHead.ts";

/** Takes what the client sends on a stream. */
export interface StreamTaker {
  /** Bytes of the body. They stay as they are; `consume` makes room for more. */
  data(bytes: Buffer): void;
  /** The request is complete. */
  received(): void;
  /** What came together has been given. */
  flush(): void;
  /** The stream is over: complete, or given up by one side. */
  closed(): void;
}

/** What a stream asks of its session. */
export interface StreamOutlet {
  sendHeaders(stream: Stream, status: number, headers: readonly string[], isLast: boolean): void;
  /** The stream has something to send. */
  wantToSend(stream: Stream): void;
  consumed(stream: Stream, byteCount: number): void;
  reset(stream: Stream, errorCode: number): void;
}

const nothing = Buffer.alloc(0);

interface Piece {
  bytes: Buffer;
  giveBack: () => void;
}

export class Stream {
  readonly id: number;
  readonly head: RequestHead;
  taker: StreamTaker | undefined;
  /** Bytes that the client takes. */
  sendWindow: number;
  /** Bytes that the client may send. */
  receiveWindow: number;
  /** Received, and not consumed. */
  unconsumedBytes = 0;
  /** Consumed, and not told to the client. */
  untoldBytes = 0;
  /** Of the body, as its length says. */
  missingBytes: number | undefined;
  /** The client has sent everything. */
  isReceived: boolean;
  /** Everything has been sent to the client. */
  isSent = false;
  isClosed = false;
  hasReplied = false;
  readonly #outlet: StreamOutlet;
  readonly #queue: Piece[] = [];
  /** Where the first piece goes on. */
  #at = 0;
  #isEnding = false;

  constructor(
    id: number,
    head: RequestHead,
    windows: { send: number; receive: number },
    outlet: StreamOutlet,
  ) {
    this.id = id;
    this.head = head;
    this.sendWindow = windows.send;
    this.receiveWindow = windows.receive;
    this.missingBytes = head.contentLength;
    this.isReceived = !head.hasBody;
    this.#outlet = outlet;
  }

  /** The head of the reply; with `isLast` it is the whole. */
  respond(status: number, headers: readonly string[], isLast = false): void {
    if (this.isClosed || this.hasReplied) return;
    this.hasReplied = status >= 200;
    this.#outlet.sendHeaders(this, status, headers, isLast);
  }

  /** `giveBack` is called when the bytes have been copied, or are not needed any more. */
  write(bytes: Buffer, giveBack: () => void): void {
    if (this.isClosed || this.isSent) {
      giveBack();
      return;
    }
    this.#queue.push({ bytes, giveBack });
    this.#outlet.wantToSend(this);
  }

  /** The reply is complete. */
  end(): void {
    if (this.isClosed || this.isSent || this.#isEnding) return;
    this.#isEnding = true;
    this.#outlet.wantToSend(this);
  }

  /** Makes room for as many bytes of the body. */
  consume(byteCount: number): void {
    if (!this.isClosed) this.#outlet.consumed(this, byteCount);
  }

  /** Ends the stream, whatever is left of it. */
  reset(errorCode: number = code.internal): void {
    if (!this.isClosed) this.#outlet.reset(this, errorCode);
  }

  /** Whether it could send now, but for the session's window. */
  get isReady(): boolean {
    if (this.isClosed) return false;
    return this.#queue.length > 0 ? this.sendWindow > 0 : this.#isEnding && !this.isSent;
  }

  /** Nothing is left but to say so. */
  get isFinished(): boolean {
    return this.#queue.length === 0 && this.#isEnding;
  }

  /**
   * The next bytes to send, at most as many; `take` gets them with whether they are the last. Returns
   * their number.
   */
  sendNext(
    byteCountMax: number,
    take: (bytes: Buffer, from: number, to: number, isLast: boolean) => void,
  ): number {
    const piece = this.#queue[0];
    if (piece === undefined) {
      take(nothing, 0, 0, true);
      return 0;
    }
    const from = this.#at;
    const to = Math.min(piece.bytes.length, from + byteCountMax, from + this.sendWindow);
    const isWhole = to === piece.bytes.length;
    take(piece.bytes, from, to, isWhole && this.#isEnding && this.#queue.length === 1);
    this.#at = isWhole ? 0 : to;
    this.sendWindow -= to - from;
    if (isWhole) this.#queue.shift()?.giveBack();
    return to - from;
  }

  /** Only the session calls this. */
  close(): void {
    this.isClosed = true;
    for (const { giveBack } of this.#queue.splice(0)) giveBack();
    this.taker?.closed();
  }
}
