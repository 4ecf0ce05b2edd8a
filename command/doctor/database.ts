/**
 * A database of the data folder, opened as a copy: SQLite writes beside a database even to read it,
 * and a check must change nothing. The copy has the log of the last commits too.
 */
import { constants, copyFileSync, existsSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { openDatabase } from "../../local/sqlite.ts";
import type { Findings } from "./findings.ts";

/** A value of a row: integers are numbers, as everywhere in the product. */
export type Row = Record<string, unknown>;

export class Database implements Disposable {
  /** Relative to the data folder. */
  readonly file: string;
  private readonly copy: string;
  private readonly database: DatabaseSync;

  private constructor(file: string, copy: string, database: DatabaseSync) {
    this.file = file;
    this.copy = copy;
    this.database = database;
  }

  /** Undefined, and a problem, if it is no sound database. */
  static open(
    folder: string,
    file: string,
    scratch: string,
    findings: Findings,
  ): Database | undefined {
    const copy = join(scratch, basename(file));
    for (const part of ["", "-wal"]) {
      const path = join(folder, file) + part;
      if (existsSync(path)) copyFileSync(path, copy + part, constants.COPYFILE_FICLONE);
    }
    findings.counts.databases++;
    let database: Database | undefined;
    try {
      database = new Database(file, copy, openDatabase(copy));
      const [wrong] = database.texts("PRAGMA integrity_check(1)");
      if (wrong === "ok") return database;
      findings.problem(file, "database", `SQLite says: ${wrong}`);
    } catch (error) {
      findings.problem(file, "database", `SQLite says: ${messageOf(error)}`);
    }
    if (database === undefined) remove(copy);
    else database[Symbol.dispose]();
    return undefined;
  }

  get tables(): Set<string> {
    return new Set(this.texts("SELECT name FROM sqlite_master WHERE type = 'table'"));
  }

  *rows(query: string, ...bindings: SQLInputValue[]): Generator<Row> {
    for (const row of this.database.prepare(query).iterate(...bindings)) yield row;
  }

  [Symbol.dispose](): void {
    this.database.close();
    remove(this.copy);
  }

  private texts(query: string): string[] {
    return this.database
      .prepare(query)
      .all()
      .map((row) => String(Object.values(row)[0]));
  }
}

/** A column that is a whole number; NaN otherwise, which no comparison accepts. */
export function wholeOf(row: Row, name: string): number {
  const value = row[name];
  return typeof value === "number" && Number.isSafeInteger(value) ? value : NaN;
}

export function textOf(row: Row, name: string): string {
  const value = row[name];
  return typeof value === "string" ? value : "";
}

export function bytesOf(row: Row, name: string): Uint8Array {
  const value = row[name];
  return value instanceof Uint8Array ? value : new Uint8Array(0);
}

function remove(copy: string): void {
  for (const part of ["", "-wal", "-shm"]) rmSync(copy + part, { force: true });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
