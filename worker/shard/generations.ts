// The closed generations of a shard: one row each, which tells its segments and where they are: in
// SQLite (table log_<number>) or, if `tiered`, in R2 (core/segmentBucket.ts). A generation is
// deleted as a whole, when all its records have expired.
//
//   generation   number        primary key: consecutive, in record order
//                first_segment, first_index, next_index, first_ms, last_ms, last_ordinal, bytes
//                tiered        1 when the segments are in R2 and the table is gone
//                segments      JSON: [count, first_ms, last_ms, last_ordinal, bytes] each
//                keys          filters of the keys of each segment (core/keyFilter.ts), or null
import { listCodec } from "../core/document.ts";
import { invariant, StreamError } from "../errors.ts";
import { filterReplyBytesMax, filterReplyGenerationsMax } from "../limits.ts";
import type { SegmentFilters } from "../core/types.ts";
import type { LogEntry } from "./logTable.ts";
import type { MeteredSql } from "../core/meteredSql.ts";
import type { SkippedSegment } from "../core/types.ts";

export interface Generation {
  number: number;
  firstSegment: number;
  firstIndex: number;
  nextIndex: number;
  firstMs: number;
  lastMs: number;
  lastOrdinal: number;
  bytes: number;
  tiered: boolean;
  segments: LogEntry[];
}

type GenerationRow = {
  first_index: number;
  number: number;
  first_segment: number;
  next_index: number;
  first_ms: number;
  last_ms: number;
  last_ordinal: number;
  bytes: number;
  tiered: number;
  segments: string;
};

type SegmentFields = [number, number, number, number, number];

export const segmentsDocument = listCodec<SegmentFields>("the list of segments", segmentFields);

export const generationSchema = `
  CREATE TABLE IF NOT EXISTS generation (
    number INTEGER PRIMARY KEY,
    first_segment INTEGER NOT NULL,
    first_index INTEGER NOT NULL,
    next_index INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    last_ordinal INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    tiered INTEGER NOT NULL,
    segments TEXT NOT NULL,
    keys BLOB
  )`;

/** What is read to find records: filters may be a megabyte, and are read by themselves. */
const placeColumns = `number, first_segment, first_index, next_index, first_ms, last_ms,
                      last_ordinal, bytes, tiered, segments`;

/** Generations of version 0.1.0 have no column for filters. */
export function addKeysColumn(sql: MeteredSql): void {
  const table = sql.row<{ sql: string }>(
    "SELECT sql FROM sqlite_master WHERE name = 'generation' AND type = 'table'",
  );
  if (table === undefined || /\bkeys BLOB\b/.test(table.sql)) return;
  sql.run("ALTER TABLE generation ADD COLUMN keys BLOB");
}

export class Generations {
  private readonly sql: MeteredSql;
  private readonly uid: string;
  /** Generations that are not tiered, oldest first; undefined until first used. */
  private untiered: readonly Generation[] | undefined;
  /** False once all of them are known to have filters. */
  private mayBeUnindexed = true;

  constructor(sql: MeteredSql, uid: string) {
    this.sql = sql;
    this.uid = uid;
  }

  /**
   * Stores a log whose tail is empty as a closed generation; does nothing if it has no segments.
   */
  close(number: number, firstSegment: number, segments: readonly LogEntry[]): void {
    const first = segments[0];
    const last = segments.at(-1);
    if (first === undefined || last === undefined) return;
    const generation: Generation = {
      number,
      firstSegment,
      firstIndex: first.firstIndex,
      nextIndex: last.firstIndex + last.count,
      firstMs: first.firstMs,
      lastMs: last.lastMs,
      lastOrdinal: last.lastOrdinal,
      bytes: segments.reduce((bytes, segment) => bytes + segment.bytes, 0),
      tiered: false,
      segments: [...segments],
    };
    const fields = segments.map(({ count, firstMs, lastMs, lastOrdinal, bytes }): SegmentFields => [
      count,
      firstMs,
      lastMs,
      lastOrdinal,
      bytes,
    ]);
    this.sql.run(
      "INSERT INTO generation VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, NULL)",
      number,
      firstSegment,
      generation.firstIndex,
      generation.nextIndex,
      generation.firstMs,
      generation.lastMs,
      generation.lastOrdinal,
      generation.bytes,
      segmentsDocument.encode(fields),
    );
    if (this.untiered !== undefined) this.untiered = [...this.untiered, generation];
    this.mayBeUnindexed = true;
  }

  /** The oldest generation in SQLite without filters of keys; undefined if there is none. */
  unindexed(): Generation | undefined {
    if (!this.mayBeUnindexed) return undefined;
    const found = this.read("WHERE tiered = 0 AND keys IS NULL ORDER BY number LIMIT 1");
    this.mayBeUnindexed = found !== undefined;
    return found;
  }

  /** Stores the filters of a generation; nothing if it is gone. */
  index({ number }: Generation, keys: Uint8Array): void {
    this.sql.run("UPDATE generation SET keys = ? WHERE number = ?", keys, number);
  }

  /**
   * Segments and filters of the generation that has a segment and of those after it, up to a number
   * of bytes; none if it is not closed, and no filters where there are none.
   */
  filtersFrom(segment: number): SegmentFilters[] {
    const found: SegmentFilters[] = [];
    let bytes = 0;
    let generation = this.withSegment(segment);
    while (generation !== undefined && found.length < filterReplyGenerationsMax) {
      const { number, firstSegment, firstIndex, segments } = generation;
      const row = this.sql.row<{ keys: ArrayBuffer | null }>(
        "SELECT keys FROM generation WHERE number = ?",
        number,
      );
      const filters = row?.keys == null ? null : new Uint8Array(row.keys);
      const counts = segments.map(({ count }) => count);
      found.push({ firstSegment, firstIndex, counts, filters });
      bytes += (filters?.length ?? 0) + counts.length * 8;
      if (bytes >= filterReplyBytesMax) break;
      const next = firstSegment + segments.length;
      generation = this.read("WHERE number > ? ORDER BY number LIMIT 1", number);
      // Rows may be missing: then the next ones are asked for by themselves.
      if (generation?.firstSegment !== next) break;
    }
    return found;
  }

  oldest(): Generation | undefined {
    return this.read("ORDER BY number LIMIT 1");
  }

  newest(): Generation | undefined {
    return this.read("ORDER BY number DESC LIMIT 1");
  }

  /**
   * Generations that are not tiered, oldest first. They are read once: a shard may have many
   * others.
   */
  inSqlite(): readonly Generation[] {
    const query = `SELECT ${placeColumns} FROM generation WHERE tiered = 0 ORDER BY number`;
    if (this.untiered === undefined) {
      const found = this.sql.rows<GenerationRow>(query).map((row) => this.toGeneration(row));
      for (const [i, each] of found.entries()) this.requireAfter(found[i - 1], each);
      this.untiered = found;
    }
    return this.untiered;
  }

  /**
   * Throws unless a generation, or the log, begins where the one before it ends. Rows may be
   * missing between.
   */
  requireAfter(
    before: Generation | undefined,
    next: Pick<Generation, "number" | "firstSegment" | "firstIndex">,
  ): void {
    if (before === undefined) return;
    const gone = next.number - before.number - 1;
    const lostSegments = next.firstSegment - before.firstSegment - before.segments.length;
    const lostRecords = next.firstIndex - before.nextIndex;
    // A generation has at least one segment, and a segment at least one record.
    const isAfter =
      gone === 0
        ? lostSegments === 0 && lostRecords === 0
        : lostSegments >= gone && lostRecords >= lostSegments;
    const place = { shard: this.uid, segment: next.firstSegment, index: next.firstIndex };
    invariant(isAfter && gone >= 0, "it does not begin where the generation before it ends", place);
  }

  /** The one that holds `index`, if any does. */
  holding(index: number): Generation | undefined {
    const found = this.first((each) => each.nextIndex > index);
    return found !== undefined && found.firstIndex <= index ? found : undefined;
  }

  /** Number of the first segment after the generations that end at `index` or before. */
  segmentAfter(index: number): number {
    const before = this.read("WHERE next_index <= ? ORDER BY number DESC LIMIT 1", index);
    return before === undefined ? 0 : before.firstSegment + before.segments.length;
  }

  /** The one with segment `segment`, if any has it. */
  withSegment(segment: number): Generation | undefined {
    const known = this.untiered?.find(
      (each) => segment >= each.firstSegment && segment < each.firstSegment + each.segments.length,
    );
    if (known !== undefined) return known;
    const found = this.first((each) => each.firstSegment + each.segments.length > segment);
    return found !== undefined && found.firstSegment <= segment ? found : undefined;
  }

  /**
   * The segments and records between two generations, or the last one and the log, whose rows are
   * missing; undefined if a row lists the segment, or if it is before the oldest one.
   */
  gapAt(
    segment: number,
    log: Pick<Generation, "firstSegment" | "firstIndex">,
  ): Required<SkippedSegment> | undefined {
    const before = this.read("WHERE first_segment <= ? ORDER BY number DESC LIMIT 1", segment);
    const next = this.read("WHERE first_segment > ? ORDER BY number LIMIT 1", segment) ?? log;
    if (before === undefined) return undefined;
    const first = before.firstSegment + before.segments.length;
    if (segment < first || segment >= next.firstSegment) return undefined;
    const { nextIndex: index } = before;
    const segments = next.firstSegment - first;
    return { segment: first, index, count: next.firstIndex - index, segments };
  }

  /** The oldest one with a record at or after the time. */
  atTime(timeMs: number, ordinal: number): Generation | undefined {
    return this.first(
      ({ lastMs, lastOrdinal }) => lastMs > timeMs || (lastMs === timeMs && lastOrdinal >= ordinal),
    );
  }

  /** With the filters of its keys, in one row. */
  markTiered(generation: Generation, keys: Uint8Array): void {
    const statement = "UPDATE generation SET tiered = 1, keys = ? WHERE number = ?";
    this.sql.run(statement, keys, generation.number);
    this.leaveOut(generation);
  }

  forget(generation: Generation): void {
    this.sql.run("DELETE FROM generation WHERE number = ?", generation.number);
    this.leaveOut(generation);
  }

  totals(): {
    generations: number;
    segments: number;
    records: number;
    bytes: number;
    tieredBytes: number;
  } {
    const row = this.sql.row<Record<"generations" | "records" | "bytes" | "tiered", number | null>>(
      `SELECT count(*) AS generations, sum(next_index - first_index) AS records,
              sum(bytes) AS bytes, sum(bytes * tiered) AS tiered FROM generation`,
    );
    const oldest = this.oldest();
    const newest = this.newest();
    return {
      generations: row?.generations ?? 0,
      segments:
        oldest === undefined || newest === undefined
          ? 0
          : newest.firstSegment + newest.segments.length - oldest.firstSegment,
      records: row?.records ?? 0,
      bytes: row?.bytes ?? 0,
      tieredBytes: row?.tiered ?? 0,
    };
  }

  private leaveOut({ number }: Generation): void {
    this.untiered = this.untiered?.filter((each) => each.number !== number);
  }

  /** The oldest generation for which `holds` is true; it must be true for all younger ones. */
  private first(holds: (generation: Generation) => boolean): Generation | undefined {
    let found = this.newest();
    if (found === undefined || !holds(found)) return undefined;
    let low = this.oldest()?.number ?? found.number;
    let high = found.number;
    while (low < high) {
      const middle = (low + high) >>> 1;
      // Numbers are consecutive, unless a row is missing: then the next one is used.
      const generation: Generation =
        this.read("WHERE number >= ? ORDER BY number LIMIT 1", middle) ?? found;
      if (holds(generation)) {
        found = generation;
        high = middle;
      } else {
        low = generation.number + 1;
      }
    }
    return found;
  }

  private read(where: string, ...bindings: number[]): Generation | undefined {
    const row = this.sql.row<GenerationRow>(
      `SELECT ${placeColumns} FROM generation ${where}`,
      ...bindings,
    );
    return row && this.toGeneration(row);
  }

  /** Throws `corrupt` unless the list of segments has exactly the generation's records. */
  private toGeneration(row: GenerationRow): Generation {
    const { first_segment: segment, first_index: index } = row;
    const fields = segmentsDocument.decode(row.segments, { shard: this.uid, segment, index });
    let firstIndex = row.first_index;
    const segments = fields.map(([count, firstMs, lastMs, lastOrdinal, bytes], i) => {
      const entry = { firstIndex, count, firstMs, lastMs, lastOrdinal, bytes, segment: 0 };
      entry.segment = row.first_segment + i;
      firstIndex += count;
      return entry;
    });
    if (firstIndex !== row.next_index) throw this.damage(row);
    return {
      number: row.number,
      firstSegment: row.first_segment,
      firstIndex: row.first_index,
      nextIndex: row.next_index,
      firstMs: row.first_ms,
      lastMs: row.last_ms,
      lastOrdinal: row.last_ordinal,
      bytes: row.bytes,
      tiered: row.tiered === 1,
      segments,
    };
  }

  private damage({ first_segment: segment, first_index: index }: GenerationRow): StreamError {
    const what = "a list of other segments";
    return new StreamError("corrupt", { shard: this.uid, segment, index, what });
  }
}

function segmentFields(fields: unknown, at: string): string | undefined {
  const isSound =
    Array.isArray(fields) && fields.length === 5 && fields.every(Number.isSafeInteger);
  return isSound ? undefined : `${at} is no list of five whole numbers`;
}
