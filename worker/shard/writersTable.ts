// The writers of a shard as they were when its newest generation began. That generation's table begins without
// rows, so what earlier commits have said of the writers (logTable.ts) is kept here.
//
//   writers   id      1; no table while there is nothing to store
//             state   JSON: writersDocument.ts
import type { WritersChange } from "../core/durable.ts";
import type { MeteredSql } from "../core/meteredSql.ts";
import { writersDocument } from "./writersDocument.ts";

export class WritersTable {
  private readonly sql: MeteredSql;

  constructor(sql: MeteredSql) {
    this.sql = sql;
  }

  /** As it is stored, not read; undefined if there is nothing. */
  get state(): string | undefined {
    const query = "SELECT state FROM writers";
    return this.sql.hasTable("writers") ? this.sql.row<{ state: string }>(query)?.state : undefined;
  }

  /** Undefined for no writers; that is stored too if there were some. */
  keep(state: WritersChange | undefined): void {
    const isStored = this.sql.hasTable("writers");
    if (state === undefined && !isStored) return;
    if (!isStored) {
      this.sql.run("CREATE TABLE writers (id INTEGER PRIMARY KEY, state TEXT NOT NULL)");
    }
    this.sql.run(
      "INSERT OR REPLACE INTO writers VALUES (1, ?)",
      writersDocument.encode(state ?? { producers: [] }),
    );
  }
}
