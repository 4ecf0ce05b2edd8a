// Reads a directory page by page: its items, or the entries of a listing. Attributes that are not
// requested do not leave the object, and are not read if system attributes are enough. A page ends
// when it has as many items or bytes as a message may have, or when this call has read so much that
// other calls should run.
import { decodeAttributes } from "./attributesDocument.ts";
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import {
  itemPageBytesMax,
  itemScanBytesMax,
  itemScanRowsMax,
  itemScanWorkBytesMax,
} from "../limits.ts";
import { attributesIn, isTrue, Work } from "./evaluate.ts";
import { selectAttributes, systemAttributesOf, systemNames, wantsUser } from "./item.ts";
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
  let [pageBytes, readBytes, readRows, workBytes] = [0, 0, 0, 0];
  /** The last path that the page has processed. */
  let done = after;
  for (const head of table.firsts(directory.path, after)) {
    const isEnough = ++readRows > itemScanRowsMax || readBytes > itemScanBytesMax;
    if (isEnough || workBytes > itemScanWorkBytesMax) return { items, next: done, exists: true };
    const below = directoryIn(head.path, directory.path);
    if (below === undefined && isWanted(scan, head)) {
      const stored = needsUser ? table.attributesOf(head) : undefined;
      readBytes += stored?.length ?? 0;
      const user = stored === undefined ? NONE : decodeAttributes(stored, head.path);
      const system = systemAttributesOf({ ...directory, path: head.path }, head);
      const work = new Work();
      const find = (name: string) => system.get(name) ?? user.get(name);
      const isTaken = filter === undefined || isTrue(filter, find, work);
      workBytes += work.spentBytes;
      if (isTaken) {
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

/** The root of a container always exists. */
function isThere(table: ItemTable, { directory: { path, owner } }: ItemScan): boolean {
  return path === "" || table.firstOf(path, owner) !== undefined;
}
