// The newest generation of a shard's records: chunks and sealed segments in one table (logTable.ts).
// A commit inserts a row. Sealing merges the tail's chunks into one segment, which replaces the
// first chunk's row. The other chunks' rows are unused from then on: recovery ignores rows that a
// segment covers, and the table is dropped as a whole with its generation. So neither sealing nor
// expiry costs a row per chunk. A chunk that is large enough is written as a segment at once. State
// in memory is derived from the rows; the caller decides what readers may see. A missing row
// becomes an entry without bytes: reading there is an error, and its indexes are not given again. A
// missing last row is noticed only if the shard was closed, because a commit writes one row.
import { tally } from "../core/tally.ts";
import { noBytes } from "../codec/bytes.ts";
import { StreamError } from "../errors.ts";
import { engine } from "../engine/instance.ts";
import {
  rowBodyBytesMax,
  segmentBytes,
  segmentBytesMin,
  tailBytesWorthSealing,
  tailChunksMax,
} from "../limits.ts";
import { bodies, chunkKey, segmentKey } from "../core/bodyCache.ts";
import { bindChunk, type Chunk, type ChunkHeader, wideColumnBytesMax } from "../engine/chunk.ts";
import { type Inspector, isCorrupt } from "../core/bodyCheck.ts";
import { type LogEntry, LogTable, printStaged, readStagedRow, type StagedRow } from "./logTable.ts";
import type { MeteredSql } from "../core/meteredSql.ts";

/** Where a generation begins, and where it ends if the shard is closed. */
export interface LogBounds {
  generation: number;
  firstSegment: number;
  firstIndex: number;
  /** Arrival of the record before it. */
  lastMs: number;
  lastOrdinal: number;
  endIndex?: number | undefined;
}

export class Log {
  readonly generation: number;
  /** Sealed segments first, then the tail's chunks, by index without a gap. */
  readonly entries: LogEntry[] = [];
  /** How many of the entries are sealed. */
  sealedCount = 0;
  sealedBytes = 0;
  tailBytes = 0;
  /** Upper bound of the tail's bytes as one segment. */
  private mergedBytes = 0;
  private readonly uid: string;
  private readonly inspector: Inspector;
  private readonly bounds: LogBounds;
  private readonly table: LogTable;

  /** Throws `corrupt` if the rows contradict one another. */
  constructor(sql: MeteredSql, inspector: Inspector, bounds: LogBounds) {
    this.uid = inspector.uid;
    this.inspector = inspector;
    this.generation = bounds.generation;
    this.bounds = bounds;
    this.table = new LogTable(sql, bounds.generation);
    this.recover();
  }

  /** Number that the tail will have as a segment. */
  get nextSegment(): number {
    return this.bounds.firstSegment + this.sealedCount;
  }

  /** Rows of the generation's table. */
  get rowCount(): number {
    return this.table.rowCount;
  }

  /** The tail's chunks. */
  get tail(): readonly LogEntry[] {
    return this.entries.slice(this.sealedCount);
  }

  /**
   * Writes a stamped chunk, as a segment when it is large enough to be one, and what its commit
   * changes about the writers.
   */
  append(chunk: Chunk, writers?: string): void {
    const { firstIndex, count, timeMs, timeOrdinal, bytes } = chunk.header;
    const isStaged = chunk.kept !== undefined;
    const direct = isStaged || this.isSegment(chunk.header);
    if (isStaged || this.mustSealFor(chunk.header)) this.seal();
    const entry: LogEntry = {
      firstIndex,
      count,
      firstMs: timeMs,
      lastMs: timeMs,
      lastOrdinal: timeOrdinal + count - 1,
      bytes,
      segment: direct ? this.nextSegment : undefined,
    };
    this.push(entry);
    if (chunk.kept !== undefined) this.writeStaged(entry, chunk.bytes, chunk.kept.id, writers);
    else this.write(entry, chunk.bytes, "insert", writers);
  }

  /** True if `append` of the chunk, without writers, writes one row and nothing else. */
  takesOneRow({ header, kept }: Chunk): boolean {
    const hasTail = this.entries.length > this.sealedCount;
    if (kept !== undefined) return !hasTail;
    return header.bytes <= rowBodyBytesMax && !(hasTail && this.mustSealFor(header));
  }

  /** True if a chunk is large enough to be a segment by itself. */
  isSegment({ bytes }: ChunkHeader): boolean {
    const tailWaits = this.tailBytes > 0 && this.tailBytes < tailBytesWorthSealing;
    return bytes >= segmentBytesMin && (!tailWaits || bytes > segmentBytes);
  }

  /** True if the tail must be sealed before the chunk is appended. */
  private mustSealFor(header: ChunkHeader): boolean {
    const { bytes, count, timeMs } = header;
    return this.isSegment(header) || this.outgrows(bytes, count) || this.spansTooLong(timeMs);
  }

  /** True when the tail has grown to a segment's size. */
  get tailIsFull(): boolean {
    return (
      this.tailBytes >= segmentBytes || this.entries.length - this.sealedCount >= tailChunksMax
    );
  }

  /** Merges the tail into a segment; does nothing when the tail is empty. */
  seal(): void {
    const chunks = this.entries.splice(this.sealedCount);
    this.tailBytes = 0;
    this.mergedBytes = 0;
    let run: LogEntry[] = [];
    let parts: Uint8Array[] = [];
    for (const chunk of chunks) {
      const body = this.loadIfSound(chunk);
      if (body === undefined) {
        this.sealRun(run, parts);
        this.sealDamaged(chunk);
        run = [];
        parts = [];
      } else {
        run.push(chunk);
        parts.push(body);
      }
    }
    this.sealRun(run, parts);
  }

  /** Position of the entry that holds `index`, or of the first one after it. */
  find(index: number): number {
    return lowest(this.entries, (entry) => entry.firstIndex + entry.count > index);
  }

  /** Position of the first entry with a record at or after the time. */
  findTime(timeMs: number, ordinal: number): number {
    return lowest(
      this.entries,
      ({ lastMs, lastOrdinal }) => lastMs > timeMs || (lastMs === timeMs && lastOrdinal >= ordinal),
    );
  }

  /** The entry's verified bytes; undefined if they were staged. Throws `corrupt`. */
  load(entry: LogEntry): Uint8Array | undefined {
    const key = this.keyOf(entry);
    const cached = bodies.get(key);
    if (cached !== undefined) return cached;
    const body = this.table.body(entry.firstIndex);
    if (readStagedRow(entry, body) !== undefined) return undefined;
    this.inspector.inspect(body, entry, entry.segment ?? this.nextSegment);
    bodies.put(key, body);
    return body;
  }

  /** The name and the header of an entry's body, if it was staged. */
  staged(entry: LogEntry): StagedRow | undefined {
    return this.table.staged(entry);
  }

  /** As `load`; also undefined if the bytes fail their check. */
  loadIfSound(entry: LogEntry): Uint8Array | undefined {
    try {
      return this.load(entry);
    } catch (error) {
      if (isCorrupt(error)) return undefined;
      throw error;
    }
  }

  /** What the commits of this generation have changed about the writers, in order. */
  writersChanges(): string[] {
    return this.table.writersChanges();
  }

  private sealRun(chunks: readonly LogEntry[], parts: readonly Uint8Array[]): void {
    const first = chunks[0];
    const last = chunks.at(-1);
    if (first === undefined || last === undefined) return;
    const body = parts.length === 1 ? (parts[0] as Uint8Array) : engine.merge(parts);
    const entry: LogEntry = {
      firstIndex: first.firstIndex,
      count: last.firstIndex + last.count - first.firstIndex,
      firstMs: first.firstMs,
      lastMs: last.lastMs,
      lastOrdinal: last.lastOrdinal,
      bytes: body.length,
      segment: this.nextSegment,
    };
    this.write(entry, body, "replace");
    for (const chunk of chunks) bodies.delete(this.keyOf(chunk));
    this.push(entry);
  }

  /**
   * A chunk that fails its check becomes a segment by itself; its bytes are left for a repair. A
   * chunk whose row is missing gets a row without bytes, so that its segment number is not given
   * again.
   */
  private sealDamaged(chunk: LogEntry): void {
    const entry = { ...chunk, segment: this.nextSegment };
    if (chunk.bytes === 0) this.table.replace(entry, noBytes);
    else this.table.setSegment(entry);
    this.push(entry);
  }

  /** Stores a body; like all stored bytes it is bound to the shard first. */
  private write(
    entry: LogEntry,
    body: Uint8Array,
    how: "insert" | "replace",
    writers?: string,
  ): void {
    bindChunk(body, this.uid);
    if (how === "insert") this.table.insert(entry, body, writers);
    else this.table.replace(entry, body);
    bodies.put(this.keyOf(entry), body);
    if (entry.segment !== undefined) tally.segmentsSealed++;
  }

  /** Stores a row whose body is in a file already. */
  private writeStaged(entry: LogEntry, head: Uint8Array, id: string, writers?: string): void {
    bindChunk(head, this.uid);
    this.table.insert(entry, printStaged({ id, head }), writers);
    tally.segmentsSealed++;
  }

  private push(entry: LogEntry): void {
    const { segment } = entry;
    const isNext =
      segment === undefined ||
      (segment === this.nextSegment && this.sealedCount === this.entries.length);
    if (!isNext || !this.isFollowedBy(entry)) throw this.disorder(entry);
    this.entries.push(entry);
    if (entry.segment === undefined) {
      this.tailBytes += entry.bytes;
      this.mergedBytes += mergedBytesMax(entry.bytes, entry.count);
    } else {
      this.sealedCount = this.entries.length;
      this.sealedBytes += entry.bytes;
    }
  }

  /** True if an entry begins where the last one ends, in index and time. */
  private isFollowedBy({ firstIndex, count, firstMs, lastMs }: LogEntry): boolean {
    const isInTime = firstMs >= this.tailEnd.firstMs && lastMs >= firstMs;
    return firstIndex === this.nextIndex && count > 0 && isInTime;
  }

  /** A segment of small records has wide columns; it must still fit the engine's window. */
  private outgrows(bytes: number, count: number): boolean {
    return this.mergedBytes + mergedBytesMax(bytes, count) > engine.windowBytes;
  }

  /** A chunk's time column spans less than 2^32 ms; the tail must stay mergeable. */
  private spansTooLong(timeMs: number): boolean {
    const first = this.entries[this.sealedCount];
    return first !== undefined && timeMs - first.firstMs >= 2 ** 31;
  }

  private recover(): void {
    const entries = this.table.entries();
    for (const entry of entries) if (entry.segment !== undefined) this.recoverSealed(entry);
    const sealedEnd = this.nextIndex;
    for (const entry of entries) {
      // The rows of chunks that a segment has replaced are unused.
      if (entry.segment === undefined && entry.firstIndex >= sealedEnd) this.recoverTail(entry);
    }
    const { endIndex = this.nextIndex } = this.bounds;
    if (endIndex > this.nextIndex) this.pushMissing(endIndex, this.tailEnd, this.nextSegment);
  }

  private recoverSealed(entry: LogEntry): void {
    const { firstIndex, segment = 0 } = entry;
    const missingRecords = firstIndex - this.nextIndex;
    const missingSegments = segment - this.nextSegment;
    // A segment has at least one record.
    const canBe = missingRecords > 0 ? missingSegments > 0 : missingSegments === 0;
    if (!canBe || missingRecords < missingSegments) throw this.disorder(entry);
    while (this.nextSegment < segment) {
      // It is not known which records each missing segment had: the last one gets all that remain.
      const isLast = this.nextSegment + 1 === segment;
      this.pushMissing(isLast ? firstIndex : this.nextIndex + 1, entry, this.nextSegment);
    }
    this.push(entry);
  }

  private recoverTail(entry: LogEntry): void {
    if (entry.firstIndex < this.nextIndex) throw this.disorder(entry);
    if (entry.firstIndex > this.nextIndex) this.pushMissing(entry.firstIndex, entry, undefined);
    this.push(entry);
  }

  /**
   * Adds an entry without bytes, from the last entry to an index; its records arrived before the
   * next ones.
   */
  private pushMissing(
    endIndex: number,
    { firstMs }: Pick<LogEntry, "firstMs">,
    segment: number | undefined,
  ): void {
    const { firstMs: earliestMs } = this.tailEnd;
    const lost = {
      firstIndex: this.nextIndex,
      count: endIndex - this.nextIndex,
      bytes: 0,
      segment,
    };
    this.push({ ...lost, firstMs: earliestMs, lastMs: firstMs, lastOrdinal: 0 });
  }

  /** Index after the last entry. */
  get nextIndex(): number {
    const last = this.entries.at(-1);
    return last === undefined ? this.bounds.firstIndex : last.firstIndex + last.count;
  }

  /** Arrival of the last record. */
  private get tailEnd(): Pick<LogEntry, "firstMs"> {
    return { firstMs: this.entries.at(-1)?.lastMs ?? this.bounds.lastMs };
  }

  private disorder({ firstIndex, segment }: LogEntry): StreamError {
    const place = { shard: this.uid, segment: segment ?? this.nextSegment, index: firstIndex };
    return new StreamError("corrupt", { ...place, what: "rows out of order" });
  }

  /** A chunk and the segment that begins with it are different bodies. */
  private keyOf(entry: LogEntry): string {
    return entry.segment === undefined
      ? chunkKey(this.uid, entry.firstIndex)
      : segmentKey(this.uid, entry.segment);
  }
}

/** Upper bound of what a chunk adds to the segment of a tail. */
function mergedBytesMax(bytes: number, count: number): number {
  return bytes + count * wideColumnBytesMax;
}

/**
 * Position of the first entry for which `holds` is true; it must be false for all entries before.
 */
function lowest(entries: readonly LogEntry[], holds: (entry: LogEntry) => boolean): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(entries[middle] as LogEntry)) high = middle;
    else low = middle + 1;
  }
  return low;
}
