// What is in a directory, a page at a time: its items, or the entries of a listing. What is not asked for does
// not leave the object, and is not even read where names of the system are enough. A page ends when it has as
// many items or bytes as one message may have, or when so much was read for it that others should have a turn.
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { itemPageBytesMax, itemScanBytesMax, itemScanRowsMax } from "../limits.ts";
import { attributesIn, isTrue } from "./evaluate.ts";
import {
  parseStored,
  selectAttributes,
  systemAttributesOf,
  systemNames,
  wantsUser,
} from "./item.ts";
import { bornOf, directoryIn, type Head, type ItemTable, timeOf } from "./table.ts";
import type {
  Attributes,
  ItemListing,
  ItemPage,
  ItemScan,
  ListedEntry,
  ListedPage,
} from "../core/itemTypes.ts";

const NONE: Attributes = new Map();

export function scanItems(table: ItemTable, scan: ItemScan): ItemPage {
  const { directory, after, limit, selection, filter } = scan;
  const needsUser =
    wantsUser(selection) ||
    (filter !== undefined && attributesIn(filter).some((name) => !systemNames.has(name)));
  const items: Attributes[] = [];
  let [pageBytes, readBytes, readRows] = [0, 0, 0];
  /** The last path that the page is done with. */
  let done = after;
  for (const head of table.firsts(directory.path, after)) {
    const isEnough = ++readRows > itemScanRowsMax || readBytes > itemScanBytesMax;
    if (isEnough) return { items, next: done, exists: true };
    const below = directoryIn(head.path, directory.path);
    if (below === undefined && isWanted(scan, head)) {
      const stored = needsUser ? table.attributesOf(head) : undefined;
      readBytes += stored?.length ?? 0;
      const user = stored === undefined ? NONE : parseStored(stored);
      const system = systemAttributesOf({ ...directory, path: head.path }, head);
      if (filter === undefined || isTrue(filter, (name) => system.get(name) ?? user.get(name))) {
        const item = selectAttributes(user, system, selection);
        pageBytes += Buffer.byteLength(JSON.stringify([...item]));
        const isFull = items.length === limit || (pageBytes > itemPageBytesMax && items.length > 0);
        if (isFull) return { items, next: done, exists: true };
        items.push(item);
      }
    }
    done = below ?? head.path;
  }
  const exists = items.length > 0 || after !== "" || isThere(table, scan);
  return { items, next: undefined, exists };
}

export function listDirectory(table: ItemTable, listing: ItemListing): ListedPage {
  const { directory, after, limit, directoriesOnly } = listing;
  const { path: prefix, owner } = directory;
  const entries: ListedEntry[] = [];
  let readRows = 0;
  let done = after;
  for (const head of table.firsts(prefix, after)) {
    if (entries.length === limit || ++readRows > itemScanRowsMax) return { entries, next: done };
    const below = directoryIn(head.path, prefix);
    if (below !== undefined) {
      const own = head.owner === owner ? head : table.firstOf(below, owner);
      if (own !== undefined) entries.push(entryOf(below, own, undefined));
    } else if (head.owner === owner && !directoriesOnly) {
      entries.push(entryOf(head.path, head, head.bytes));
    }
    done = below ?? head.path;
  }
  return { entries, next: undefined };
}

function entryOf(path: string, head: Head, bytes: number | undefined): ListedEntry {
  return { path, time: timeOf(head), born: bornOf(head), bytes };
}

function isWanted({ directory, part }: ItemScan, { path, owner }: Head): boolean {
  if (owner !== directory.owner) return false;
  return part.count === 1 || crc32(path.slice(directory.path.length)) % part.count === part.index;
}

/** A container's root always is. */
function isThere(table: ItemTable, { directory: { path, owner } }: ItemScan): boolean {
  return path === "" || table.firstOf(path, owner) !== undefined;
}
