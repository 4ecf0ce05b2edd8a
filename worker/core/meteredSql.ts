// Counts the rows that an object writes to SQLite, because Cloudflare bills them (docs/COST.md).
// Every statement of a shard, and of a queue over a shard, is executed here.
import { tally } from "./tally.ts";

export class MeteredSql {
  rowsWritten = 0;
  private readonly sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.sql = sql;
  }

  /** Runs a statement for its effect. */
  run(statement: string, ...bindings: (SqlStorageValue | Uint8Array)[]): void {
    this.noteRows(this.sql.exec(statement, ...bindings).rowsWritten);
  }

  noteRows(count: number): void {
    this.rowsWritten += count;
    tally.rowsWritten += count;
  }

  /** All rows of a query; small results only. */
  rows<Row extends Record<string, SqlStorageValue>>(
    query: string,
    ...bindings: SqlStorageValue[]
  ): Row[] {
    return this.sql.exec<Row>(query, ...bindings).toArray();
  }

  /** The rows of a query, read one by one. */
  each<Row extends Record<string, SqlStorageValue>>(
    query: string,
    ...bindings: SqlStorageValue[]
  ): Iterable<Row> {
    return this.sql.exec<Row>(query, ...bindings);
  }

  /** The first row of a query, or undefined. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- names the row, as in rows()
  row<Row extends Record<string, SqlStorageValue>>(
    query: string,
    ...bindings: SqlStorageValue[]
  ): Row | undefined {
    return this.rows<Row>(query, ...bindings)[0];
  }

  hasTable(name: string): boolean {
    return this.row("SELECT 1 FROM sqlite_master WHERE name = ?", name) !== undefined;
  }

  get databaseBytes(): number {
    return this.sql.databaseSize;
  }
}
