// Appends of several requests in one call of their shard. The first one goes at once. Those that come while
// its call is under way wait: when it is answered, the newest of them makes the next call, for all that
// wait by then. In the shard each is accepted or refused by itself, and they share a commit. Only on
// the server of one machine: elsewhere waiting for another's call costs a way to the shard and back, and a
// request may be ended before those that rely on it have their answers (docs/decisions/0022). A busy shard there takes
// its calls from memory (core/nearShards.ts); what follows is for all others.
//
// A request may end at any time, because its client leaves, and what it has not sent ends with it. A
// call for several goes on all the same (waitUntil). One that was to lead and did not is waited for no longer than
// `jointTurnMs`; the next one leads then. Nothing is sent twice: an append that waits has not been sent, and
// only its own request or the leader that takes it off the line sends it. workerd ends a request that waits
// for nothing of its own as hung; here that is a timer.
import type { WriteRuntime } from "../core/bindings.ts";
import { BoundedMap } from "../core/boundedMap.ts";
import { nearShard } from "../core/nearShards.ts";
import { isOnlyIsolate } from "../core/publishedTips.ts";
import type { WriteGuard, WriteReply } from "../core/durable.ts";
import type { AppendOutcome, AppendReply, Offer, OfferReply, Reply } from "../core/rpc.ts";
import { invariant, StreamError } from "../errors.ts";
import {
  jointAnswerMs,
  jointCallBytesMax,
  jointPutBytesMax,
  jointTurnMs,
  nextDoorShardsMax,
} from "../limits.ts";
import { appendChunks, appendOffers } from "./appendChunks.ts";
import { callNear } from "./nearCall.ts";

type Appended = Promise<OfferReply>;

/** Turns of the queue of promises in which requests that began together come here. */
const sameTurns = 4;

/** One that makes a call, or is to make one. */
interface Leader {
  /** Until then the others wait for it. */
  untilMs: number;
}

/** An append that waits for the leader's call, and then for its answer. */
interface Follower {
  readonly offer: Offer;
  readonly bytes: number;
  /** True once a leader has taken it. */
  isTaken: boolean;
  decide(decision: Decision): void;
}

type Decision = { lead: Leader } | AppendOutcome;

const lines = new BoundedMap<Line>(nextDoorShardsMax);

/** As `append` of the shard. Throws what its call throws, and `unreachable` if nobody has answered. */
export function appendJointly(
  runtime: WriteRuntime,
  uid: string,
  chunks: Uint8Array[],
): Promise<Reply<AppendReply>> {
  return offerJointly(runtime, uid, { chunks }) as Promise<Reply<AppendReply>>;
}

/** As `write` of the shard. Throws as `appendJointly`. */
export function writeJointly(
  runtime: WriteRuntime,
  uid: string,
  chunks: Uint8Array[],
  guard: WriteGuard,
): Promise<Reply<WriteReply>> {
  return offerJointly(runtime, uid, { chunks, guard }) as Promise<Reply<WriteReply>>;
}

/** The reply is that of the method which the offer is for. */
function offerJointly(runtime: WriteRuntime, uid: string, offer: Offer): Appended {
  const near = nearShard(runtime.env, uid);
  if (near !== undefined) {
    const { chunks, guard } = offer;
    return callNear<OfferReply>(runtime, near, (shard) =>
      guard === undefined ? shard.append(chunks) : shard.write(chunks, guard),
    );
  }
  const bytes = offer.chunks.reduce((sum, { length }) => sum + length, 0);
  if (!isOnlyIsolate(runtime.env) || bytes > jointPutBytesMax) {
    return offerAlone(runtime, uid, offer);
  }
  let line = lines.get(uid);
  if (line === undefined) {
    line = new Line(uid);
    lines.set(uid, line);
  }
  return line.take(runtime, offer, bytes);
}

function offerAlone({ env }: WriteRuntime, uid: string, { chunks, guard }: Offer): Appended {
  if (guard === undefined) return appendChunks(env, uid, chunks);
  return env.SHARD.getByName(uid).write(chunks, guard);
}

function replyOf(outcome: AppendOutcome): OfferReply {
  if ("error" in outcome) throw outcome.error;
  return outcome.reply;
}

/** The appends of one shard. */
class Line {
  private readonly uid: string;
  private leader: Leader | undefined;
  /** In the order in which they came. */
  private waiting: Follower[] = [];
  private waitingBytes = 0;

  constructor(uid: string) {
    this.uid = uid;
  }

  take(runtime: WriteRuntime, offer: Offer, bytes: number): Appended {
    if (!this.isLed) return this.lead(runtime, offer, this.appoint());
    if (this.waitingBytes + bytes > jointCallBytesMax) return offerAlone(runtime, this.uid, offer);
    return this.follow(runtime, offer, bytes);
  }

  private get isLed(): boolean {
    return this.leader !== undefined && Date.now() < this.leader.untilMs;
  }

  private appoint(): Leader {
    this.leader = { untilMs: Date.now() + jointTurnMs };
    return this.leader;
  }

  private async follow(runtime: WriteRuntime, offer: Offer, bytes: number): Appended {
    const { promise, resolve } = Promise.withResolvers<Decision>();
    const follower = { offer, bytes, isTaken: false, decide: resolve };
    this.waiting.push(follower);
    this.waitingBytes += bytes;
    const look = () => {
      if (follower.isTaken) timer = setTimeout(giveUp, jointAnswerMs);
      else if (this.isLed) timer = setTimeout(look, jointTurnMs);
      else this.handTo(follower);
    };
    const giveUp = () => resolve({ error: new StreamError("unreachable") });
    let timer = setTimeout(look, jointTurnMs);
    const decision = await promise;
    // A timer belongs to the request that has set it: whoever decides cannot clear it.
    clearTimeout(timer);
    if (!("lead" in decision)) return replyOf(decision);
    // What else has arrived by now is read first, so that it goes along.
    await scheduler.wait(0);
    return this.lead(runtime, offer, decision.lead);
  }

  /** The follower is to make the next call. */
  private handTo(follower: Follower): void {
    this.waiting = this.waiting.filter((each) => each !== follower);
    this.waitingBytes -= follower.bytes;
    follower.decide({ lead: this.appoint() });
  }

  /** Makes the call for its own append and for those that wait. */
  private async lead(runtime: WriteRuntime, offer: Offer, leader: Leader): Appended {
    try {
      // Those that came in one request with it (http/gathered.ts) are about to wait.
      for (let turn = 0; turn < sameTurns; turn++) await Promise.resolve();
      if (this.waiting.length === 0) return await offerAlone(runtime, this.uid, offer);
      const followers = this.takeAll();
      leader.untilMs = Date.now() + jointAnswerMs;
      const called = this.call(runtime, offer, followers);
      runtime.waitUntil(called);
      return replyOf(await called);
    } finally {
      if (this.leader === leader) this.handOver();
    }
  }

  private takeAll(): Follower[] {
    const followers = this.waiting;
    for (const follower of followers) follower.isTaken = true;
    this.waiting = [];
    this.waitingBytes = 0;
    return followers;
  }

  /** Tells each follower what became of its append; resolves with what became of the leader's. */
  private async call(
    { env }: WriteRuntime,
    own: Offer,
    followers: readonly Follower[],
  ): Promise<AppendOutcome> {
    try {
      // In any order: none of them was answered before another one came.
      const offers = [...followers.map(({ offer }) => offer), own];
      const outcomes = await appendOffers(env, this.uid, offers);
      const last = outcomes[followers.length];
      invariant(last !== undefined, "no answer for some of the appends", { shard: this.uid });
      for (const [i, follower] of followers.entries()) follower.decide(outcomes[i]!);
      return last;
    } catch (error) {
      const outcome = { error: error as Error };
      for (const follower of followers) follower.decide(outcome);
      return outcome;
    }
  }

  private handOver(): void {
    // The client of the one that came last is the least likely to have left.
    const newest = this.waiting.at(-1);
    if (newest === undefined) this.leader = undefined;
    else this.handTo(newest);
  }
}
