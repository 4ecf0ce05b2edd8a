// The forks that inherit records from a shard of Durable Streams. It is not deleted as long as there are any.
//
//   fork   uid   shard of a fork; no table before the first one
import type { MeteredSql } from "../core/meteredSql.ts";

export class ForkTable {
  private readonly sql: MeteredSql;

  constructor(sql: MeteredSql) {
    this.sql = sql;
  }

  /** Notes a fork; it is noted once. */
  add(uid: string): void {
    this.sql.run("CREATE TABLE IF NOT EXISTS fork (uid TEXT PRIMARY KEY) WITHOUT ROWID");
    this.sql.run("INSERT OR IGNORE INTO fork VALUES (?)", uid);
  }

  remove(uid: string): void {
    if (this.count > 0) this.sql.run("DELETE FROM fork WHERE uid = ?", uid);
  }

  get count(): number {
    if (!this.sql.hasTable("fork")) return 0;
    return this.sql.row<{ count: number }>("SELECT count(*) AS count FROM fork")?.count ?? 0;
  }
}
