// Stands before a container's objects that may never have been written to. If they were not,
// queries are answered here as an empty store would answer them, and only calls that write are
// passed on.
import type { Failure } from "../core/rpc.ts";
import type {
  ItemListing,
  ItemPage,
  ItemPlace,
  ItemsApi,
  ItemScan,
  ItemWrite,
  ListedPage,
  Selection,
} from "../core/itemTypes.ts";
import type { Writing } from "../core/writing.ts";

export class UnwrittenItems implements ItemsApi {
  private readonly items: ItemsApi;
  private readonly writing: Writing;

  constructor(items: ItemsApi, writing: Writing) {
    this.items = items;
    this.writing = writing;
  }

  /** Computed attributes of a shard exist without a write; the store combines them. */
  getItem(place: ItemPlace, selection: Selection) {
    if (place.computed !== undefined) return this.items.getItem(place, selection);
    return this.ofItem(place, (items) => items.getItem(place, selection));
  }

  async putItem(place: ItemPlace, write: ItemWrite) {
    await this.writing.begin();
    return this.items.putItem(place, write);
  }

  scanItems(scan: ItemScan): Promise<ItemPage | Failure> {
    const { after, directory } = scan;
    const exists = after !== "" || directory.path === "";
    const none = { items: [], next: undefined, exists };
    return this.orElse<ItemPage | Failure>(none, (items) => items.scanItems(scan));
  }

  getObject(place: ItemPlace) {
    return this.ofItem(place, (items) => items.getObject(place));
  }

  async putObject(place: ItemPlace, body: Uint8Array, append: boolean) {
    await this.writing.begin();
    return this.items.putObject(place, body, append);
  }

  deleteItem(place: ItemPlace) {
    return this.ofItem(place, (items) => items.deleteItem(place));
  }

  listDirectory(listing: ItemListing): Promise<ListedPage> {
    const none = { entries: [], next: undefined };
    return this.orElse(none, (items) => items.listDirectory(listing));
  }

  async clearDirectory(directory: string): Promise<void> {
    await this.writing.begin();
    return this.items.clearDirectory(directory);
  }

  isOccupied(directory: string, owner: string): Promise<boolean> {
    return this.orElse(false, (items) => items.isOccupied(directory, owner));
  }

  private ofItem<T>(
    { path }: ItemPlace,
    ask: (items: ItemsApi) => Promise<T>,
  ): Promise<T | Failure> {
    return this.orElse<T | Failure>({ failed: "itemNotFound", detail: { path } }, ask);
  }

  private async orElse<T>(none: T, ask: (items: ItemsApi) => Promise<T>): Promise<T> {
    return (await this.writing.isWritten()) ? ask(this.items) : none;
  }
}
