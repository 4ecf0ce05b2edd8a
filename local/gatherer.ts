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

/** To workerd, of each kind. Only groups that are held up need more than a few. */
const connectionsMax = 32;

export class Gatherer {
  readonly #lanes: Readonly<Record<CallKind, Lane>>;

  /** The Worker knows by the secret what only the front may send. */
  constructor(
    pools: Readonly<Record<CallKind, UpstreamPool>>,
    secret: string,
    pace: Pace = usualPace,
  ) {
    /** By which the Worker finds a reply that it has left. */
    const lineOf = (name: string) => `${leftReplyHeader}: ${secret} ${name}\r\n`;
    const exchangeOf = (calls: readonly SmallCall[], answered: () => void) =>
      new GroupExchange(calls, print(calls, secret), answered, lineOf);
    const laneOf = (kind: CallKind) => new Lane(underWayMax[kind], pace, pools[kind], exchangeOf);
    this.#lanes = { read: laneOf("read"), write: laneOf("write") };
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
  const pool = () => createUpstreamPool(upstream, connectionsMax);
  return new Gatherer({ read: pool(), write: pool() }, secret, pace);
}

/** What goes to workerd at once: a call, or several in one request. */
interface Message {
  sentMs: number;
  isOpen: boolean;
}

/** Messages of calls that wait for each other. */
class Lane {
  readonly #underWayMax: number;
  readonly #pace: Pace;
  readonly #pool: UpstreamPool;
  readonly #exchangeOf: (calls: readonly SmallCall[], answered: () => void) => GroupExchange;
  #waiting: SmallCall[] = [];
  /** Messages of which nothing is answered. */
  #openCount = 0;
  /** Messages that were sent a short time ago, the oldest first, and how many of them are open. */
  readonly #fresh: Message[] = [];
  #busyCount = 0;
  #turn: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    underWayMax: number,
    pace: Pace,
    pool: UpstreamPool,
    exchangeOf: (calls: readonly SmallCall[], answered: () => void) => GroupExchange,
  ) {
    this.#underWayMax = underWayMax;
    this.#pace = pace;
    this.#pool = pool;
    this.#exchangeOf = exchangeOf;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  pass(): (() => void) | undefined {
    return this.#openCount === 0 ? this.#sent() : undefined;
  }

  add(call: SmallCall): void {
    this.#waiting.push(call);
    this.#letGo(performance.now());
    if (this.#busyCount >= this.#underWayMax) {
      this.#timer ??= setTimeout(this.#send, this.#pace.waitMs);
    } else this.#turn ??= setImmediate(this.#send);
  }

  readonly #send = (): void => {
    clearImmediate(this.#turn);
    clearTimeout(this.#timer);
    this.#turn = undefined;
    this.#timer = undefined;
    const calls = this.#waiting;
    this.#waiting = [];
    for (const group of groupsOf(calls)) {
      // Groups that are held up have all connections: those who come now are not to wait for them.
      const isAlone = group.length === 1 || this.#pool.isFull;
      if (isAlone) for (const call of group) call.sendAlone(this.#sent());
      else this.#pool.begin(this.#exchangeOf(group, this.#sent()));
    }
  };

  /** Returns what is to be called when something of the message is answered, or nothing will be. */
  #sent(): () => void {
    const message = { sentMs: performance.now(), isOpen: true };
    this.#letGo(message.sentMs);
    this.#fresh.push(message);
    this.#openCount++;
    this.#busyCount++;
    return () => {
      if (!message.isOpen) return;
      message.isOpen = false;
      this.#openCount--;
      if (this.#isFresh(message)) this.#busyCount--;
      if (this.#waiting.length > 0) this.#turn ??= setImmediate(this.#send);
    };
  }

  /** Nobody waits for messages that were sent long ago. */
  #letGo(nowMs: number): void {
    const sinceMs = nowMs - this.#pace.usualMs;
    for (let [oldest] = this.#fresh; oldest !== undefined; [oldest] = this.#fresh) {
      if (oldest.isOpen && oldest.sentMs > sinceMs) return;
      this.#fresh.shift();
      if (oldest.isOpen) this.#busyCount--;
    }
  }

  #isFresh({ sentMs }: Message): boolean {
    const [oldest] = this.#fresh;
    return oldest !== undefined && sentMs >= oldest.sentMs;
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
