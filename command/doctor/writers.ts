/** Checks what a shard stores about the writers of its stream (Durable Streams: producers, `Stream-Seq`). */
import { writersDocument } from "../../worker/shard/writersDocument.ts";
import { type Database, textOf, wholeOf } from "./database.ts";
import type { Findings } from "./findings.ts";

/** What commits have changed about the writers of the stream, in the log's table, and all of them before. */
export function checkWriters(
  database: Database,
  place: string,
  table: string,
  findings: Findings,
): void {
  const query = `SELECT name FROM pragma_table_info('${table}') WHERE name = 'writers'`;
  const documents = [...database.rows(query)].map(
    () => `SELECT id, writers AS state FROM ${table} WHERE writers IS NOT NULL`,
  );
  if (database.tables.has("writers")) documents.push("SELECT id, state FROM writers");
  for (const rows of documents) {
    for (const row of database.rows(rows)) {
      findings.attempt(database.file, `${place}, writers ${wholeOf(row, "id")}`, () =>
        writersDocument.decode(textOf(row, "state"), {}),
      );
    }
  }
}
