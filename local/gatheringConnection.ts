/**
 * Small calls of an HTTP/1.1 connection, which go to workerd by the WebSocket of all connections (gatherer.ts).
 * Replies have the order of their requests: what comes after such a call waits here until that has its reply.
 */
import { CallCollection, type CallOwner } from "./callCollection.ts";
import type { Collection, Counted, RequestHead } from "./collection.ts";
import type { Gatherer } from "./gatherer.ts";
import { isUsual, SmallCalls } from "./smallCalls.ts";

const nothingToDo = () => {};

/** The connection. */
export interface CallOutlet {
  /** A request has been sent: its reply follows those of the requests before it. */
  expect(method: string): void;
  /** What is passed on next counts until it was written. */
  passes(call: Counted): void;
  /** Passes on to workerd what a client has sent. */
  pass(parts: Buffer[]): void;
  /** Bytes of replies. The outlet calls `goOn` when they need nothing more from here. */
  take(reply: Buffer): void;
  /** No reply comes to what was sent. */
  lose(): void;
  /** Nothing is to be kept back any more of the request that comes. */
  release(): void;
}

export class GatheringConnection {
  readonly #gatherer: Gatherer;
  readonly #outlet: CallOutlet;
  /** True while a call waits for its reply. */
  #isWaiting = false;
  /** What has come after it. */
  #later: Buffer[] = [];
  readonly #known = new SmallCalls();
  #replyBytes = 0;
  #isClosed = false;

  constructor(gatherer: Gatherer, outlet: CallOutlet) {
    this.#gatherer = gatherer;
    this.#outlet = outlet;
  }

  /** True while a call waits for its reply. Then the connection to workerd has nothing to do. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Undefined if the request passes as it comes. To be asked only while no reply is awaited. */
  collect(head: RequestHead): Collection | undefined {
    const kind = this.#known.kindOf(head);
    if (kind === undefined) return undefined;
    const { method, bodyBytes } = head;
    const call = new CallCollection(this.#gatherer, kind, bodyBytes, this.#owner());
    return {
      grow: (bytes) => call.grow(bytes),
      finish: (head, body) => {
        this.#outlet.expect(method);
        return call.finish(head, body);
      },
      abandon: () => {
        this.#outlet.expect(method);
        call.abandon();
      },
    };
  }

  /**
   * As `finish` of what `collect` returns, for the manifest of a put (keptPuts.ts): it passes if that is unusual. `gone` is
   * called if the client has gone before the call is over.
   */
  send(request: RequestHead, head: Buffer, body: Buffer[], gone: () => void): Buffer[] {
    if (!isUsual(request)) return [head, ...body];
    return new CallCollection(this.#gatherer, "write", 0, this.#owner(gone)).finish(head, body);
  }

  /** Keeps the parts back if they come after a call that waits; returns false if there is none. */
  hold(parts: readonly Buffer[]): boolean {
    if (!this.#isWaiting) return false;
    this.#later.push(...parts);
    return true;
  }

  /** The reply to the call has been given to the client. */
  goOn(): void {
    this.#passOn([]);
  }

  /** Bytes of replies have come by the connection to workerd; `isIdle` if no reply is awaited any more. */
  note(bytes: number, isIdle: boolean): void {
    this.#replyBytes += bytes;
    if (!isIdle) return;
    this.#known.note(this.#replyBytes);
    this.#replyBytes = 0;
  }

  close(): void {
    this.#isClosed = true;
    this.#later = [];
  }

  #owner(gone = nothingToDo): CallOwner {
    return {
      begin: () => (this.#isWaiting = true),
      passes: (call) => {
        if (this.#isClosed) call.free();
        else this.#outlet.passes(call);
      },
      pass: (parts) => {
        this.#passOn(parts);
        if (this.#isClosed) gone();
      },
      take: (reply) => {
        if (this.#isClosed) gone();
        else this.#outlet.take(reply);
      },
      lose: () => {
        this.#isWaiting = false;
        if (this.#isClosed) gone();
        else this.#outlet.lose();
      },
      late: () => this.#outlet.release(),
    };
  }

  #passOn(parts: Buffer[]): void {
    this.#isWaiting = false;
    if (this.#isClosed) return;
    this.#outlet.pass([...parts, ...this.#later.splice(0)]);
  }
}
