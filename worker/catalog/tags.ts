// Tags of streams and consumers, by the uid of their resource. They are stored beside the stream's
// description, because the path of a record does not need them, and 21 resources with fifty tags
// each would not fit the description's row. The tags of a resource are one row.
import type { TagChange } from "../core/control.ts";
import type { Tags } from "../core/control.ts";
import { listCodec, text, tupleOf } from "../core/document.ts";
import { StreamError } from "../errors.ts";
import { tagsMax } from "../limits.ts";
import type { LazySql } from "../core/lazySql.ts";

export const tagsDocument = listCodec("the list of tags", tupleOf(text, text));

export class TagTable {
  static readonly schema = [
    `CREATE TABLE IF NOT EXISTS tags (
       resource TEXT PRIMARY KEY,
       tags TEXT NOT NULL
     ) WITHOUT ROWID`,
  ];

  private readonly sql: LazySql;

  constructor(sql: LazySql) {
    this.sql = sql;
  }

  of(resource: string): Tags {
    const query = "SELECT tags FROM tags WHERE resource = ?";
    const [row] = this.sql.rows<{ tags: string }>(query, resource);
    return new Map(row === undefined ? [] : tagsDocument.decode(row.tags, { tags: resource }));
  }

  /** Throws `tooManyTags` and changes nothing. */
  change(resource: string, change: TagChange): void {
    const before = this.of(resource);
    const after = changeTags(before, change);
    if (after.size === 0 && before.size === 0) return;
    if (after.size === 0) return this.remove(resource);
    const tags = tagsDocument.encode([...after]);
    this.sql.put("INSERT OR REPLACE INTO tags VALUES (?, ?)", resource, tags);
  }

  remove(resource: string): void {
    this.sql.remove("DELETE FROM tags WHERE resource = ?", resource);
  }
}

/** Throws `tooManyTags`. */
export function changeTags(before: Tags, { put, remove = [] }: TagChange): Tags {
  const after = new Map([...before, ...(put ?? [])]);
  for (const key of remove) after.delete(key);
  if (after.size > tagsMax) throw new StreamError("tooManyTags", { limit: tagsMax });
  return after;
}
