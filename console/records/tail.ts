// Follows the shards of a stream with GetRecords. Each shard is read in order; the children of a
// closed shard begin when all their parents have been read. When the server does not answer, a
// shard waits and goes on behind the last record that it read, so nothing is lost or doubled.
import { ApiError } from "../api/request.ts";
import { call, type RawRecord, type RecordsPage, type Shard } from "../api/kinesis.ts";
import { iteratorInput, type Start } from "./position.ts";

export interface TailedRecord extends RawRecord {
  shardId: string;
}

export interface TailOptions {
  stream: string;
  /** Shards to begin with. */
  shards: readonly Shard[];
  start: Start;
  /** A pattern as the scan takes it: only matching records arrive. */
  filter?: string | undefined;
  onRecords: (records: TailedRecord[], behindMs: number) => void;
  onState: (state: TailState) => void;
  /** A failure that does not pass by itself; the tail has ended. */
  onError: (error: Error) => void;
}

export type TailState = "reading" | "waiting" | "reconnecting" | "paused" | "ended";

const pageRecordsMax = 2000;
/** The pause between two polls that found nothing. */
const idleMsMin = 200;
const idleMsMax = 1000;
const retryMsMax = 4000;
/** A page is looked for during a second or so; a tail whose connection is lost must notice. */
const replyMsMax = 15_000;

export class Tail {
  readonly #options: TailOptions;
  readonly #abort = new AbortController();
  /** Children that wait, with the parents that are still read. */
  readonly #parentsLeft = new Map<string, Set<string>>();
  readonly #states = new Map<string, TailState>();
  #resume: PromiseWithResolvers<void> | undefined;

  constructor(options: TailOptions) {
    this.#options = options;
    for (const { ShardId } of options.shards) void this.#follow(ShardId, options.start);
  }

  pause(): void {
    this.#resume ??= Promise.withResolvers();
    this.#options.onState("paused");
  }

  resume(): void {
    this.#resume?.resolve();
    this.#resume = undefined;
    this.#options.onState("reading");
  }

  stop(): void {
    this.#abort.abort();
  }

  async #follow(shardId: string, start: Start): Promise<void> {
    let iterator: string | undefined;
    let last: string | undefined;
    let idleMs = idleMsMin;
    let retryMs = 250;
    for (;;) {
      await this.#resume?.promise;
      if (this.#abort.signal.aborted) return;
      try {
        iterator ??= await this.#seek(shardId, start, last);
        const page: RecordsPage = await this.#read(iterator);
        if (this.#abort.signal.aborted) return;
        retryMs = 250;
        const { Records, NextShardIterator, MillisBehindLatest } = page;
        last = Records.at(-1)?.SequenceNumber ?? last;
        if (Records.length > 0) {
          const records = Records.map((record) => Object.assign(record, { shardId }));
          this.#options.onRecords(records, MillisBehindLatest);
        }
        if (NextShardIterator === undefined) return this.#end(shardId, page);
        iterator = NextShardIterator;
        const isBehind = MillisBehindLatest > 0;
        this.#tell(shardId, isBehind ? "reading" : "waiting");
        idleMs = Records.length > 0 || isBehind ? idleMsMin : Math.min(idleMs * 1.5, idleMsMax);
        if (!isBehind) await this.#wait(idleMs);
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        // An iterator lives for five minutes, and not always across a restart: ask for a new one.
        iterator = undefined;
        if (error instanceof ApiError && error.name === "ExpiredIteratorException") {
          // A test server may let iterators expire at once.
          await this.#wait(idleMsMin);
          continue;
        }
        if (!isPassing(error)) {
          this.stop();
          this.#tell(shardId, "ended");
          return this.#options.onError(error as Error);
        }
        this.#tell(shardId, "reconnecting");
        await this.#wait(retryMs);
        retryMs = Math.min(retryMs * 2, retryMsMax);
      }
    }
  }

  async #seek(ShardId: string, start: Start, last: string | undefined): Promise<string> {
    const position =
      last === undefined
        ? iteratorInput(start, ShardId)
        : { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: last };
    const { ShardIterator } = await call<{ ShardIterator: string }>(
      "GetShardIterator",
      { StreamName: this.#options.stream, ShardId, ...position },
      { signal: this.#abort.signal },
    );
    return ShardIterator;
  }

  #read(ShardIterator: string): Promise<RecordsPage> {
    const { filter } = this.#options;
    return call<RecordsPage>(
      "GetRecords",
      { ShardIterator, Limit: pageRecordsMax },
      {
        signal: this.#abort.signal,
        replyMs: replyMsMax,
        ...(filter !== undefined && { headers: { "x-millrace-filter": filter } }),
      },
    );
  }

  #end(shardId: string, { ChildShards = [] }: RecordsPage): void {
    this.#tell(shardId, "ended");
    for (const { ShardId, ParentShards } of ChildShards) {
      const left = this.#parentsLeft.get(ShardId) ?? this.#followedParents(ParentShards);
      left.delete(shardId);
      this.#parentsLeft.set(ShardId, left);
      if (left.size === 0) this.#begin(ShardId);
    }
  }

  /** Parents that this tail reads or will read; others are not waited for. */
  #followedParents(parents: readonly string[]): Set<string> {
    return new Set(parents.filter((parent) => this.#isFollowed(parent)));
  }

  #isFollowed(shardId: string): boolean {
    return (
      this.#states.has(shardId) || this.#options.shards.some((shard) => shard.ShardId === shardId)
    );
  }

  #begin(shardId: string): void {
    if (this.#isFollowed(shardId)) return;
    this.#tell(shardId, "reading");
    void this.#follow(shardId, { kind: "oldest" });
  }

  #tell(shardId: string, state: TailState): void {
    this.#states.set(shardId, state);
    if (this.#resume !== undefined) return;
    const states = new Set(this.#states.values());
    const worst = (["reconnecting", "reading", "waiting"] as const).find((one) => states.has(one));
    this.#options.onState(worst ?? "ended");
  }

  /** Ends early when the tail is stopped. A tail waits thousands of times, so nothing stays of a wait. */
  #wait(ms: number): Promise<void> {
    const { signal } = this.#abort;
    return new Promise((done) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        done();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener("abort", end);
    });
  }
}

/** Failures that a later attempt may not meet. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return (
    error.status === 0 ||
    error.status >= 500 ||
    error.name === "ProvisionedThroughputExceededException" ||
    error.name === "LimitExceededException"
  );
}
