/**
 * Passes small calls that come at about the same time to workerd in one request (worker/http/gathered.ts,
 * docs/decisions/0026): what workerd asks for a request is more than what our code does for a poll or a put.
 *
 * A call goes at once, as it is, while workerd has few of its kind. Beyond that, calls wait until one that it has is
 * answered, or for a moment at most, and go together.
 */
import { gatheredHeader, leftReplyHeader, memberHeadBytes } from "../worker/http/gathered.ts";
import { GroupExchange } from "./groupExchange.ts";
import type { CallKind, SmallCall } from "./smallCalls.ts";
import type { Upstream } from "./upstream.ts";
import { createUpstreamPool, type UpstreamPool } from "./upstreamPool.ts";

/**
 * Messages of each kind that workerd has before others wait. A put waits for a commit in any case, and the next commit
 * takes all that have come by then. Of reads it should not run dry while an answer is on its way.
 */
const underWayMax: Record<CallKind, number> = { read: 2, write: 2 };

export interface Pace {
  /** What is not answered by then is held up by something else, and nobody waits for it. */
  usualMs: number;
  /** How long a call waits for others at most, if nothing is answered meanwhile. */
  waitMs: number;
}

const usualPace: Pace = { usualMs: 20, waitMs: 2 };

/** Members of one request, and the bytes of all. */
const membersMax = 64;
const groupBytesMax = 256 << 10;

/** To workerd. Only requests that are held up need more than a few. */
const connectionsMax = 64;

export class Gatherer {
  readonly #lanes: Readonly<Record<CallKind, Lane>>;

  /** The Worker knows by the secret what only the front may send. */
  constructor(pool: UpstreamPool, secret: string, pace: Pace = usualPace) {
    /** By which the Worker finds a reply that it has left. */
    const lineOf = (name: string) => `${leftReplyHeader}: ${secret} ${name}\r\n`;
    const begin = (calls: readonly SmallCall[], answered: () => void) =>
      pool.begin(new GroupExchange(calls, print(calls, secret), answered, lineOf));
    this.#lanes = {
      read: new Lane(underWayMax.read, pace, begin),
      write: new Lane(underWayMax.write, pace, begin),
    };
  }

  /** Calls that wait for others. */
  get waitingCount(): number {
    return this.#lanes.read.waitingCount + this.#lanes.write.waitingCount;
  }

  /**
   * Undefined if a call has to wait; then it is to be given to `add` when it is whole. Otherwise it goes by itself, and
   * what is returned is to be called when it is answered, or will not be.
   */
  pass(kind: CallKind): (() => void) | undefined {
    return this.#lanes[kind].pass();
  }

  add(call: SmallCall): void {
    this.#lanes[call.kind].add(call);
  }
}

export function createGatherer(upstream: Upstream, secret: string, pace?: Pace): Gatherer {
  return new Gatherer(createUpstreamPool(upstream, connectionsMax), secret, pace);
}

/** Messages of calls that wait for each other. */
class Lane {
  readonly #underWayMax: number;
  readonly #pace: Pace;
  readonly #begin: (calls: readonly SmallCall[], answered: () => void) => void;
  #waiting: SmallCall[] = [];
  /** When each message was sent of which nothing is answered. */
  readonly #sentMs = new Map<object, number>();
  #turn: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    underWayMax: number,
    pace: Pace,
    begin: (calls: readonly SmallCall[], answered: () => void) => void,
  ) {
    this.#underWayMax = underWayMax;
    this.#pace = pace;
    this.#begin = begin;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  pass(): (() => void) | undefined {
    return this.#sentMs.size === 0 ? this.#sent() : undefined;
  }

  add(call: SmallCall): void {
    this.#waiting.push(call);
    if (this.#isBusy()) this.#timer ??= setTimeout(this.#send, this.#pace.waitMs);
    else this.#turn ??= setImmediate(this.#send);
  }

  readonly #send = (): void => {
    clearImmediate(this.#turn);
    clearTimeout(this.#timer);
    this.#turn = undefined;
    this.#timer = undefined;
    const calls = this.#waiting;
    this.#waiting = [];
    for (const group of groupsOf(calls)) {
      if (group.length === 1) group[0]!.sendAlone(this.#sent());
      else this.#begin(group, this.#sent());
    }
  };

  /** Returns what is to be called when something of the message is answered, or nothing will be. */
  #sent(): () => void {
    const message = {};
    this.#sentMs.set(message, performance.now());
    return () => {
      const wasOpen = this.#sentMs.delete(message);
      if (wasOpen && this.#waiting.length > 0) this.#turn ??= setImmediate(this.#send);
    };
  }

  #isBusy(): boolean {
    if (this.#sentMs.size < this.#underWayMax) return false;
    const sinceMs = performance.now() - this.#pace.usualMs;
    let count = 0;
    for (const sentMs of this.#sentMs.values()) if (sentMs > sinceMs) count++;
    return count >= this.#underWayMax;
  }
}

function* groupsOf(calls: readonly SmallCall[]): Generator<SmallCall[]> {
  let group: SmallCall[] = [];
  let bytes = 0;
  for (const call of calls) {
    const its = bytesOf(call);
    if (group.length === membersMax || (group.length > 0 && bytes + its > groupBytesMax)) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(call);
    bytes += its;
  }
  if (group.length > 0) yield group;
}

function bytesOf({ head, body }: SmallCall): number {
  return body.reduce((sum, { length }) => sum + length, memberHeadBytes + head.length);
}

/** The whole message. */
function print(calls: readonly SmallCall[], secret: string): Buffer {
  const bodyBytes = calls.reduce((sum, call) => sum + bytesOf(call), 0);
  const head =
    `POST / HTTP/1.1\r\nhost: localhost\r\n${gatheredHeader}: ${secret}\r\n` +
    `content-length: ${bodyBytes}\r\n\r\n`;
  const message = Buffer.allocUnsafe(head.length + bodyBytes);
  let at = message.latin1Write(head);
  for (const { head, body } of calls) {
    at = message.writeUint32LE(head.length, at);
    at = message.writeUint32LE(
      body.reduce((sum, { length }) => sum + length, 0),
      at,
    );
    for (const part of [head, ...body]) at += part.copy(message, at);
  }
  return message;
}
