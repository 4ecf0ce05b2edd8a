/**
 * Reads the shards of a stream at once, each in order, and parents before their children, so that
 * the records of a key come in the order in which they were put, across splits and merges. Pages
 * are delivered one after the other. A place moves on when its page has been delivered.
 */
import { setTimeout as delay } from "node:timers/promises";
import { readRecord, type StreamRecord } from "../record/record.ts";
import { type KinesisClient, ServiceError } from "../service/client.ts";
import type { Reply } from "../service/reply.ts";
import { listShards, type Shard } from "../stream/shard.ts";
import { streamMember } from "../stream/stream.ts";
import { addNewShards, type Choice, isReady } from "./places.ts";
import type { Place, Places } from "./state.ts";

export interface Page {
  shardId: string;
  /** In order; may be empty. */
  records: StreamRecord[];
  /** How far the newest record of the shard is ahead, in time of arrival. */
  behindMs: number;
}

export interface WalkOptions {
  choice: Choice;
  /** Goes on at the end of what there is. Otherwise an open shard ends there. */
  follow: boolean;
  /** Records that arrived later are left out, and a shard ends at the first of them. */
  untilMs?: number | undefined;
  /** When the reader began: stands for `latest` if that must be found again. */
  beganMs: number;
  /** Called when reading has begun, and when a place has moved on. */
  onMove?: () => void;
  /** Pause after a page without records. */
  pauseMs: number;
  /** Records of a page at most. */
  pageRecords: number;
  /** A pattern of the records that are wanted: docs/SCAN.md. */
  where?: string | undefined;
  signal: AbortSignal;
}

export interface Taken {
  /** Records of the page that were taken as a whole; the rest is left for later. */
  count: number;
  /** No more is wanted. */
  isEnough: boolean;
}

export type Deliver = (page: Page) => Promise<Taken>;

/** Requests at once; more would be refused by a service with quotas. */
const readersMax = 32;

export class Walk {
  readonly places: Places;
  private readonly client: KinesisClient;
  private readonly stream: string;
  private readonly options: WalkOptions;
  private readonly stopping = new AbortController();
  private readonly reading = new Set<string>();
  private readonly opened = new Map<string, string>();
  private readonly waiting: (() => void)[] = [];
  private free = readersMax;
  private delivering: Promise<unknown> = Promise.resolve();

  constructor(client: KinesisClient, stream: string, places: Places, options: WalkOptions) {
    this.client = client;
    this.stream = stream;
    this.places = places;
    this.options = options;
  }

  /** Resolves when all shards have ended, the taker needs no more, or the signal is given. */
  async run(shards: readonly Shard[], deliver: Deliver): Promise<void> {
    const { signal } = this.options;
    const stop = (): void => this.stopping.abort();
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    try {
      await this.openLatest();
      this.options.onMove?.();
      await this.readAll(shards, deliver);
    } catch (error) {
      if (!this.isStopping) throw error;
    } finally {
      signal.removeEventListener("abort", stop);
      this.stopping.abort();
      await this.delivering.catch(() => {});
    }
  }

  private get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  /** What is new is new in all shards from one moment on, however long the first pages take. */
  private async openLatest(): Promise<void> {
    const latest = [...this.places].filter(([, place]) => place === "latest");
    await Promise.all(
      latest.map(async ([id]) => this.opened.set(id, await this.openIterator(id, false))),
    );
  }

  /** Begins with every shard whose parents are done; each that ends may make others ready. */
  private async readAll(shards: readonly Shard[], deliver: Deliver): Promise<void> {
    addNewShards(this.places, shards, this.options.choice);
    const listed = new Set(shards.map(({ id }) => id));
    const ready = shards.filter(
      (shard) => !this.reading.has(shard.id) && isReady(shard, this.places, listed),
    );
    for (const { id } of ready) this.reading.add(id);
    await Promise.all(
      ready.map(async (shard) => {
        const isClosed = await this.readShard(shard, deliver);
        if (!isClosed || this.isStopping) return;
        await this.readAll(await listShards(this.client, this.stream), deliver);
      }),
    );
  }

  /** True if the shard is closed and was read to its end. */
  private async readShard(shard: Shard, deliver: Deliver): Promise<boolean> {
    let iterator = this.opened.get(shard.id) ?? (await this.openIterator(shard.id, true));
    while (!this.isStopping) {
      const reply = await this.getRecords(iterator);
      if (reply === undefined) {
        // A test server may let iterators expire at once.
        await this.pause(true);
        iterator = await this.openIterator(shard.id, true);
        continue;
      }
      const next = reply.optionalText("NextShardIterator");
      const page = this.readPage(shard.id, reply);
      const isLast = next === undefined;
      const wantsMore = await this.take(page, isLast, deliver);
      if (!wantsMore) return false;
      if (isLast) return true;
      // The end of an open shard. One that is closed ends without an iterator.
      if (!this.options.follow && shard.isOpen && page.behindMs === 0) return false;
      iterator = next;
      if (page.isEmpty) await this.pause(page.behindMs === 0);
    }
    return false;
  }

  private readPage(shardId: string, reply: Reply): Page & { isEmpty: boolean; isCut: boolean } {
    const all = reply.objects("Records").map((facts) => readRecord(shardId, facts));
    const { untilMs = Infinity } = this.options;
    const cut = all.findIndex(({ arrivedMs }) => arrivedMs > untilMs);
    const isCut = cut >= 0;
    const behindMs = reply.optionalNumber("MillisBehindLatest") ?? 0;
    const records = isCut ? all.slice(0, cut) : all;
    return { shardId, records, behindMs, isEmpty: all.length === 0, isCut };
  }

  /** Delivers a page after those before it, then moves the place on. False: no more is wanted. */
  private async take(
    page: Page & { isCut: boolean },
    isLast: boolean,
    deliver: Deliver,
  ): Promise<boolean> {
    const before = this.delivering;
    const delivery = (async () => {
      await before;
      if (this.isStopping) return false;
      const { count, isEnough } = await deliver(page);
      const isWhole = count === page.records.length && !page.isCut;
      const last = page.records[count - 1];
      if (isLast && isWhole) this.places.set(page.shardId, "end");
      else if (last !== undefined) this.places.set(page.shardId, { after: last.sequenceNumber });
      this.options.onMove?.();
      if (isEnough) this.stopping.abort();
      return !isEnough && isWhole;
    })();
    this.delivering = delivery;
    return await delivery;
  }

  /** `isAgain`: records may have arrived since the place was called the latest. */
  private async openIterator(shardId: string, isAgain: boolean): Promise<string> {
    const place = this.places.get(shardId) ?? "start";
    const from = isAgain && place === "latest" ? this.options.beganMs : place;
    const input = { ...streamMember(this.stream), ShardId: shardId, ...iteratorMembers(from) };
    const reply = await this.limited(() => this.call("GetShardIterator", input));
    return reply.text("ShardIterator");
  }

  /** Undefined if the iterator has expired, as after a long pause of the taker. */
  private async getRecords(iterator: string): Promise<Reply | undefined> {
    const input = { ShardIterator: iterator, Limit: this.options.pageRecords };
    try {
      return await this.limited(() => this.call("GetRecords", input, this.options.where));
    } catch (error) {
      if (error instanceof ServiceError && error.code === "ExpiredIteratorException") {
        return undefined;
      }
      throw error;
    }
  }

  private async call(operation: string, input: object, where?: string): Promise<Reply> {
    const { signal } = this.stopping;
    const { follow: isPatient } = this.options;
    return await this.client.call(operation, input, { signal, isPatient, where });
  }

  /** Runs the work when fewer than `readersMax` others do. */
  private async limited<T>(work: () => Promise<T>): Promise<T> {
    if (this.free === 0) await new Promise<void>((done) => this.waiting.push(done));
    else this.free--;
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.free++;
      else next();
    }
  }

  /** Pages before the tip may be empty; the next one is asked for at once. */
  private async pause(isAtTip: boolean): Promise<void> {
    if (!isAtTip) return;
    await delay(this.options.pauseMs, undefined, { signal: this.stopping.signal });
  }
}

function iteratorMembers(place: Place): object {
  if (place === "latest") return { ShardIteratorType: "LATEST" };
  if (typeof place === "number") {
    return { ShardIteratorType: "AT_TIMESTAMP", Timestamp: place / 1000 };
  }
  if (typeof place === "object") {
    const { after } = place;
    return { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: after };
  }
  return { ShardIteratorType: "TRIM_HORIZON" };
}
