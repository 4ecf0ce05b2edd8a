// The quota of one shard per second, if the server keeps the service's limits (core/settings.ts): 1
// MB and 1000 records written, 2 MB and five pages read, five iterators (Kinesis developer guide,
// "Quotas and limits"). The token buckets are in the shard's memory. A shard without limits has no
// quota object.
import type { QuotaKind } from "../core/types.ts";
import { isDue } from "../core/clock.ts";
import { StreamError } from "../errors.ts";
import { engine } from "../engine/instance.ts";
import { Bucket } from "../core/tokenBucket.ts";
import { mebibyte } from "../core/units.ts";
import { type Chunk, openChunk } from "../engine/chunk.ts";

const writtenBytesPerSecond = mebibyte;
const writtenRecordsPerSecond = 1000;
const readBytesPerSecond = 2 * mebibyte;
const callsPerSecond = 5;

/**
 * "If a call to GetRecords returns 10 MB, subsequent calls made within the next 5 seconds throw":
 * of either megabyte.
 */
const fullPageBytes = 10_000_000;
const fullPageRestMs = 5000;

export class ShardQuota {
  private readonly writtenBytes = new Bucket(writtenBytesPerSecond);
  private readonly writtenRecords = new Bucket(writtenRecordsPerSecond);
  private readonly readBytes = new Bucket(readBytesPerSecond);
  private readonly calls = {
    read: new Bucket(callsPerSecond),
    iterator: new Bucket(callsPerSecond),
  };
  private restUntilMs = 0;
  private restMs = 0;

  /**
   * Admits the first records, as many as the quota allows now, and returns how many are left out.
   */
  admitRecords(chunks: readonly Chunk[], nowMs: number): { chunks: Chunk[]; refused: number } {
    const admitted: Chunk[] = [];
    let refused = 0;
    for (const chunk of chunks) {
      const { bytes, header } = chunk;
      const to = refused > 0 ? 0 : this.fitting(bytes, nowMs);
      refused += header.count - to;
      if (to === 0) continue;
      this.writtenRecords.spend(to);
      this.writtenBytes.spend(engine.payloadBytes(bytes, 0, to));
      admitted.push(to === header.count ? chunk : openChunk(engine.slice(bytes, 0, to)));
    }
    return { chunks: admitted, refused };
  }

  /** Throws `overloaded`. */
  admitCall(kind: QuotaKind, nowMs: number): void {
    const bucket = this.calls[kind];
    const resting = kind === "read" && (this.isResting(nowMs) || this.readBytes.left(nowMs) < 0);
    if (bucket.left(nowMs) < 1 || resting) throw new StreamError("overloaded");
    bucket.spend(1);
  }

  /** After a page of more than a second's quota, reads are refused until the debt is paid. */
  spendRead(bytes: number, nowMs: number): void {
    this.readBytes.spend(bytes);
    if (bytes <= readBytesPerSecond) return;
    const paidMs = (bytes / readBytesPerSecond) * 1000;
    this.restMs = bytes >= fullPageBytes ? fullPageRestMs : paidMs;
    this.restUntilMs = nowMs + this.restMs;
  }

  private isResting(nowMs: number): boolean {
    return !isDue(this.restUntilMs, this.restMs, nowMs);
  }

  private fitting(chunk: Uint8Array, nowMs: number): number {
    const bytes = this.writtenBytes.left(nowMs);
    const records = Math.floor(this.writtenRecords.left(nowMs));
    if (records < 1 || bytes <= 0) return 0;
    const to = engine.fit(chunk, 0, records, Math.floor(bytes));
    // A record above a second's quota is admitted whole, as a debt, if the bucket is full.
    const fits = engine.payloadBytes(chunk, 0, to) <= bytes;
    return fits || this.writtenBytes.isFull(nowMs) ? to : 0;
  }
}
