// The shards of streams by their uid, as dialects use them. History is read without the shard
// (reader.ts); everything else is a call to its object.
import type { Env, Runtime } from "../core/bindings.ts";
import { unwrap } from "../core/rpc.ts";
import { readSettings } from "../core/settings.ts";
import type {
  Location,
  QuotaKind,
  SeekReply,
  SeekRequest,
  ShardStats,
  ShardView,
  SkippedSegment,
} from "../core/types.ts";
import { engine } from "../engine/instance.ts";
import type { Selection } from "../scan/selection.ts";
import { latestTime, type Page, readPage, seekShard, type Trimmed } from "./reader.ts";
import type { PageLimits } from "./readPlan.ts";
import { type ReaderName, readerLags } from "./readerLags.ts";
import { selectPage } from "./selectedPage.ts";
import { type ScanRequest, ShardScan } from "./shardScan.ts";
import { ShardSubscription } from "./shardSubscription.ts";
import { requireShard } from "./written.ts";

export class Shards {
  private readonly runtime: Runtime;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  /**
   * A page of records, from wherever they are stored; of those that a selection takes, found by a
   * scan of bounded length, if there is one. Throws `shardNotFound`, `locationNotFound`, `corrupt`.
   */
  read(
    uid: string,
    location: Location,
    limits: PageLimits,
    trimmed: Trimmed,
    selection?: Selection,
  ): Promise<Page> {
    return selection === undefined
      ? readPage(this.runtime, uid, location, limits, trimmed)
      : selectPage(this.runtime, uid, location, limits, trimmed, selection);
  }

  /** Notes how far behind a page leaves its reader, for the operator. */
  noteReader(uid: string, reader: ReaderName, page: Page): void {
    readerLags.note(uid, reader, page, Date.now());
  }

  /** A scan from a location on, step by step. */
  scan(uid: string, location: Location, request: ScanRequest): ShardScan {
    return new ShardScan(this.runtime, uid, location, request);
  }

  /** Throws `shardNotFound`, `locationNotFound`. */
  seek(uid: string, request: SeekRequest): Promise<SeekReply> {
    return seekShard(this.runtime, uid, request);
  }

  /**
   * The latest time that a reader may ask for: now, or the arrival of the shard's newest record if
   * that is later because the clock was set back. Throws `shardNotFound`.
   */
  latestTime(uid: string, timeMs: number, nowMs: number): Promise<number> {
    return latestTime(this.runtime, uid, timeMs, nowMs);
  }

  /** The shard's view as of now. Throws `shardNotFound`. */
  async view(uid: string): Promise<ShardView> {
    return unwrap(await this.shard(uid).view());
  }

  /** Throws `shardNotFound`. */
  async stats(uid: string): Promise<ShardStats> {
    return unwrap(await this.shard(uid).stats());
  }

  /**
   * Lets readers pass over a segment of which no intact copy exists. Throws `shardNotFound`,
   * `segmentNotFound`, `segmentSound`, `tooManySkipped`.
   */
  async skip(uid: string, segment: number): Promise<SkippedSegment> {
    return unwrap(await this.shard(uid).skip(segment)).skipped;
  }

  /**
   * Subscribes the consumer to what is committed next, or to a selection of it. Throws `shardNotFound`,
   * `subscriptionTaken`, `tooManyWaiting`.
   */
  subscribe(uid: string, consumer: string, selection?: Selection): Promise<ShardSubscription> {
    return ShardSubscription.begin(this.runtime.env, uid, consumer, selection);
  }

  /**
   * Counts a call before it is served, where the service's limits apply (core/settings.ts). The
   * shard counts (shard/shardQuota.ts); without limits it is not asked. Throws `overloaded` for a
   * call above the rate, and `shardNotFound` for a uid from an iterator whose stream is gone.
   */
  async admit(uid: string, kind: QuotaKind): Promise<void> {
    await requireShard(this.runtime.env, uid);
    if (this.isWithoutLimits) return;
    unwrap(await this.shard(uid).admit(kind));
  }

  /** Counts the bytes of a page after it was read, where the service's limits apply. */
  async spend(uid: string, { runs }: Page): Promise<void> {
    if (this.isWithoutLimits) return;
    const bytes = runs.reduce((sum, { chunk, from, to }) => {
      return sum + engine.payloadBytes(chunk, from, to);
    }, 0);
    await this.shard(uid).spend(bytes);
  }

  private get isWithoutLimits(): boolean {
    return readSettings(this.runtime.env).limits === "none";
  }

  private shard(uid: string): ReturnType<Env["SHARD"]["getByName"]> {
    return this.runtime.env.SHARD.getByName(uid);
  }
}
