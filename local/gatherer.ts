/**
 * Decides when small calls go to workerd, and which of them go together (channel.ts, docs/decisions/0026): what workerd
 * asks for a message is more than what our code does for a poll or a put.
 *
 * A call goes at once while workerd has few of its kind. Beyond that, calls wait until one that it has is answered, or
 * for a moment at most, and go together.
 */
import { bytesOf, Channel } from "./channel.ts";
import { Room } from "./room.ts";
import type { CallKind, SmallCall } from "./smallCalls.ts";
import type { Upstream } from "./upstream.ts";

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

export interface GathererOptions extends Partial<Pace> {
  /** What larger bodies take at most. */
  largeBytes?: number;
}

const usualPace: Pace = { usualMs: 20, waitMs: 2 };

/** Calls of one message, and the bytes of all. */
const membersMax = 64;
const groupBytesMax = 256 << 10;

/** Larger calls wait for no others: what is paid for a message is little beside them. */
const gatheredBytesMax = 48 << 10;

/**
 * What the larger bodies of all connections take, from their first byte to the answer. Each counts twice, as there is a copy
 * of it in the message. workerd has as many messages at most.
 */
const largeBytesMax = 32 << 20;

const nothingToDo = () => {};

/** What the gatherer sends calls with. */
export type CallSender = Pick<Channel, "send" | "keepOpen" | "stop" | "destroy">;

export class Gatherer {
  readonly #channel: CallSender;
  readonly #lanes: Readonly<Record<CallKind, Lane>>;
  /** For larger bodies. */
  readonly room: Room;
  #isStopping = false;

  constructor(channel: CallSender, options: GathererOptions = {}) {
    const { largeBytes = largeBytesMax, ...pace } = { ...usualPace, ...options };
    this.room = new Room(largeBytes);
    const laneOf = (kind: CallKind) => new Lane(underWayMax[kind], pace, channel);
    this.#channel = channel;
    this.#lanes = { read: laneOf("read"), write: laneOf("write") };
  }

  /** workerd is to be connected also while there are no calls. */
  keepOpen(): void {
    this.#channel.keepOpen();
  }

  /** Calls that wait for others. */
  get waitingCount(): number {
    return this.#lanes.read.waitingCount + this.#lanes.write.waitingCount;
  }

  add(call: SmallCall): void {
    if (this.#isStopping) call.sendAlone();
    else if (bytesOf(call) > gatheredBytesMax) this.#channel.send([call], nothingToDo);
    else this.#lanes[call.kind].add(call);
  }

  /**
   * From now on calls go by themselves, over HTTP. The WebSocket ends as soon as those before are answered: workerd does
   * not end before it. Resolves when it has ended.
   */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const lane of [this.#lanes.read, this.#lanes.write]) lane.sendAll();
    await this.#channel.stop();
  }

  destroy(): void {
    this.#channel.destroy();
  }
}

export function createGatherer(
  upstream: Upstream,
  secret: string,
  options?: GathererOptions,
): Gatherer {
  return new Gatherer(new Channel(upstream, secret), options);
}

/** What goes to workerd at once: a call, or several. */
interface Message {
  sentMs: number;
  isOpen: boolean;
}

/** Messages of calls that wait for each other. */
class Lane {
  readonly #underWayMax: number;
  readonly #pace: Pace;
  readonly #channel: CallSender;
  #waiting: SmallCall[] = [];
  /** Messages of which nothing is answered. */
  #openCount = 0;
  /** Messages that were sent a short time ago, the oldest first, and how many of them are open. */
  readonly #fresh: Message[] = [];
  #busyCount = 0;
  #turn: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(underWayMax: number, pace: Pace, channel: CallSender) {
    this.#underWayMax = underWayMax;
    this.#pace = pace;
    this.#channel = channel;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  add(call: SmallCall): void {
    this.#waiting.push(call);
    this.#letGo(performance.now());
    if (this.#openCount === 0) this.sendAll();
    else if (this.#busyCount < this.#underWayMax) this.#turn ??= setImmediate(this.sendAll);
    else this.#timer ??= setTimeout(this.sendAll, this.#pace.waitMs);
  }

  readonly sendAll = (): void => {
    clearImmediate(this.#turn);
    clearTimeout(this.#timer);
    this.#turn = undefined;
    this.#timer = undefined;
    const calls = this.#waiting;
    this.#waiting = [];
    for (const group of groupsOf(calls)) this.#channel.send(group, this.#sent());
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
      if (this.#waiting.length > 0) this.#turn ??= setImmediate(this.sendAll);
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
