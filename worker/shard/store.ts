// The stored state of a shard, and its changes: the newest generation of records (log.ts), the
// closed generations before it (generations.ts), one row that tells where the newest begins, and for
// Durable Streams the writers (writersTable.ts) and the forks (forkTable.ts).
// Everything here is synchronous: the writes of a method are one transaction, and state in memory
// follows from the rows. The shard (shard.ts) decides when records become visible to readers, and
// when segments are moved or deleted.
//
//   shard   id            1
//           description   JSON: ShardSettings and retention
//           generation, first_segment, first_index     the newest generation's
//           last_ms, last_ordinal                       arrival of the record before it
import { hourMs } from "../core/units.ts";
import {
  forgetDelayMs,
  generationBytes,
  generationRowsMax,
  generationsPerRetention,
  sealAgeMs,
  timeOrdinalMax,
} from "../limits.ts";
import { type Chunk, withStamp } from "../engine/chunk.ts";
import { addKeysColumn, type Generation, Generations, generationSchema } from "./generations.ts";
import { ForkTable } from "./forkTable.ts";
import { Inspector, isCorrupt } from "../core/bodyCheck.ts";
import { Log } from "./log.ts";
import {
  type LogEntry,
  LogTable,
  readBody,
  readStagedRow,
  stagedIn,
  type StagedRow,
} from "./logTable.ts";
import { bodies, segmentKey } from "../core/bodyCache.ts";
import { invariant } from "../errors.ts";
import { addSkipped } from "./skips.ts";
import { settingsDocument } from "./settingsDocument.ts";
import type { WritersChange } from "../core/durable.ts";
import type { MeteredSql } from "../core/meteredSql.ts";
import type { ShardSettings, ShardStats, SkippedSegment } from "../core/types.ts";
import { Writers } from "./writers.ts";
import { writersDocument } from "./writersDocument.ts";
import { WritersTable } from "./writersTable.ts";

/** How far the horizon moves before its index is searched again. */
const horizonStepMs = 500;

/** The place of the next record: its index, and the arrival time of the record before it. */
export interface Tip {
  nextIndex: number;
  timeMs: number;
  timeOrdinal: number;
}

type ShardRow = {
  description: string;
  generation: number;
  first_segment: number;
  first_index: number;
  last_ms: number;
  last_ordinal: number;
};

export class ShardStore {
  readonly description: ShardSettings;
  readonly generations: Generations;
  readonly inspector: Inspector;
  log: Log;
  tip: Tip;
  /** As the rows have them. */
  readonly writers = new Writers();
  readonly forks: ForkTable;
  private readonly writersTable: WritersTable;
  private readonly sql: MeteredSql;
  /** The last result of `firstKept`, and its horizon. */
  private kept: { horizonMs: number; index: number; segment: number } | undefined;

  private constructor(sql: MeteredSql, row: ShardRow, place: { shard?: string }) {
    this.sql = sql;
    this.forks = new ForkTable(sql);
    this.writersTable = new WritersTable(sql);
    this.description = settingsDocument.decode(row.description, place);
    this.generations = new Generations(sql, this.description.uid);
    this.inspector = new Inspector(this.description.uid);
    this.log = new Log(sql, this.inspector, {
      generation: row.generation,
      firstSegment: row.first_segment,
      firstIndex: row.first_index,
      lastMs: row.last_ms,
      lastOrdinal: row.last_ordinal,
      endIndex: this.description.endIndex,
    });
    this.generations.requireAfter(this.generations.newest(), {
      number: row.generation,
      firstSegment: row.first_segment,
      firstIndex: row.first_index,
    });
    const last = this.log.entries.at(-1);
    this.tip = {
      nextIndex: last === undefined ? row.first_index : last.firstIndex + last.count,
      timeMs: last?.lastMs ?? row.last_ms,
      timeOrdinal: last?.lastOrdinal ?? row.last_ordinal,
    };
    const { state } = this.writersTable;
    for (const change of [...(state === undefined ? [] : [state]), ...this.log.writersChanges()]) {
      this.writers.apply(writersDocument.decode(change, place));
    }
  }

  /**
   * The store of a shard that was created here, or undefined. Throws `corrupt`, which names the
   * object's shard.
   */
  static open(sql: MeteredSql, shard: string | undefined): ShardStore | undefined {
    if (!sql.hasTable("shard")) return undefined;
    addKeysColumn(sql);
    const row = sql.row<ShardRow>("SELECT * FROM shard");
    return row && new ShardStore(sql, row, shard === undefined ? {} : { shard });
  }

  static create(sql: MeteredSql, description: ShardSettings): ShardStore {
    sql.run(
      `CREATE TABLE shard (
         id INTEGER PRIMARY KEY,
         description TEXT NOT NULL,
         generation INTEGER NOT NULL,
         first_segment INTEGER NOT NULL,
         first_index INTEGER NOT NULL,
         last_ms INTEGER NOT NULL,
         last_ordinal INTEGER NOT NULL
       )`,
    );
    sql.run(generationSchema);
    LogTable.create(sql, 0);
    // A fork goes on counting where its source's records end.
    const inherited = description.life?.ancestors?.at(-1);
    const row: ShardRow = {
      description: settingsDocument.encode(description),
      generation: 0,
      first_segment: inherited === undefined ? 0 : inherited.endSegment + 1,
      first_index: inherited?.endIndex ?? 0,
      last_ms: description.earliestMs ?? description.createdMs,
      last_ordinal: 0,
    };
    sql.run("INSERT INTO shard VALUES (1, ?, ?, ?, ?, ?, ?)", ...Object.values(row));
    return new ShardStore(sql, row, {});
  }

  describe(change: Partial<ShardSettings>): void {
    Object.assign(this.description, change);
    this.sql.run("UPDATE shard SET description = ?", settingsDocument.encode(this.description));
    this.kept = undefined;
  }

  /**
   * Gives each chunk its index and arrival time, and moves the tip. All chunks get the same time if
   * it has room for them.
   */
  stamp(chunks: readonly Chunk[], nowMs: number): Chunk[] {
    // Arrival times never decrease, and are never below the horizon's floor. No two records share
    // millisecond and ordinal.
    const { tip } = this;
    let firstIndex = tip.nextIndex;
    let timeMs = Math.max(nowMs, tip.timeMs, this.floorMs);
    let timeOrdinal = timeMs === tip.timeMs ? tip.timeOrdinal + 1 : 0;
    const stamped = chunks.map((chunk) => {
      const { count } = chunk.header;
      if (timeOrdinal > 0 && timeOrdinal + count > timeOrdinalMax) {
        timeMs += 1;
        timeOrdinal = 0;
      }
      const at = withStamp(chunk, { firstIndex, timeMs, timeOrdinal });
      firstIndex += count;
      timeOrdinal += count;
      return at;
    });
    this.tip = { nextIndex: firstIndex, timeMs, timeOrdinal: timeOrdinal - 1 };
    return stamped;
  }

  /** `writers`: what the commit changes about them; there is at least one chunk then. */
  append(chunks: readonly Chunk[], writers?: WritersChange): void {
    // Checked before the first row is written: what the commit of one row does after that cannot fail.
    const last = chunks.at(-1)?.header;
    const index = last === undefined ? this.log.nextIndex : last.firstIndex + last.count;
    const shard = this.description.uid;
    invariant(index === this.tip.nextIndex, "rows end elsewhere than receipts", { shard, index });
    const change = writers && writersDocument.encode(writers);
    for (const [i, chunk] of chunks.entries()) this.log.append(chunk, i === 0 ? change : undefined);
    if (writers !== undefined) this.writers.apply(writers);
  }

  /** True if `append` of the chunks writes one row and nothing else. */
  takesOneRow([chunk, more]: readonly Chunk[]): boolean {
    return chunk !== undefined && more === undefined && this.log.takesOneRow(chunk);
  }

  /** Seals the tail, and begins a new generation when this one has its size or age. */
  seal(nowMs: number): void {
    this.log.seal();
    const { sealedBytes, rowCount, entries } = this.log;
    const oldestMs = entries[0]?.firstMs ?? nowMs;
    const old = nowMs - oldestMs > this.retentionMs / generationsPerRetention;
    if (sealedBytes >= generationBytes || rowCount >= generationRowsMax || old) this.roll();
  }

  /** True when the tail has a segment's size, or the generation its own. */
  get isFull(): boolean {
    return this.log.tailIsFull || this.log.sealedBytes >= generationBytes;
  }

  /** Closes the log, whose tail is sealed, and begins the next generation. */
  roll(): void {
    const { log, tip } = this;
    if (log.entries.length === 0) return;
    const next = { generation: log.generation + 1, firstSegment: log.nextSegment };
    this.generations.close(log.generation, this.firstLogSegment, log.entries);
    LogTable.create(this.sql, next.generation);
    this.writersTable.keep(this.writers.all(Date.now()));
    this.sql.run(
      `UPDATE shard SET generation = ?, first_segment = ?, first_index = ?,
                        last_ms = ?, last_ordinal = ?`,
      next.generation,
      next.firstSegment,
      tip.nextIndex,
      tip.timeMs,
      tip.timeOrdinal,
    );
    this.log = new Log(this.sql, this.inspector, {
      ...next,
      firstIndex: tip.nextIndex,
      lastMs: tip.timeMs,
      lastOrdinal: tip.timeOrdinal,
    });
  }

  /** Number of the newest generation's first segment. */
  get firstLogSegment(): number {
    return this.log.nextSegment - this.log.sealedCount;
  }

  get retentionMs(): number {
    const { life, retentionHours } = this.description;
    return life?.keepsAll === true ? Infinity : retentionHours * hourMs;
  }

  /**
   * Changes how long records are kept; what has expired by now stays expired, and later records are
   * not affected.
   */
  retain(retentionHours: number, nowMs: number): void {
    const expiredMs = Math.min(this.horizonMs(nowMs), this.tip.timeMs + 1);
    const { life } = this.description;
    const kept = life && { life: { ...life, keepsAll: false } };
    this.describe({ retentionHours, floorMs: Math.max(expiredMs, this.floorMs), ...kept });
  }

  /** Records that arrived before it have expired. */
  horizonMs(nowMs: number): number {
    return Math.max(nowMs - this.retentionMs, this.floorMs);
  }

  get floorMs(): number {
    return this.description.floorMs ?? 0;
  }

  /** What is stored, in all generations. */
  totals(
    nowMs: number,
  ): Pick<ShardStats, "records" | "nextIndex" | "first" | "last" | "tail" | "segments"> {
    const { log, inspector, tip } = this;
    const closed = this.generations.totals();
    const { index } = this.firstKept(nowMs);
    const oldest = this.entryAt(index);
    return {
      nextIndex: tip.nextIndex,
      first: oldest === undefined ? null : { index, arrivalMs: oldest.firstMs },
      last: oldest === undefined ? null : { index: tip.nextIndex - 1, arrivalMs: tip.timeMs },
      records: closed.records + log.entries.reduce((sum, entry) => sum + entry.count, 0),
      tail: { chunks: log.entries.length - log.sealedCount, bytes: log.tailBytes },
      segments: {
        count: closed.segments + log.sealedCount,
        sqliteBytes: closed.bytes - closed.tieredBytes + log.sealedBytes,
        r2Bytes: closed.tieredBytes,
        damaged: inspector.damaged.size,
        skipped: this.skippedCount,
      },
    };
  }

  /** When the tail must be sealed because of its age, or the oldest records deleted. */
  nextDueMs(nowMs: number): number | undefined {
    const { entries, sealedCount } = this.log;
    const oldestTail = entries[sealedCount];
    const oldest = this.generations.oldest()?.lastMs ?? entries.at(-1)?.lastMs;
    const times: number[] = [];
    if (oldestTail !== undefined) times.push(Math.min(oldestTail.firstMs, nowMs) + sealAgeMs);
    if (oldest !== undefined) {
      const expiryMs = oldest + this.retentionMs + 1;
      times.push(oldest < this.floorMs ? 0 : expiryMs > nowMs ? expiryMs : nowMs + forgetDelayMs);
    }
    const dueMs = Math.min(...times);
    return dueMs === Infinity ? undefined : dueMs;
  }

  /** The oldest segment or chunk that has a record within retention, or the end. */
  firstKept(nowMs: number): { index: number; segment: number } {
    const horizonMs = this.horizonMs(nowMs);
    const { kept } = this;
    const known = kept !== undefined && horizonMs >= kept.horizonMs;
    if (known && horizonMs - kept.horizonMs < horizonStepMs) return kept;
    const entry = this.entryAtTime(horizonMs, 0);
    this.kept = {
      horizonMs,
      index: entry?.firstIndex ?? this.tip.nextIndex,
      segment: entry?.segment ?? this.log.nextSegment,
    };
    return this.kept;
  }

  /** The entry with the first record at or after the time; undefined if there is none. */
  entryAtTime(timeMs: number, ordinal: number): LogEntry | undefined {
    const generation = this.generations.atTime(timeMs, ordinal);
    if (generation === undefined) return this.log.entries[this.log.findTime(timeMs, ordinal)];
    return generation.segments.find(
      ({ lastMs, lastOrdinal }) => lastMs > timeMs || (lastMs === timeMs && lastOrdinal >= ordinal),
    );
  }

  /** The entry that contains `index`; undefined if there is none. */
  entryAt(index: number): LogEntry | undefined {
    const first = this.log.entries[0]?.firstIndex ?? this.tip.nextIndex;
    if (index >= first) return this.log.entries[this.log.find(index)];
    const generation = this.generations.holding(index);
    return generation?.segments.find((segment) => segment.firstIndex + segment.count > index);
  }

  /** Number of the segment with `index`, also if its row is missing; undefined for the tail. */
  segmentAt(index: number): number | undefined {
    const entry = this.entryAt(index);
    const logIndex = this.log.entries[0]?.firstIndex ?? this.tip.nextIndex;
    if (entry !== undefined || index >= logIndex) return entry?.segment;
    return this.generations.segmentAfter(index);
  }

  /**
   * A sealed segment's verified bytes. Undefined if it is not here: not sealed, deleted, staged, or only in
   * R2. Throws `corrupt`.
   */
  loadSegment(segment: number): Uint8Array | undefined {
    const { log } = this;
    const inLog = log.entries[segment - this.firstLogSegment];
    if (inLog?.segment === segment) return log.load(inLog);
    const generation = this.generations.withSegment(segment);
    if (generation === undefined || generation.tiered) return undefined;
    return this.loadClosed(generation, segment);
  }

  /** The expected records of a sealed segment; undefined if it is not sealed, or deleted. */
  segmentEntry(segment: number): LogEntry | undefined {
    const inLog = this.log.entries[segment - this.firstLogSegment];
    if (inLog?.segment === segment) return inLog;
    const generation = this.generations.withSegment(segment);
    return generation?.segments[segment - generation.firstSegment];
  }

  /** The segments and records that no row lists, around this segment; undefined if a row lists it. */
  segmentGap(segment: number): Required<SkippedSegment> | undefined {
    const firstIndex = this.log.entries[0]?.firstIndex ?? this.tip.nextIndex;
    return this.generations.gapAt(segment, { firstSegment: this.firstLogSegment, firstIndex });
  }

  private get skippedCount(): number {
    const { skipped = [] } = this.description;
    return skipped.reduce((sum, { segments = 1 }) => sum + segments, 0);
  }

  /** Undefined unless readers may pass over it. */
  skippedSegment(segment: number): SkippedSegment | undefined {
    return this.description.skipped?.find(
      (each) => segment >= each.segment && segment < each.segment + (each.segments ?? 1),
    );
  }

  /** As `loadSegment`; also undefined if the bytes fail their check. */
  loadSegmentIfSound(segment: number): Uint8Array | undefined {
    try {
      return this.loadSegment(segment);
    } catch (error) {
      if (isCorrupt(error)) return undefined;
      throw error;
    }
  }

  /** Lets readers pass over it. Throws `tooManySkipped`. */
  skip(segment: SkippedSegment): void {
    const firstIndex = this.generations.oldest()?.firstIndex ?? 0;
    this.describe({ skipped: addSkipped(this.description.skipped ?? [], segment, firstIndex) });
  }

  /** Marks a generation as moved to R2 and drops its table. */
  free(generation: Generation, keys: Uint8Array): void {
    this.generations.markTiered(generation, keys);
    LogTable.drop(this.sql, generation.number);
  }

  /** Deletes a generation: its row, and its table if it still exists. */
  forget(generation: Generation): void {
    this.generations.forget(generation);
    LogTable.drop(this.sql, generation.number);
  }

  /** A segment whose body was staged, so that its row here has only the header; undefined for any other. */
  stagedSegment(segment: number): (StagedRow & { entry: LogEntry }) | undefined {
    const entry = this.segmentEntry(segment);
    if (entry === undefined) return undefined;
    const staged =
      segment >= this.firstLogSegment
        ? this.log.staged(entry)
        : this.stagedInClosed(segment, entry);
    return staged && { ...staged, entry };
  }

  /** Ids of all staged bodies that rows refer to. */
  stagedIds(): Set<string> {
    const ids = new Set<string>();
    const note = (segment: number) => {
      const staged = this.stagedSegment(segment);
      if (staged !== undefined) ids.add(staged.id);
    };
    for (const { firstSegment, segments } of this.generations.inSqlite()) {
      for (const i of segments.keys()) note(firstSegment + i);
    }
    for (let i = 0; i < this.log.sealedCount; i++) note(this.firstLogSegment + i);
    return ids;
  }

  private stagedInClosed(segment: number, entry: LogEntry): StagedRow | undefined {
    const generation = this.generations.withSegment(segment);
    if (generation === undefined || generation.tiered) return undefined;
    return stagedIn(this.sql, generation.number, entry);
  }

  private loadClosed(generation: Generation, segment: number): Uint8Array | undefined {
    const { uid } = this.description;
    const key = segmentKey(uid, segment);
    const cached = bodies.get(key);
    if (cached !== undefined) return cached;
    const entry = generation.segments[segment - generation.firstSegment] as LogEntry;
    const body = readBody(this.sql, generation.number, entry.firstIndex);
    if (readStagedRow(entry, body) !== undefined) return undefined;
    this.inspector.inspect(body, entry, segment);
    bodies.put(key, body);
    return body;
  }
}
