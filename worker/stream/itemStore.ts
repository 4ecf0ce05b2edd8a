// The objects of one container, as the v3io dialect uses them. A container that was never written to
// is not called, except by calls that write: see written.ts.
import type { Env } from "../core/bindings.ts";
import type {
  Item,
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
import { unwrap } from "../core/rpc.ts";
import type { Scope } from "../core/types.ts";
import { UnwrittenItems } from "../items/unwritten.ts";
import { writingOf } from "./written.ts";

export class ItemStore {
  private readonly items: ItemsApi;

  constructor(env: Env, { account, region }: Scope, container: string) {
    const name = `${account}/${region}/${container}`;
    const items = env.ITEMS.getByName(name);
    const writing = writingOf(env, "ITEMS", "Items", name);
    this.items = writing === undefined ? items : new UnwrittenItems(items, writing);
  }

  /** Throws `itemNotFound`. */
  async getItem(place: ItemPlace, selection: Selection): Promise<Item> {
    return unwrap(await this.items.getItem(place, selection));
  }

  /** Throws `conditionFalse`, `itemExists`, `expressionFailed`, `tooLarge`. */
  async putItem(place: ItemPlace, write: ItemWrite): Promise<{ time: ItemTime }> {
    return unwrap(await this.items.putItem(place, write));
  }

  /** A page may be empty and not the last. Throws `expressionFailed`. */
  async scanItems(scan: ItemScan): Promise<ItemPage> {
    return unwrap(await this.items.scanItems(scan));
  }

  /** Throws `itemNotFound`. */
  async getObject(place: ItemPlace): Promise<{ body: Uint8Array; time: ItemTime }> {
    return unwrap(await this.items.getObject(place));
  }

  /** Attributes stay as they are. Throws `tooLarge`. */
  async putObject(
    place: ItemPlace,
    body: Uint8Array,
    append: boolean,
  ): Promise<{ time: ItemTime }> {
    return unwrap(await this.items.putObject(place, body, append));
  }

  /** Throws `itemNotFound`. */
  async deleteItem(place: ItemPlace): Promise<void> {
    unwrap(await this.items.deleteItem(place));
  }

  /** A page may be empty and not the last. */
  listDirectory(listing: ItemListing): Promise<ListedPage> {
    return this.items.listDirectory(listing);
  }

  /** Removes the directory and everything in it, of every owner; the directories above it stay. */
  clearDirectory(directory: string): Promise<void> {
    return this.items.clearDirectory(directory);
  }

  /** True if the directory exists, or contains anything of the owner. */
  isOccupied(directory: string, owner: string): Promise<boolean> {
    return this.items.isOccupied(directory, owner);
  }
}
