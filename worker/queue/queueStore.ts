// The stored state of a queue over a shard. A commit writes one row with its changes. The rows are a
// ring, so a commit replaces a row and deletes none. When the ring is full, or its changes are larger
// than the whole state, the commit writes the whole state instead. Older changes are then ignored.
//
//   queue      id 1, settings                the settings: settingsDocument.ts
//   delivery   id 0 … 1023                   the change with the sequence number that leaves this rest
//              id 1024 + part                the last whole state
import { Changes } from "../delivery/changes.ts";
import { Delivery, type Terms } from "../delivery/delivery.ts";
import {
  decodeRow,
  DONE,
  encodeRow,
  rowBytes,
  type RowHead,
  type StoredRun,
} from "../delivery/deliveryRows.ts";
import { RunTable } from "../delivery/runs.ts";
import type { MeteredSql } from "../core/meteredSql.ts";
import type { ShardQueueSettings } from "../core/queueTypes.ts";
import { StreamError } from "../errors.ts";
import { queueChangesMax, queueRowRuns } from "../limits.ts";
import { settingsDocument } from "./settingsDocument.ts";

type DeliveryRow = { id: number; body: ArrayBuffer };

/** A run of done records has 32 bits for its length. */
const doneRecordsMax = 2 ** 32 - 1;

export class QueueStore {
  readonly settings: ShardQueueSettings;
  readonly delivery: Delivery;
  readonly changes = new Changes();
  private readonly sql: MeteredSql;
  private readonly rows: Set<number>;
  private sequence: number;
  private changesStored = 0;
  private changedBytes = 0;
  private stateBytes = 0;

  private constructor(sql: MeteredSql, settings: ShardQueueSettings) {
    this.sql = sql;
    this.settings = settings;
    this.rows = new Set();
    const runs = new RunTable();
    const { next, generation, sequence } = this.read(runs);
    this.sequence = sequence;
    this.delivery = new Delivery({ next, generation, runs }, termsOf(settings), (from, to) =>
      this.changes.add(from, to),
    );
  }

  /** Undefined if the queue is not there. Throws `corrupt`. */
  static open(sql: MeteredSql, name: string | undefined): QueueStore | undefined {
    const row = sql.hasTable("queue")
      ? sql.row<{ settings: string }>("SELECT settings FROM queue")
      : undefined;
    if (row === undefined) return undefined;
    const settings = settingsDocument.decode(
      row.settings,
      name === undefined ? {} : { queue: name },
    );
    if (name === undefined || settings.name === name) return new QueueStore(sql, settings);
    throw new StreamError("corrupt", {
      queue: name,
      what: `the database is that of ${settings.name}`,
    });
  }

  static create(sql: MeteredSql, settings: ShardQueueSettings): void {
    sql.run("CREATE TABLE queue (id INTEGER PRIMARY KEY, settings TEXT NOT NULL)");
    sql.run("CREATE TABLE delivery (id INTEGER PRIMARY KEY, body BLOB NOT NULL)");
    sql.run("INSERT INTO queue VALUES (1, ?)", settingsDocument.encode(settings));
  }

  configure(settings: ShardQueueSettings): void {
    this.sql.run("UPDATE queue SET settings = ?", settingsDocument.encode(settings));
    Object.assign(this.settings, settings);
    if (settings.receivesMax === undefined) delete this.settings.receivesMax;
    this.delivery.terms = termsOf(settings);
  }

  /** Stores what has changed since the last call. One transaction. */
  save(): void {
    const ranges = this.changes.take();
    const isFull = this.changesStored === queueChangesMax || this.changedBytes > this.stateBytes;
    const runs = ranges?.flatMap(({ from, to }) => this.runsOf(from, to));
    if (runs === undefined || isFull || runs.length > queueRowRuns) return this.saveAll();
    const body = encodeRow(this.settings.name, this.head("change"), runs);
    this.put(this.sequence % queueChangesMax, body);
    this.changesStored++;
    this.changedBytes += body.length;
  }

  private saveAll(): void {
    const { next } = this.delivery;
    const runs = [...this.delivery.runs.within(0, next)];
    const parts = Math.max(Math.ceil(runs.length / queueRowRuns), 1);
    const head = this.head("state");
    this.stateBytes = Math.max(rowBytes(runs.length), stateBytesMin);
    for (let part = 0; part < parts; part++) {
      const some = runs.slice(part * queueRowRuns, (part + 1) * queueRowRuns);
      this.put(
        queueChangesMax + part,
        encodeRow(this.settings.name, { ...head, part, parts }, some),
      );
    }
    this.changesStored = 0;
    this.changedBytes = 0;
  }

  private head(kind: RowHead["kind"]): RowHead {
    const { next, generation } = this.delivery;
    return { kind, part: 0, parts: 1, sequence: ++this.sequence, next, generation };
  }

  /** An update counts as one written row. INSERT OR REPLACE of an existing row would count as two. */
  private put(id: number, body: Uint8Array): void {
    if (this.rows.has(id)) this.sql.run("UPDATE delivery SET body = ? WHERE id = ?", body, id);
    else this.sql.run("INSERT INTO delivery VALUES (?, ?)", id, body);
    this.rows.add(id);
  }

  /** The open runs of a range, and between them those that are done. */
  private runsOf(from: number, to: number): StoredRun[] {
    const runs: StoredRun[] = [];
    let at = from;
    const fill = (end: number) => {
      for (; at < end; at = Math.min(end, at + doneRecordsMax)) {
        const done = { state: DONE, receives: 0, firstMs: 0, generation: 0, endMs: 0 } as const;
        runs.push({ from: at, to: Math.min(end, at + doneRecordsMax), ...done });
      }
    };
    for (const run of this.delivery.runs.within(from, to)) {
      fill(run.from);
      runs.push(run);
      at = run.to;
    }
    fill(to);
    return runs;
  }

  /** The last whole state, and the changes after it in their order. */
  private read(table: RunTable): { next: number; generation: number; sequence: number } {
    const { name, start } = this.settings;
    const last = { next: start, generation: 0, sequence: 0 };
    let parts = 0;
    const statesQuery = "SELECT id, body FROM delivery WHERE id >= ? ORDER BY id";
    for (const { id, body } of this.sql.each<DeliveryRow>(statesQuery, queueChangesMax)) {
      this.rows.add(id);
      const { head, runs } = decodeRow(name, new Uint8Array(body));
      if (id === queueChangesMax) {
        Object.assign(last, pick(head));
        ({ parts } = head);
      }
      // Parts after the last one belong to an earlier state, which had more parts.
      if (head.part >= parts || head.sequence < last.sequence) continue;
      for (const run of runs()) if (run.state !== DONE) table.insert(run as never);
    }
    const changes = new Map<number, { head: RowHead; runs: () => Generator<StoredRun> }>();
    const changesQuery = "SELECT id, body FROM delivery WHERE id < ?";
    for (const { id, body } of this.sql.each<DeliveryRow>(changesQuery, queueChangesMax)) {
      this.rows.add(id);
      const change = decodeRow(name, new Uint8Array(body));
      if (change.head.sequence > last.sequence) changes.set(change.head.sequence, change);
    }
    for (let count = changes.size; count > 0; count--) {
      const change = changes.get(last.sequence + 1);
      if (change === undefined) {
        const what = `change ${last.sequence + 1} is missing`;
        throw new StreamError("corrupt", { queue: name, what });
      }
      for (const run of change.runs()) {
        table.clear(run.from, run.to);
        if (run.state !== DONE) table.insert(run as never);
      }
      Object.assign(last, pick(change.head));
      this.changesStored++;
    }
    this.stateBytes = Math.max(rowBytes(table.runCount), stateBytesMin);
    return last;
  }
}

/** Below this size the changes are kept, even if the state is smaller: they are read quickly. */
const stateBytesMin = 1024 * 1024;

function pick({ next, generation, sequence }: RowHead) {
  return { next, generation, sequence };
}

function termsOf({ visibilitySeconds, receivesMax, inFlightMax }: ShardQueueSettings): Terms {
  const terms = { visibilityMs: visibilitySeconds * 1000, inFlightMax };
  return receivesMax === undefined ? terms : { ...terms, receivesMax };
}
