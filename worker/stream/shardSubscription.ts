// A consumer's subscription to one shard: waits for what is committed next. It is a session with
// the shard's object. If that object restarts, or does not answer, the session is lost; the subscription then begins
// another one, at most once a second, and its caller reads from its own location meanwhile.
import type { Env } from "../core/bindings.ts";
import { isOver } from "../core/clock.ts";
import { type NextRequest, type SubscriptionApi, unwrap } from "../core/rpc.ts";
import { StreamError } from "../errors.ts";
import { answered } from "../core/moving.ts";
import { movingAnswerMs, movingPauseMs } from "../limits.ts";
import type { Selection } from "../scan/selection.ts";
import { type Page, pageOf } from "./reader.ts";
import { narrowPage } from "./selectedPage.ts";

/** A shard that is restarted more often than this ends its subscriptions. */
const renewalMsMin = 1000;

type Session = SubscriptionApi & Disposable;

export class ShardSubscription {
  private readonly env: Env;
  private readonly uid: string;
  private readonly consumer: string;
  private readonly selection: Selection | undefined;
  private session: Session;
  private renewedMs = 0;
  private hasEnded = false;

  private constructor(
    env: Env,
    uid: string,
    consumer: string,
    session: Session,
    selection: Selection | undefined,
  ) {
    this.selection = selection;
    this.env = env;
    this.uid = uid;
    this.consumer = consumer;
    this.session = session;
  }

  /** Throws `shardNotFound`, `subscriptionTaken`, `tooManyWaiting`. */
  static async begin(
    env: Env,
    uid: string,
    consumer: string,
    selection?: Selection,
  ): Promise<ShardSubscription> {
    const session = await openSession(env, uid, consumer);
    return new ShardSubscription(env, uid, consumer, session, selection);
  }

  /**
   * The next page from `index` on, without the records that the selection does not take: at once if there are records, else when some are committed, or an
   * empty page after `timeoutMs`. Undefined if the session was lost and another one has begun.
   * Throws `subscriptionTaken` if another reader has subscribed as this consumer.
   */
  async next(request: NextRequest): Promise<Page | undefined> {
    const answer = await this.ask((session) => session.next(request), request.timeoutMs);
    if (answer === undefined) return undefined;
    const reply = unwrap(answer);
    if (!reply.held) throw new StreamError("subscriptionTaken");
    if (reply.isLeaving) await this.renew();
    const page = pageOf(reply);
    return this.selection === undefined ? page : await narrowPage(page, this.selection);
  }

  /** Throws `subscriptionTaken` as `next` does. */
  async checkHeld(): Promise<void> {
    const isHeld = await this.ask((session) => session.isHeld());
    if (isHeld === false) throw new StreamError("subscriptionTaken");
  }

  /** Frees the consumer's slot, and ends a call that waits. */
  end(): void {
    this.hasEnded = true;
    this.session[Symbol.dispose]();
  }

  /** Undefined if the session was lost and another one has begun. */
  private async ask<T>(
    question: (session: Session) => Promise<T>,
    waitMs = 0,
  ): Promise<T | undefined> {
    try {
      return await answered(() => question(this.session), waitMs + movingAnswerMs);
    } catch (error) {
      if (this.hasEnded || !isOver(this.renewedMs, renewalMsMin, Date.now())) throw error;
      this.renewedMs = Date.now();
      await this.renew();
      return undefined;
    }
  }

  /** After a pause: a call at the moment at which another instance goes could end workerd. */
  private async renew(): Promise<void> {
    this.session[Symbol.dispose]();
    await scheduler.wait(movingPauseMs);
    if (!this.hasEnded) this.session = await openSession(this.env, this.uid, this.consumer);
  }
}

async function openSession(env: Env, uid: string, consumer: string): Promise<Session> {
  return unwrap(await env.SHARD.getByName(uid).subscribe(consumer)).subscription;
}
