// Pushes one shard's records to a registered consumer as they are committed, event by event, for up
// to five minutes. The Worker holds the event stream. The next event is made when the client has
// taken the one before, so a slow client blocks no other client, and no events accumulate. Each
// event tells how to continue: with a sequence number or, if the shard has ended, with the shards
// that continue it, never with both (awslabs/amazon-kinesis-client, DataRetrievalUtil).
import { isDue, isOver, timeLeft } from "../core/clock.ts";
import type { TimeSpan } from "../engine/engine.ts";
import type { Backend } from "../stream/backend.ts";
import { isCode } from "../errors.ts";
import type { FailureLog } from "../core/failureLog.ts";
import { pageRecordsMax } from "../limits.ts";
import type { Page } from "../stream/reader.ts";
import { isAtEnd } from "../core/shardEnd.ts";
import type { ShardSubscription } from "../stream/shardSubscription.ts";
import { mebibyte } from "../core/units.ts";
import type { Selection } from "../scan/selection.ts";
import type { Location, Scope, ShardDescription } from "../core/types.ts";
import type { BodyCodec } from "./codec.ts";
import type { KinesisError } from "./errors.ts";
import { eventMessage, exceptionMessage, initialResponse } from "./eventstream.ts";
import { kinesisErrorOf } from "./errorTable.ts";
import { consumerNotFound, shardDoesNotExist, subscriptionExists } from "./errorTexts.ts";
import { millisBehind, numberBefore } from "./position.ts";
import { renderRecords, spansOf } from "./recordReply.ts";
import { childShardsOf } from "./shardList.ts";

export interface Subscribed {
  stream: Scope & { name: string; uid: string };
  shard: ShardDescription;
  consumer: { name: string; uid: string };
  location: Location;
  /** The records that are pushed; all of them if undefined. */
  selection: Selection | undefined;
  /** It must be ended. */
  subscription: ShardSubscription;
}

/** How long a subscription lasts (AWS API reference, SubscribeToShard). */
const subscriptionMs = 300_000;

/** Interval of empty events while there are no records: the service allows at most 5 s. */
const silenceMsMax = 4500;

/** How often a reader of history checks that it still holds the subscription. */
const holdCheckMs = 1000;

/** Record data and keys of one event: below a page's buffer, unless one record is larger. */
const eventBytesMax = mebibyte;

const limits = { recordsMax: pageRecordsMax, bytesMax: eventBytesMax };

/** The reply's body. Cancelling it ends the subscription. */
export function pushEvents(
  backend: Backend,
  subscribed: Subscribed,
  codec: BodyCodec,
  failures: FailureLog,
): ReadableStream<Uint8Array> {
  const push = new Push(backend, subscribed, codec, failures);
  const events = push.events();
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await events.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        push.end();
        await events.return();
      },
    },
    { highWaterMark: 0 },
  );
}

class Push {
  private readonly backend: Backend;
  private readonly subscribed: Subscribed;
  private readonly codec: BodyCodec;
  private readonly failures: FailureLog;
  private readonly endMs = Date.now() + subscriptionMs;
  private location: Location;
  private spans: readonly TimeSpan[] = [];
  private eventMs = 0;
  private heldMs = Date.now();
  private isOver = false;

  constructor(backend: Backend, subscribed: Subscribed, codec: BodyCodec, failures: FailureLog) {
    this.failures = failures;
    this.backend = backend;
    this.subscribed = subscribed;
    this.codec = codec;
    this.location = subscribed.location;
  }

  /** Frees the consumer's slot, and ends a wait at the shard. */
  end(): void {
    this.isOver = true;
    this.subscribed.subscription.end();
  }

  async *events(): AsyncGenerator<Uint8Array, void, undefined> {
    const { codec } = this;
    yield initialResponse(codec.contentType, codec.encode({}));
    try {
      yield* this.records();
    } catch (error) {
      if (this.isOver) return;
      const { name, message } = this.refusalOf(error);
      const type = name === "InternalFailure" ? "InternalFailureException" : name;
      yield exceptionMessage(type, codec.contentType, codec.encode({ message }));
    } finally {
      this.end();
    }
  }

  private async *records(): AsyncGenerator<Uint8Array, void, undefined> {
    let caughtUp = false;
    for (;;) {
      const page: Page = await (caughtUp ? this.waitForPage() : this.readAhead());
      this.location = page.next;
      const { shard, consumer } = this.subscribed;
      const reader = { dialect: "kinesis", consumer: consumer.name } as const;
      this.backend.shards.noteReader(shard.uid, reader, page);
      caughtUp = page.next.index >= page.view.nextIndex;
      const hasEnded = isAtEnd(page);
      const children = hasEnded ? await this.children() : [];
      const nowMs = Date.now();
      if (hasEnded || page.runs.length > 0 || isOver(this.eventMs, silenceMsMax, nowMs)) {
        yield await this.eventOf(page, children, nowMs);
        this.eventMs = nowMs;
        await this.checkConsumer();
      }
      if (hasEnded || isDue(this.endMs, subscriptionMs, nowMs)) return;
    }
  }

  /** A page from wherever the records are, for a reader that is behind. */
  private async readAhead(): Promise<Page> {
    if (isOver(this.heldMs, holdCheckMs, Date.now())) {
      await this.subscribed.subscription.checkHeld();
      this.heldMs = Date.now();
    }
    const { shard, selection } = this.subscribed;
    return this.backend.shards.read(shard.uid, this.location, limits, "skip", selection);
  }

  /** The records that are committed next; none if the time is over. */
  private async waitForPage(): Promise<Page> {
    const nowMs = Date.now();
    const timeoutMs = Math.min(
      timeLeft(this.eventMs, silenceMsMax, nowMs),
      timeLeft(this.endMs - subscriptionMs, subscriptionMs, nowMs),
    );
    const { index } = this.location;
    const request = { ...limits, index, timeoutMs };
    const page = await this.subscribed.subscription.next(request);
    if (page === undefined) return this.readAhead();
    this.heldMs = Date.now();
    return page;
  }

  private async eventOf(
    page: Page,
    children: readonly ShardDescription[],
    nowMs: number,
  ): Promise<Uint8Array> {
    const { shard } = this.subscribed;
    const members = {
      MillisBehindLatest: millisBehind(page, nowMs),
      ...(children.length > 0
        ? { ChildShards: childShardsOf(children) }
        : { ContinuationSequenceNumber: numberBefore(shard, page.next.index) }),
    };
    const { format } = this.codec;
    const encrypted = await this.encrypted(page);
    const payload = renderRecords(format, members, page.runs, shard, encrypted).bytes();
    return eventMessage("SubscribeToShardEvent", this.codec.contentType, payload);
  }

  /**
   * When records were encrypted. If the stream was deleted meanwhile, its records are still sent.
   */
  private async encrypted(page: Page): Promise<readonly TimeSpan[]> {
    try {
      this.spans = await spansOf(this.backend, this.subscribed.stream, page);
    } catch (error) {
      if (!isCode(error, "streamNotFound")) throw error;
    }
    return this.spans;
  }

  /** The shards that continue this one, as soon as the catalog shows them. */
  private children(): Promise<ShardDescription[]> {
    const { stream, shard } = this.subscribed;
    return this.backend.streams.waitForChildren(stream, stream.name, shard.index);
  }

  private async checkConsumer(): Promise<void> {
    const { stream, consumer } = this.subscribed;
    const { description } = await this.backend.streams.find(stream, stream.name);
    if (description.consumers.some(({ uid }) => uid === consumer.uid)) return;
    throw consumerNotFound(consumer.name, stream.account);
  }

  private taken(): KinesisError {
    const { consumer, shard, stream } = this.subscribed;
    return subscriptionExists(consumer.name, shard.index, stream);
  }

  private refusalOf(error: unknown): KinesisError {
    const { shard, stream } = this.subscribed;
    if (isCode(error, "shardNotFound")) return shardDoesNotExist(shard.index, stream);
    if (isCode(error, "subscriptionTaken")) return this.taken();
    return kinesisErrorOf(error, stream, this.failures);
  }
}
