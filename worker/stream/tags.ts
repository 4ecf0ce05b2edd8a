// Tags of streams and consumers, by the uid of what they hang on. They stand beside the stream's
// description and not in it: nobody needs them on the way of a record, and 21 resources with fifty
// tags each would not fit into the description's row. A resource's tags are one row.
import { StreamError } from "../errors.ts";
import { tagsMax } from "../limits.ts";

/** A Map rather than an object: a key may be called `__proto__`. */
export type Tags = ReadonlyMap<string, string>;

export interface TagChange {
  put?: Tags;
  remove?: readonly string[];
}

export class TagTable {
  private readonly sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS tags (
         resource TEXT PRIMARY KEY,
         tags TEXT NOT NULL
       ) WITHOUT ROWID`,
    );
  }

  of(resource: string): Tags {
    const [row] = this.sql
      .exec<{ tags: string }>("SELECT tags FROM tags WHERE resource = ?", resource)
      .toArray();
    return new Map(row === undefined ? [] : (JSON.parse(row.tags) as [string, string][]));
  }

  /** Throws `tooManyTags` and changes nothing. */
  change(resource: string, change: TagChange): void {
    const before = this.of(resource);
    const after = changeTags(before, change);
    if (after.size === 0 && before.size === 0) return;
    if (after.size === 0) return this.remove(resource);
    const tags = JSON.stringify([...after]);
    this.sql.exec("INSERT OR REPLACE INTO tags VALUES (?, ?)", resource, tags);
  }

  remove(resource: string): void {
    this.sql.exec("DELETE FROM tags WHERE resource = ?", resource);
  }
}

/** Throws `tooManyTags`. */
export function changeTags(before: Tags, { put, remove = [] }: TagChange): Tags {
  const after = new Map([...before, ...(put ?? [])]);
  for (const key of remove) after.delete(key);
  if (after.size > tagsMax) throw new StreamError("tooManyTags");
  return after;
}
