// A database whose tables are created by its first write. A Durable Object comes into existence
// when it is called. Queries to one that stores nothing are answered without a write, so that a
// query leaves no file.

export class LazySql {
  private readonly sql: SqlStorage;
  private readonly schema: readonly string[];
  private isMade = false;

  /** `schema`: statements that change nothing if their tables exist; `table` is one of those. */
  constructor(sql: SqlStorage, table: string, schema: readonly string[]) {
    this.sql = sql;
    this.schema = schema;
    const found = sql.exec("SELECT 1 FROM sqlite_master WHERE name = ?", table).toArray();
    // A database of an earlier version may lack a table of this version.
    if (found.length > 0) this.make();
  }

  /** The rows of a query, read one by one; none before the first write. */
  each<Row extends Record<string, SqlStorageValue>>(
    query: string,
    ...bindings: SqlStorageValue[]
  ): Iterable<Row> {
    return this.isMade ? this.sql.exec<Row>(query, ...bindings) : [];
  }

  /** All rows of a query; for small results only. */
  rows<Row extends Record<string, SqlStorageValue>>(
    query: string,
    ...bindings: SqlStorageValue[]
  ): Row[] {
    return [...this.each<Row>(query, ...bindings)];
  }

  /** Runs a statement that inserts or changes; creates the tables before. */
  put(statement: string, ...bindings: (SqlStorageValue | Uint8Array)[]): void {
    this.make();
    this.sql.exec(statement, ...bindings);
  }

  /** Runs a statement that only deletes. */
  remove(statement: string, ...bindings: SqlStorageValue[]): void {
    if (this.isMade) this.sql.exec(statement, ...bindings);
  }

  /**
   * Call it before a transaction that inserts, because the transaction might be rolled back
   * together with the tables.
   */
  make(): void {
    if (this.isMade) return;
    for (const statement of this.schema) this.sql.exec(statement);
    this.isMade = true;
  }
}
