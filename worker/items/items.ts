// The objects of one v3io container: a Durable Object over a table of small objects, so that a
// write is one row and conditions are checked where the writes happen. Every write gets its own
// modification time, later than all earlier ones in this container, because clients use that time
// as a lock. The callers decide who may see an object and what a path means for streams.
import { noBytes } from "../codec/bytes.ts";
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../core/bindings.ts";
import { isLater, itemTimeAt, justAfter, later } from "../core/itemTime.ts";
import { StreamError } from "../errors.ts";
import { asReply, type Reply } from "../core/rpc.ts";
import { decodeAttributes, encodeAttributes } from "./attributesDocument.ts";
import { applyUpdates, isTrue } from "./evaluate.ts";
import { itemTimeOf, selectAttributes, systemAttributesOf, wantsUser } from "./item.ts";
import { listDirectory, scanItems } from "./scan.ts";
import { type Head, ItemTable, timeOf } from "./table.ts";
import type {
  Attributes,
  Item,
  ItemChange,
  ItemListing,
  ItemPage,
  ItemPlace,
  ItemsApi,
  ItemScan,
  ItemTime,
  ItemWrite,
  ListedPage,
  Selection,
} from "../core/itemTypes.ts";

const NO_ATTRIBUTES = "[]";

export class Items extends DurableObject<Env> implements ItemsApi {
  private readonly table: ItemTable;
  private lastTime: ItemTime = { seconds: 0, nanoseconds: 0 };

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.table = new ItemTable(ctx.storage.sql);
  }

  getItem(place: ItemPlace, selection: Selection): Promise<Reply<Item>> {
    return asReply(() => {
      const row = this.table.find(place);
      if (row === undefined && place.computed === undefined) throw notFound(place);
      const hasUser = row !== undefined && wantsUser(selection);
      const user: Attributes = hasUser ? decodeAttributes(row.attributes, place.path) : new Map();
      return {
        attributes: selectAttributes(user, systemAttributesOf(place, row), selection),
        bodyBytes: row?.bytes ?? 0,
        time: itemTimeOf(place, row),
      };
    });
  }

  putItem(place: ItemPlace, write: ItemWrite): Promise<Reply<{ time: ItemTime }>> {
    return asReply(() => {
      const row = this.table.find(place);
      if (write.newOnly && row !== undefined) throw new StreamError("itemExists");
      const user: Attributes =
        row === undefined ? new Map() : decodeAttributes(row.attributes, place.path);
      const system = systemAttributesOf(place, row);
      const holds =
        write.condition === undefined ||
        isTrue(write.condition, (name) => system.get(name) ?? user.get(name));
      const change = holds ? write.change : write.otherwise;
      if (change === undefined) throw new StreamError("conditionFalse");
      return { time: this.write(place, row, changed(user, system, change)) };
    });
  }

  scanItems(scan: ItemScan): Promise<Reply<ItemPage>> {
    return asReply(() => scanItems(this.table, scan));
  }

  getObject(place: ItemPlace): Promise<Reply<{ body: Uint8Array; time: ItemTime }>> {
    return asReply(() => {
      const row = this.table.find(place);
      if (row === undefined) throw notFound(place);
      return { body: this.table.bodyOf(place), time: timeOf(row) };
    });
  }

  putObject(
    place: ItemPlace,
    body: Uint8Array,
    append: boolean,
  ): Promise<Reply<{ time: ItemTime }>> {
    return asReply(() => {
      const row = this.table.find(place);
      const before = append && row !== undefined ? this.table.bodyOf(place) : noBytes;
      const whole = before.length === 0 ? body : Buffer.concat([before, body]);
      return { time: this.write(place, row, row?.attributes ?? NO_ATTRIBUTES, whole) };
    });
  }

  deleteItem(place: ItemPlace): Promise<Reply<{ deleted: true }>> {
    return asReply(() => {
      const row = this.table.find(place);
      if (row === undefined) throw notFound(place);
      this.ctx.storage.transactionSync(() => {
        this.table.remove(place);
        this.table.makeParents(place, timeOf(row));
      });
      return { deleted: true as const };
    });
  }

  async listDirectory(listing: ItemListing): Promise<ListedPage> {
    return listDirectory(this.table, listing);
  }

  async clearDirectory(directory: string): Promise<void> {
    this.table.make();
    this.ctx.storage.transactionSync(() => {
      this.table.clear(directory);
      this.table.makeParents({ path: directory, owner: "" }, this.nextTime(undefined));
    });
  }

  async isOccupied(directory: string, owner: string): Promise<boolean> {
    return this.table.firstOf(directory, owner) !== undefined;
  }

  private write(
    place: ItemPlace,
    row: Head | undefined,
    attributes: string,
    body?: Uint8Array,
  ): ItemTime {
    const time = this.nextTime(row && timeOf(row));
    this.table.make();
    this.ctx.storage.transactionSync(() => this.table.write(place, row, time, attributes, body));
    return time;
  }

  /** Now, or just after the latest time that was given out and after `before`. */
  private nextTime(before: ItemTime | undefined): ItemTime {
    const now = itemTimeAt(Date.now());
    const latest = before === undefined ? this.lastTime : later(this.lastTime, before);
    this.lastTime = isLater(now, latest) ? now : justAfter(latest);
    return this.lastTime;
  }
}

function changed(user: Attributes, system: Attributes, change: ItemChange): string {
  switch (change.kind) {
    case "replace":
      return encodeAttributes(new Map(change.attributes));
    case "merge":
      return encodeAttributes(new Map([...user, ...change.attributes]));
    case "update": {
      const attributes = new Map(user);
      applyUpdates(change.updates, attributes, (name) => system.get(name));
      return encodeAttributes(attributes);
    }
  }
}

function notFound({ path }: ItemPlace): StreamError {
  return new StreamError("itemNotFound", { path });
}
