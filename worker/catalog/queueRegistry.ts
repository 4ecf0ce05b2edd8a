// The catalog's queues as rows: one JSON document each. As with streams, reads return the state as of
// now, and a queue whose deletion has ended does not exist, nor do its tags.
import { StreamError } from "../errors.ts";
import { queueDocument } from "./queueDocument.ts";
import type { LazySql } from "../core/lazySql.ts";
import type { QueueDescription, QueueFilter, QueuePage, QueuePlace } from "../core/queueTypes.ts";
import { settledAt } from "./lifecycle.ts";
import type { TagTable } from "./tags.ts";

type QueueRow = { id: string; description: string };

export class QueueRegistry {
  static readonly schema = [
    `CREATE TABLE IF NOT EXISTS queue (
       id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, stream TEXT NOT NULL,
       created_ms INTEGER NOT NULL, description TEXT NOT NULL
     ) WITHOUT ROWID`,
  ];

  private readonly sql: LazySql;
  private readonly tags: TagTable;

  constructor(sql: LazySql, tags: TagTable) {
    this.sql = sql;
    this.tags = tags;
  }

  /** Throws `queueNotFound`. */
  get(id: string): QueueDescription {
    const queue = this.find(id);
    if (queue === undefined) throw new StreamError("queueNotFound", { queue: id });
    return queue;
  }

  find(id: string): QueueDescription | undefined {
    return this.read("id = ?", id)[0];
  }

  findByName(name: string): QueueDescription | undefined {
    return this.read("name = ?", name)[0];
  }

  /** The queues of a stream, whatever their state. */
  of(stream: string): QueueDescription[] {
    return this.read("stream = ? ORDER BY created_ms, id", stream);
  }

  all(): QueueDescription[] {
    return this.read("1 ORDER BY created_ms, id");
  }

  /** The first queues after a place, of these streams or of all. */
  page(after: QueuePlace | undefined, limit: number, filter?: readonly QueueFilter[]): QueuePage {
    const { createdMs, id } = after ?? { createdMs: -1, id: "" };
    const where = "(created_ms, id) > (?, ?) ORDER BY created_ms, id";
    const queues = this.read(where, createdMs, id).filter(
      (queue) => filter === undefined || filter.some((each) => matches(each, queue)),
    );
    return { queues: queues.slice(0, limit), more: queues.length > limit };
  }

  save(queue: QueueDescription): void {
    const { id, name, stream, createdMs } = queue;
    const document = queueDocument.encode(queue);
    const statement = "INSERT OR REPLACE INTO queue VALUES (?, ?, ?, ?, ?)";
    this.sql.put(statement, id, name, stream, createdMs, document);
  }

  remove({ id }: QueueDescription): void {
    this.sql.remove("DELETE FROM queue WHERE id = ?", id);
    this.tags.remove(id);
  }

  private read(where: string, ...bindings: SqlStorageValue[]): QueueDescription[] {
    const query = `SELECT id, description FROM queue WHERE ${where}`;
    return this.sql.rows<QueueRow>(query, ...bindings).flatMap(({ id, description }) => {
      const stored = queueDocument.decode(description, { queue: id });
      const queue = settledAt(stored, Date.now());
      if (queue === undefined) this.remove(stored);
      return queue ?? [];
    });
  }
}

function matches(
  { stream, createdSeconds }: QueueFilter,
  { stream: name, streamCreatedMs }: QueueDescription,
): boolean {
  const seconds = Math.floor(streamCreatedMs / 1000);
  return stream === name && (createdSeconds ?? seconds) === seconds;
}
