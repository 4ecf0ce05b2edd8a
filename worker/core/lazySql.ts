// A database whose tables are made by its first write. Objects come to be by being asked: what is asked of one
// that holds nothing is answered without a byte written, so that asking leaves nothing behind.

export class LazySql {
  private readonly sql: SqlStorage;
  private readonly schema: readonly string[];
  private isMade = false;

  /** `schema`: statements that change nothing where their tables are there; `table` is one of those. */
  constructor(sql: SqlStorage, table: string, schema: readonly string[]) {
    this.sql = sql;
    this.schema = schema;
    const found = sql.exec("SELECT 1 FROM sqlite_master WHERE name = ?", table).toArray();
    // What was made by an earlier version may lack a table of this one.
    if (found.length > 0) this.make();
  }

  /** The rows of a query, read as they are asked for; none before the first write. */
  each<Row extends Record<string, SqlStorageValue>>(
    query: string,
    ...bindings: SqlStorageValue[]
  ): Iterable<Row> {
    return this.isMade ? this.sql.exec<Row>(query, ...bindings) : [];
  }

  /** All of them; small results only. */
  rows<Row extends Record<string, SqlStorageValue>>(
    query: string,
    ...bindings: SqlStorageValue[]
  ): Row[] {
    return [...this.each<Row>(query, ...bindings)];
  }

  /** Runs a statement that puts something. */
  put(statement: string, ...bindings: (SqlStorageValue | Uint8Array)[]): void {
    this.make();
    this.sql.exec(statement, ...bindings);
  }

  /** Runs a statement that takes something away. */
  remove(statement: string, ...bindings: SqlStorageValue[]): void {
    if (this.isMade) this.sql.exec(statement, ...bindings);
  }

  /** To be called before a transaction in which something is put, which might be undone. */
  make(): void {
    if (this.isMade) return;
    for (const statement of this.schema) this.sql.exec(statement);
    this.isMade = true;
  }
}
