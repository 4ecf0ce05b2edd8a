/**
 * Small calls of an HTTP/1.1 connection, which go to workerd together with those of other connections (gatherer.ts).
 * Replies have the order of their requests: what comes after such a call waits here until that has its reply.
 */
import { type Collection, type RequestHead, withLine } from "./collection.ts";
import type { Gatherer } from "./gatherer.ts";
import { isPlainHead, type SmallCall, SmallCalls } from "./smallCalls.ts";

/** The connection. */
export interface CallOutlet {
  /** A request has been sent: its reply follows those of the requests before it. */
  expect(method: string): void;
  /** Passes on to workerd what a client has sent. */
  pass(parts: Buffer[]): void;
  /** Bytes of replies. The outlet calls `goOn` when they need nothing more from here. */
  take(reply: Buffer): void;
  /** No reply comes to what was sent. */
  lose(): void;
}

export class GatheringConnection {
  readonly #gatherer: Gatherer;
  readonly #outlet: CallOutlet;
  /** The call that waits for others, or for its reply together with theirs. */
  #call: SmallCall | undefined;
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
    return this.#call !== undefined;
  }

  /** Undefined if the request passes as it comes. To be asked only while no reply is awaited. */
  collect(head: RequestHead): Collection | undefined {
    const kind = this.#known.kindOf(head);
    if (kind === undefined) return undefined;
    const { method } = head;
    return {
      grow: () => true,
      finish: (head, body) => {
        this.#outlet.expect(method);
        if (!isPlainHead(head)) return [head, ...body];
        this.#call = this.#open({ kind, head, body });
        this.#gatherer.add(this.#call);
        return [];
      },
      abandon: () => this.#outlet.expect(method),
    };
  }

  /** Keeps the parts back if they come after a call that waits; returns false if there is none. */
  hold(parts: readonly Buffer[]): boolean {
    if (this.#call === undefined) return false;
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

  #open({ kind, head, body }: Pick<SmallCall, "kind" | "head" | "body">): SmallCall {
    return {
      kind,
      head,
      body,
      sendAlone: (line) => {
        const parts = line === undefined ? [head] : withLine(head, Buffer.from(line));
        this.#passOn([...parts, ...body]);
      },
      take: (reply) => {
        if (!this.#isClosed) this.#outlet.take(reply);
      },
      lose: () => {
        this.#call = undefined;
        if (!this.#isClosed) this.#outlet.lose();
      },
    };
  }

  #passOn(parts: Buffer[]): void {
    this.#call = undefined;
    if (this.#isClosed) return;
    this.#outlet.pass([...parts, ...this.#later.splice(0)]);
  }
}
