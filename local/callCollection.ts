/**
 * A small call while its body comes, and then on its way to workerd and back (gatherer.ts), for a connection of HTTP/1.1
 * or a stream of HTTP/2. Most bodies are of a few kilobytes. Larger ones share a bound, and do not hold it for long: what
 * is slow, or finds no room, passes as it comes.
 */
import { type Collection, type Counted, type RequestHead, withLine } from "./collection.ts";
import type { Gatherer } from "./gatherer.ts";
import { type CallKind, isPlainHead } from "./smallCalls.ts";

/** Bodies up to here take no room from others: a connection needs more for itself. */
const freeBytes = 32 << 10;

/** How long the body of another one may be on its way. */
const collectMsMax = 2000;

/** Whose call it is. */
export interface CallOwner {
  /** The call goes to the gatherer now. */
  begin(): void;
  /** What comes next of the request passes by itself. It counts until it was written or given up. */
  passes(call: Counted): void;
  /** The request is to pass by itself, with these parts. */
  pass(parts: Buffer[]): void;
  /** The reply, as HTTP/1.1. The bytes are not used again by others. */
  take(reply: Buffer): void;
  /** workerd gives no answer. */
  lose(): void;
  /** The body takes too long: nothing is to be kept back any more. */
  late(): void;
}

export class CallCollection implements Collection, Counted {
  readonly #gatherer: Gatherer;
  readonly #kind: CallKind;
  readonly #owner: CallOwner;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #isSmall: boolean;
  #reservedBytes = 0;

  constructor(
    gatherer: Gatherer,
    kind: CallKind,
    bodyBytes: RequestHead["bodyBytes"],
    owner: CallOwner,
  ) {
    this.#gatherer = gatherer;
    this.#kind = kind;
    this.#owner = owner;
    this.#isSmall = bodyBytes !== "chunked" && bodyBytes <= freeBytes;
    if (!this.#isSmall) this.#timer = setTimeout(() => owner.late(), collectMsMax).unref();
  }

  /** What has not come takes no room. */
  grow(bytes: number): boolean {
    if (this.#isSmall) return true;
    // There is a copy in the message.
    if (!this.#gatherer.room.reserve(2 * bytes)) return false;
    this.#reservedBytes += 2 * bytes;
    return true;
  }

  finish(head: Buffer, body: Buffer[]): Buffer[] {
    clearTimeout(this.#timer);
    if (!isPlainHead(head)) {
      this.#passAlone();
      return [head, ...body];
    }
    this.#send(head, body);
    return [];
  }

  abandon(): void {
    clearTimeout(this.#timer);
    this.#passAlone();
  }

  free(): void {
    this.#gatherer.room.free(this.#reservedBytes);
    this.#reservedBytes = 0;
  }

  #send(head: Buffer, body: Buffer[]): void {
    const owner = this.#owner;
    owner.begin();
    this.#gatherer.add({
      kind: this.#kind,
      head,
      body,
      sendAlone: (line) => {
        this.#passAlone();
        const parts = line === undefined ? [head] : withLine(head, Buffer.from(line));
        owner.pass([...parts, ...body]);
      },
      take: (reply) => {
        this.free();
        owner.take(reply);
      },
      lose: () => {
        this.free();
        owner.lose();
      },
    });
  }

  #passAlone(): void {
    if (this.#reservedBytes > 0) this.#owner.passes(this);
  }
}
