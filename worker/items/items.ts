// The objects of one container: a Durable Object with a table of small objects, each one row with its
// attributes and its bytes, so that a write is one row and conditions are judged where the writes are.
// Every write gets a modification time of its own, later than all before it in this object and than the
// written one's last, because clients use that time as a lock. Who may see what was written, and what
// a path means beside streams, is decided by the callers.
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { StreamError } from "../errors.ts";
import { rowBodyBytesMax } from "../limits.ts";
import { asReply, type Reply } from "../stream/rpc.ts";
import { applyUpdates, isTrue } from "./evaluate.ts";
import type {
  Attributes,
  AttributeValue,
  Item,
  ItemChange,
  ItemPage,
  ItemPlace,
  ItemsApi,
  ItemTime,
  ItemWrite,
  ListedEntry,
} from "./types.ts";

/** The body stands last, so that reading the rest of a row does not touch it. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS item (
    path TEXT PRIMARY KEY, owner TEXT NOT NULL,
    seconds INTEGER NOT NULL, nanoseconds INTEGER NOT NULL,
    born_seconds INTEGER NOT NULL, born_nanoseconds INTEGER NOT NULL,
    attributes TEXT NOT NULL, body BLOB NOT NULL
  ) WITHOUT ROWID;
`;

const HEAD = `path, owner, seconds, nanoseconds, born_seconds, born_nanoseconds, attributes,
  length(body) AS bytes`;

/** Above every path that begins with what it is appended to. */
const AFTER_ALL = "\u{10FFFF}";

const NANOSECONDS = 1_000_000_000;
const NOTHING = new Uint8Array(0);

interface Row extends Record<string, SqlStorageValue> {
  path: string;
  owner: string;
  seconds: number;
  nanoseconds: number;
  born_seconds: number;
  born_nanoseconds: number;
  attributes: string;
  bytes: number;
}

interface Entry {
  path: string;
  row: Row | undefined;
}

export class Items extends DurableObject<Env> implements ItemsApi {
  private readonly sql: SqlStorage;
  private lastTime: ItemTime = { seconds: 0, nanoseconds: 0 };

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec(SCHEMA);
  }

  getItem(place: ItemPlace): Promise<Reply<Item>> {
    return asReply(() => {
      const row = this.find(place);
      if (row === undefined && place.standing === undefined) throw notFound(place);
      return itemOf(place, row);
    });
  }

  putItem(place: ItemPlace, write: ItemWrite): Promise<Reply<{ time: ItemTime }>> {
    return asReply(() => {
      const row = this.find(place);
      if (write.newOnly && row !== undefined) throw new StreamError("itemExists");
      const { user, system } = itemOf(place, row);
      const holds =
        write.condition === undefined ||
        isTrue(write.condition, (name) => user.get(name) ?? system.get(name));
      const change = holds ? write.change : write.otherwise;
      if (change === undefined) throw new StreamError("conditionFalse");
      return { time: this.write(place, row, changed(user, system, change)) };
    });
  }

  async scanItems(directory: ItemPlace, after: string, limit: number): Promise<ItemPage> {
    const items: ItemPage["items"] = [];
    for (const { path, row } of this.entries(directory.path, after, directory.owner)) {
      if (row === undefined) continue;
      if (items.length === limit) return { items, next: items.at(-1)?.path };
      items.push({ path, item: itemOf({ path, owner: directory.owner }, row) });
    }
    return { items, next: undefined };
  }

  getObject(place: ItemPlace): Promise<Reply<{ body: Uint8Array; time: ItemTime }>> {
    return asReply(() => {
      const row = this.find(place);
      if (row === undefined) throw notFound(place);
      return { body: this.bodyOf(place), time: timeOf(row) };
    });
  }

  putObject(
    place: ItemPlace,
    body: Uint8Array,
    append: boolean,
  ): Promise<Reply<{ time: ItemTime }>> {
    return asReply(() => {
      const row = this.find(place);
      const before = append && row !== undefined ? this.bodyOf(place) : NOTHING;
      const whole = before.length === 0 ? body : Buffer.concat([before, body]);
      const attributes = row === undefined ? "[]" : row.attributes;
      return { time: this.write(place, row, attributes, whole) };
    });
  }

  deleteItem(place: ItemPlace): Promise<Reply<{ deleted: true }>> {
    return asReply(() => {
      if (this.find(place) === undefined) throw notFound(place);
      this.sql.exec("DELETE FROM item WHERE path = ?", place.path);
      return { deleted: true as const };
    });
  }

  async list(prefix: string, after: string, limit: number, owner: string): Promise<ListedEntry[]> {
    const entries: ListedEntry[] = [];
    for (const { path, row } of this.entries(prefix, after, owner)) {
      entries.push({ path, object: row && { bytes: row.bytes, time: timeOf(row) } });
      if (entries.length === limit) break;
    }
    return entries;
  }

  async clearDirectory(directory: string): Promise<void> {
    this.sql.exec(
      "DELETE FROM item WHERE path >= ? AND path < ?",
      directory,
      directory + AFTER_ALL,
    );
  }

  async isOccupied(directory: string, owner: string): Promise<boolean> {
    return this.holds(directory, owner);
  }

  /** The place's row, unless it was written in another owner's time. */
  private find({ path, owner }: ItemPlace): Row | undefined {
    const row = this.sql.exec<Row>(`SELECT ${HEAD} FROM item WHERE path = ?`, path).toArray()[0];
    return row?.owner === owner ? row : undefined;
  }

  /** What a directory shows of the owner: objects with their row, directories without. */
  private *entries(prefix: string, after: string, owner: string): Generator<Entry> {
    const next = `SELECT ${HEAD} FROM item WHERE path > ? AND path < ? ORDER BY path LIMIT 1`;
    const isDirectory = after.endsWith("/") && after.length > prefix.length;
    let from = isDirectory ? after + AFTER_ALL : after > prefix ? after : prefix;
    for (;;) {
      const row = this.sql.exec<Row>(next, from, prefix + AFTER_ALL).toArray()[0];
      if (row === undefined) return;
      const slash = row.path.indexOf("/", prefix.length);
      const directory = row.path.slice(0, slash + 1);
      from = slash < 0 ? row.path : directory + AFTER_ALL;
      if (slash < 0) {
        if (row.owner === owner) yield { path: row.path, row };
      } else if (this.holds(directory, owner)) {
        yield { path: directory, row: undefined };
      }
    }
  }

  private holds(directory: string, owner: string): boolean {
    const below = "SELECT 1 FROM item WHERE path >= ? AND path < ? AND owner = ? LIMIT 1";
    const end = directory + AFTER_ALL;
    return this.sql.exec(below, directory, end, owner).toArray().length > 0;
  }

  private bodyOf({ path }: ItemPlace): Uint8Array {
    const rows = this.sql.exec<{ body: ArrayBuffer }>("SELECT body FROM item WHERE path = ?", path);
    return new Uint8Array(rows.one().body);
  }

  private write(
    place: ItemPlace,
    row: Row | undefined,
    attributes: string,
    body?: Uint8Array,
  ): ItemTime {
    const time = this.nextTime(row && timeOf(row));
    const bytes = body ?? (row === undefined ? NOTHING : this.bodyOf(place));
    if (Buffer.byteLength(attributes) + bytes.length > rowBodyBytesMax) {
      throw new StreamError("tooLarge", { bytesMax: rowBodyBytesMax });
    }
    const born = row ? { seconds: row.born_seconds, nanoseconds: row.born_nanoseconds } : time;
    this.sql.exec(
      "INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      place.path,
      place.owner,
      time.seconds,
      time.nanoseconds,
      born.seconds,
      born.nanoseconds,
      attributes,
      bytes,
    );
    return time;
  }

  /** Now, or just after the latest of what was given out and `before`. */
  private nextTime(before: ItemTime | undefined): ItemTime {
    const nowMs = Date.now();
    const now = { seconds: Math.floor(nowMs / 1000), nanoseconds: (nowMs % 1000) * 1_000_000 };
    const latest = before === undefined ? this.lastTime : later(this.lastTime, before);
    this.lastTime = isLater(now, latest) ? now : justAfter(latest);
    return this.lastTime;
  }
}

/** The item as it is; one that was never written has the attributes of its standing alone. */
function itemOf({ path, standing }: ItemPlace, row: Row | undefined): Item {
  const user: Attributes = new Map(
    row === undefined ? [] : (JSON.parse(row.attributes) as [string, AttributeValue][]),
  );
  const written = row === undefined ? { seconds: 0, nanoseconds: 0 } : timeOf(row);
  const time = standing === undefined ? written : later(written, standing.time);
  const born = row ? { seconds: row.born_seconds, nanoseconds: row.born_nanoseconds } : time;
  const system: Attributes = new Map(standing?.system);
  if (row !== undefined || standing !== undefined) {
    system.set("__name", { S: path.slice(path.lastIndexOf("/") + 1) });
    system.set("__size", { N: String(row?.bytes ?? 0) });
    system.set("__mtime_secs", { N: String(time.seconds) });
    system.set("__mtime_nsecs", { N: String(time.nanoseconds) });
    system.set("__ctime_secs", { N: String(born.seconds) });
    system.set("__ctime_nsecs", { N: String(born.nanoseconds) });
  }
  return { user, system, bodyBytes: row?.bytes ?? 0, time };
}

function changed(user: Attributes, system: Attributes, change: ItemChange): string {
  switch (change.kind) {
    case "replace":
      return JSON.stringify([...change.attributes]);
    case "merge":
      return JSON.stringify([...new Map([...user, ...change.attributes])]);
    case "update": {
      const attributes = new Map(user);
      applyUpdates(change.updates, attributes, (name) => system.get(name));
      return JSON.stringify([...attributes]);
    }
  }
}

function timeOf({ seconds, nanoseconds }: Row): ItemTime {
  return { seconds, nanoseconds };
}

function later(a: ItemTime, b: ItemTime): ItemTime {
  return isLater(a, b) ? a : b;
}

function isLater(a: ItemTime, b: ItemTime): boolean {
  return a.seconds === b.seconds ? a.nanoseconds > b.nanoseconds : a.seconds > b.seconds;
}

function justAfter({ seconds, nanoseconds }: ItemTime): ItemTime {
  const next = nanoseconds + 1;
  return next < NANOSECONDS
    ? { seconds, nanoseconds: next }
    : { seconds: seconds + 1, nanoseconds: 0 };
}

function notFound({ path }: ItemPlace): StreamError {
  return new StreamError("itemNotFound", { path });
}
