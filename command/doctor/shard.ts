/**
 * Checks a shard: its description, its closed generations and its log, each body in SQLite and in
 * the bucket, and that one continues where the other ends (docs/FORMAT.md, A shard's tables).
 */
import { hourMs } from "../../worker/core/units.ts";
import { verifyBody } from "../../worker/engine/chunk.ts";
import { isCode } from "../../worker/errors.ts";
import { readStagedRow } from "../../worker/shard/logTable.ts";
import { segmentsDocument } from "../../worker/shard/generations.ts";
import { settingsDocument } from "../../worker/shard/settingsDocument.ts";
import { decodeFilters } from "../../worker/core/keyFilter.ts";
import type { ShardSettings } from "../../worker/core/types.ts";
import { checkAppends } from "./appends.ts";
import { type Expected, checkBody, hasAllKeys, lastArrival } from "./body.ts";
import type { Bucket } from "./bucket.ts";
import { bytesOf, type Database, type Row, textOf, wholeOf } from "./database.ts";
import type { Findings } from "./findings.ts";
import { checkWriters } from "./writers.ts";

/** Where the next run of records must begin. */
interface End {
  segment: number;
  index: number;
  /** Arrival of the last record. */
  timeMs: number;
}

/** A body that must be there. */
interface Entry extends Required<Expected> {
  /** Undefined for a chunk of the tail. */
  segment: number | undefined;
}

/** A row id has room for this many parts of a body. */
const bodyParts = 8;

export interface CheckedShard {
  settings: ShardSettings;
  /** Behind its last record. */
  endIndex: number;
}

/** Undefined if the shard has no settings, or if they cannot be read. */
export function checkShard(
  database: Database,
  bucket: Bucket,
  findings: Findings,
): CheckedShard | undefined {
  const { file, tables } = database;
  if (!tables.has("shard")) {
    const others = [...tables].filter((name) => !name.startsWith("_cf_"));
    if (others.length > 0) findings.problem(file, "database", `it has only ${others.join(", ")}`);
    return undefined;
  }
  const [row, ...more] = database.rows("SELECT * FROM shard");
  if (row === undefined || more.length > 0) {
    findings.problem(file, "shard", `it has ${row === undefined ? "no" : more.length + 1} rows`);
    return undefined;
  }
  const settings = findings.attempt(file, "shard", () =>
    settingsDocument.decode(textOf(row, "description"), {}),
  );
  if (settings === undefined) return undefined;
  findings.counts.shards++;
  if (settings.destroyed === true) return { settings, endIndex: 0 };
  const endIndex = new ShardCheck(database, bucket, settings, findings).run(row);
  return { settings, endIndex };
}

class ShardCheck {
  private readonly database: Database;
  private readonly tables: ReadonlySet<string>;
  private readonly bucket: Bucket;
  private readonly settings: ShardSettings;
  private readonly findings: Findings;
  private end: End | undefined;
  private firstSegment = 0;
  /** Ids of staged bodies that rows refer to. */
  private readonly staged = new Set<string>();

  constructor(database: Database, bucket: Bucket, settings: ShardSettings, findings: Findings) {
    this.database = database;
    this.tables = database.tables;
    this.bucket = bucket;
    this.settings = settings;
    this.findings = findings;
  }

  /** Returns the index behind the last record. */
  run(row: Row): number {
    let number: number | undefined;
    let isFirst = true;
    for (const generation of this.database.rows("SELECT * FROM generation ORDER BY number")) {
      if (isFirst) this.firstSegment = wholeOf(generation, "first_segment");
      isFirst = false;
      this.checkBegin(generation, "number", number);
      number = wholeOf(generation, "number");
      this.checkGeneration(generation);
    }
    if (isFirst) this.firstSegment = wholeOf(row, "first_segment");
    this.checkBegin(row, "generation", number);
    this.checkLog(row);
    this.checkObjects();
    this.noteStaged();
    this.checkTables(wholeOf(row, "generation"));
    const endIndex = this.end?.index ?? 0;
    checkAppends(this.database, this.place, endIndex, this.findings);
    return endIndex;
  }

  /** A generation begins where the one before it ends, or later if rows between are gone. */
  private checkBegin(row: Row, column: string, before: number | undefined): void {
    const [number, segment] = [wholeOf(row, column), wholeOf(row, "first_segment")];
    const index = wholeOf(row, "first_index");
    const { end } = this;
    if (before !== undefined && end !== undefined) {
      const gone = number - before - 1;
      const [segments, records] = [segment - end.segment, index - end.index];
      const place = this.placeOf(segment);
      if (
        gone === 0 ? segments !== 0 || records !== 0 : !(segments >= gone && records >= segments)
      ) {
        this.problem(place, `generation ${number} does not begin where ${before} ends`);
      } else if (gone > 0) {
        const lost = `${records} records of ${gone} generations have no rows`;
        if (this.isSkipped(end.segment)) this.findings.note(this.file, place, `${lost}; skipped`);
        else this.problem(place, lost);
      }
    }
    this.end = { segment, index, timeMs: end?.timeMs ?? -Infinity };
  }

  private checkGeneration(row: Row): void {
    const number = wholeOf(row, "number");
    const place = `${this.place}, generation ${number}`;
    const fields = this.findings.attempt(this.file, place, () =>
      segmentsDocument.decode(textOf(row, "segments"), {}),
    );
    if (fields === undefined || this.end === undefined) return;
    const isTiered = wholeOf(row, "tiered") === 1;
    const table = `log_${number}`;
    if (isTiered === this.tables.has(table)) {
      this.problem(place, isTiered ? `moved, and ${table} is there` : `${table} is missing`);
      if (!isTiered) return;
    }
    const filters = this.filtersOf(row, fields.length, place);
    let [firstIndex, bytesInAll] = [this.end.index, 0];
    const { segment: first } = this.end;
    for (const [i, [count, firstMs, lastMs, lastOrdinal, bytes]] of fields.entries()) {
      const segment = first + i;
      const entry = { segment, firstIndex, count, firstMs, lastMs, lastOrdinal, bytes };
      this.checkArrival(entry);
      this.checkEntry(entry, isTiered ? undefined : number, filters[i]);
      [firstIndex, bytesInAll] = [firstIndex + count, bytesInAll + bytes];
      this.end = { segment: segment + 1, index: firstIndex, timeMs: lastMs };
    }
    const last = fields.at(-1);
    const sums: [what: string, found: number | undefined, column: string][] = [
      ["records", firstIndex, "next_index"],
      ["bytes", bytesInAll, "bytes"],
      ["first arrival", fields[0]?.[1], "first_ms"],
      ["last arrival", last?.[2], "last_ms"],
      ["last ordinal", last?.[3], "last_ordinal"],
    ];
    const wrong = sums.find(([, found, column]) => found !== wholeOf(row, column));
    if (wrong !== undefined) this.problem(place, `its ${wrong[0]} are not those of its segments`);
  }

  /** A generation may have a filter of keys for each of its segments. */
  private filtersOf(row: Row, segments: number, place: string): (Uint8Array | undefined)[] {
    if (!(row["keys"] instanceof Uint8Array)) return [];
    const body = bytesOf(row, "keys");
    const filters = this.findings.attempt(this.file, `${place}, filters of keys`, () =>
      decodeFilters(body),
    );
    if (filters === undefined || filters.length === segments) return filters ?? [];
    this.problem(place, `it has filters of ${filters.length} segments, and ${segments} segments`);
    return [];
  }

  /** The newest generation: segments by number, then the chunks of the tail. */
  private checkLog(row: Row): void {
    const number = wholeOf(row, "generation");
    const table = `log_${number}`;
    if (!this.tables.has(table)) return this.problem(this.place, `${table} is missing`);
    checkWriters(this.database, this.place, table, this.findings);
    const begin = { segment: wholeOf(row, "first_segment"), index: wholeOf(row, "first_index") };
    this.end = { ...begin, timeMs: wholeOf(row, "last_ms") };
    const entries = [...this.database.rows(entryQuery(table))].map(entryOf);
    const sealed = entries.filter(({ segment }) => segment !== undefined);
    for (const entry of sealed) this.checkNext(entry, number);
    const sealedEnd = this.end.index;
    for (const entry of entries) {
      // A chunk that a segment has replaced has a row until its table is dropped.
      if (entry.segment !== undefined || entry.firstIndex < sealedEnd) continue;
      this.checkNext(entry, number);
    }
    const { endIndex } = this.settings;
    if (endIndex !== undefined && endIndex !== this.end.index) {
      const what = `the shard was closed at index ${endIndex}, and its rows end at ${this.end.index}`;
      this.problem(this.place, what);
    }
  }

  /** An entry of the log follows the one before it. */
  private checkNext(entry: Entry, generation: number): void {
    const { end } = this;
    if (end === undefined) return;
    const { segment, firstIndex, count } = entry;
    const isNext = firstIndex === end.index && (segment === undefined || segment === end.segment);
    const number = segment ?? end.segment;
    if (!isNext) {
      const lost = firstIndex - end.index;
      const what =
        lost > 0 ? `${lost} records before index ${firstIndex} have no row` : "rows out of order";
      this.problem(this.placeOf(number), what);
    }
    this.checkArrival(entry);
    this.checkEntry(entry, generation);
    const next = segment === undefined ? end.segment : segment + 1;
    this.end = { segment: next, index: firstIndex + count, timeMs: entry.lastMs };
  }

  private checkArrival({ segment, firstMs, lastMs, count }: Entry): void {
    const place = this.placeOf(segment);
    if (!(count > 0)) this.problem(place, "it has no records");
    if (!(firstMs >= (this.end?.timeMs ?? 0) && lastMs >= firstMs)) {
      this.problem(place, "its records arrived before those before it");
    }
  }

  /**
   * A body has one intact copy at least. `generation` has it in SQLite; undefined: only the bucket. The filter of a
   * segment has each of its keys.
   */
  private checkEntry(entry: Entry, generation: number | undefined, filter?: Uint8Array): void {
    const { uid } = this.settings;
    const { segment } = entry;
    const copies: [file: string, body: Uint8Array | undefined][] = [];
    const own = generation === undefined ? undefined : this.ownCopy(generation, entry);
    if (own !== undefined) copies.push(own);
    // Of a staged body the row has the header, so the object is no copy by itself.
    const isStaged = own !== undefined && own[0] !== this.file;
    if (segment !== undefined && !isStaged && this.bucket.has(uid, segment)) {
      copies.push([this.bucket.fileOf(uid, segment), this.bucket.read(uid, segment)]);
    } else if (generation === undefined && segment !== undefined) {
      copies.push([this.bucket.fileOf(uid, segment), undefined]);
    }
    const wrong = copies.map(([file, body]) => ({ file, what: this.inspect(body, entry) }));
    const isReadable = wrong.some(({ what }) => what === undefined);
    if (isReadable) this.findings.counts.records += entry.count;
    const place = this.placeOf(segment, entry.firstIndex);
    const sound = copies.find((_, i) => wrong[i]?.what === undefined)?.[1];
    if (filter !== undefined && sound !== undefined && !hasAllKeys(filter, sound)) {
      this.problem(place, "its filter of keys lacks keys of its records, so that scans miss them");
    }
    for (const { file, what } of wrong) {
      if (what === undefined) continue;
      if (isReadable) this.findings.problem(file, place, `${what}; another copy is intact`);
      else if (segment !== undefined && this.isSkipped(segment)) {
        this.findings.note(file, place, `${what}; readers pass over it`);
      } else this.findings.problem(file, place, what);
    }
  }

  /** The body of a row, or what was staged with the header of the row before it. */
  private ownCopy(generation: number, entry: Entry): [file: string, body: Uint8Array | undefined] {
    const { uid } = this.settings;
    const { segment } = entry;
    const rows = this.readRows(generation, entry);
    const staged = readStagedRow(entry, rows);
    if (staged === undefined || segment === undefined) return [this.file, rows];
    const { id, head } = staged;
    this.staged.add(id);
    const file = this.bucket.stagedFileOf(uid, id);
    const body = this.bucket.readStaged(uid, id);
    if (body !== undefined) return [file, withHead(body, head)];
    // It is the bucket's object by now, whose header may not have reached the disk.
    if (!this.bucket.has(uid, segment)) return [file, undefined];
    return [this.bucket.fileOf(uid, segment), withHead(this.bucket.read(uid, segment), head)];
  }

  /** What is wrong with a copy, or undefined. */
  private inspect(body: Uint8Array | undefined, entry: Entry): string | undefined {
    if (body === undefined || body.length === 0) return "missing";
    this.findings.counts.bodies++;
    this.findings.counts.bodyBytes += body.length;
    try {
      return checkBody(body, this.settings.uid, entry);
    } catch (error) {
      if (!isCode(error, "corrupt")) throw error;
      return error.detail.what;
    }
  }

  private readRows(generation: number, { firstIndex }: Entry): Uint8Array {
    const id = firstIndex * bodyParts;
    const query = `SELECT body FROM log_${generation} WHERE id >= ? AND id < ? ORDER BY id`;
    const parts = [...this.database.rows(query, id, id + bodyParts)];
    return Buffer.concat(parts.map((part) => bytesOf(part, "body")));
  }

  /** Objects that no row lists. Those before the first generation should have expired. */
  private checkObjects(): void {
    const { uid } = this.settings;
    const next = this.end?.segment ?? 0;
    for (const number of this.bucket.numbersOf(uid)) {
      if (number >= this.firstSegment && number < next) continue;
      const file = this.bucket.fileOf(uid, number);
      const place = this.placeOf(number);
      if (number < this.firstSegment && this.isExpired(number)) {
        this.findings.note(file, place, "no row lists it; its records have expired");
      } else this.findings.problem(file, place, "no row lists it");
    }
  }

  /** Staged bodies that no row refers to are what appends that failed have left. */
  private noteStaged(): void {
    const { uid } = this.settings;
    for (const id of this.bucket.stagedIdsOf(uid)) {
      if (this.staged.has(id)) continue;
      const file = this.bucket.stagedFileOf(uid, id);
      const what = "no row refers to it; the server removes it when it moves segments";
      this.findings.note(file, this.place, what);
    }
  }

  /** A body that cannot be read has no records that anyone would miss. */
  private isExpired(segment: number): boolean {
    const { uid, retentionHours, floorMs = 0 } = this.settings;
    try {
      const body = this.bucket.read(uid, segment);
      const { timeMs } = lastArrival(body, verifyBody(body, uid));
      return timeMs < Math.max(Date.now() - retentionHours * hourMs, floorMs);
    } catch (error) {
      if (isCode(error, "corrupt")) return true;
      throw error;
    }
  }

  /** Tables of generations that are neither closed nor the newest. */
  private checkTables(newest: number): void {
    const rows = [...this.database.rows("SELECT number FROM generation")];
    const known = new Set([newest, ...rows.map((row) => wholeOf(row, "number"))]);
    for (const table of this.tables) {
      const number = /^log_(\d+)$/.exec(table)?.[1];
      if (number !== undefined && !known.has(Number(number))) {
        this.problem(this.place, `${table} is of no generation`);
      }
    }
  }

  private isSkipped(segment: number): boolean {
    const { skipped = [] } = this.settings;
    return skipped.some(
      (each) => segment >= each.segment && segment < each.segment + (each.segments ?? 1),
    );
  }

  private get file(): string {
    return this.database.file;
  }

  private get place(): string {
    return `shard ${this.settings.uid}`;
  }

  private placeOf(segment: number | undefined, index?: number): string {
    if (segment !== undefined) return `${this.place}, segment ${segment}`;
    return index === undefined ? `${this.place}, tail` : `${this.place}, tail from index ${index}`;
  }

  private problem(place: string, what: string): void {
    this.findings.problem(this.file, place, what);
  }
}

function withHead(body: Uint8Array, head: Uint8Array): Uint8Array {
  const whole = new Uint8Array(body);
  if (whole.length > head.length) whole.set(head);
  return whole;
}

function entryQuery(table: string): string {
  return `SELECT id, segment, count, first_ms, last_ms, last_ordinal, bytes FROM ${table}
          WHERE id % ${bodyParts} = 0 ORDER BY id`;
}

function entryOf(row: Row): Entry {
  return {
    firstIndex: wholeOf(row, "id") / bodyParts,
    segment: row["segment"] === null ? undefined : wholeOf(row, "segment"),
    count: wholeOf(row, "count"),
    firstMs: wholeOf(row, "first_ms"),
    lastMs: wholeOf(row, "last_ms"),
    lastOrdinal: wholeOf(row, "last_ordinal"),
    bytes: wholeOf(row, "bytes"),
  };
}
