// What a directory holds: objects, directories, streams, and in a stream its shards, from their
// first record on. Prefixes are directories, with or without a slash at the end and, from v3io-go,
// at the beginning; an object that is deeper shows as its directory. A page merges entries of the
// object store and of the catalog; each is asked for no more than the page may need. Sources:
// Iguazio, Working with Containers; v3io-go sync_test.go, TestGetContainerContents*.
import { itemTimeAt } from "../core/itemTime.ts";
import { Buffer } from "node:buffer";
import type { Backend } from "../stream/backend.ts";
import type { ItemPlace, ItemTime, ListedEntry } from "../core/itemTypes.ts";
import type { StreamEntry } from "../core/rpc.ts";
import type { Scope, StreamDescription } from "../core/types.ts";
import { type Address, checkName, checkPath, namesIn, type Place } from "./names.ts";
import { invalid, V3ioError } from "./errors.ts";
import { isObject, streamAbove, streamAt, streamNameAt } from "./places.ts";

export interface ListRequest {
  container: string;
  /** Without slashes at the ends. */
  directory: string;
  marker: string;
  keysMax: number;
  directoriesOnly: boolean;
  withInfo: boolean;
}

export interface Entry {
  /** The path below the container, a directory's with a slash at the end. */
  key: string;
  time: ItemTime;
  born: ItemTime;
  /** Of an object; undefined for a directory. */
  bytes: number | undefined;
  /** Of a shard. */
  lastSequence?: number;
  stream?: StreamEntry["stream"];
}

export interface Listing {
  entries: Entry[];
  isTruncated: boolean;
  /** What the next page begins after. */
  nextMarker: string;
}

/** What to find out: entries of a directory after a key, in the order of keys. */
interface Question {
  container: string;
  /** With a slash at the end; nothing for the container. */
  prefix: string;
  /** A key that ends in a slash means everything in that directory. */
  after: string;
  /** Entries at most. */
  limit: number;
  directoriesOnly: boolean;
}

const keysMost = 1000;

/** Shards asked at once. */
const shardCallsMax = 64;

/** Throws V3ioError. */
export function parseListRequest({ container, query }: Address): ListRequest {
  const names = namesIn(query.get("prefix") ?? "");
  for (const name of names) checkName(name);
  const marker = (query.get("marker") ?? "").replace(/^\/+/, "");
  // What is above each is asked for, name by name.
  checkPath(names);
  checkPath(namesIn(marker));
  const keys = query.get("max-keys") ?? String(keysMost);
  if (!/^\d{1,9}$/.test(keys)) throw invalid();
  return {
    container,
    directory: names.join("/"),
    marker,
    keysMax: Math.min(Number(keys), keysMost),
    directoriesOnly: isSet(query.get("prefix-only")),
    withInfo: isSet(query.get("prefix-info")),
  };
}

/**
 * A page of the directory. With a limit of 0 it only tells whether the directory exists (v3iofs
 * does so). Throws "No such file or directory" where there is no such directory.
 */
export async function listDirectory(
  backend: Backend,
  scope: Scope,
  request: ListRequest,
): Promise<Listing> {
  const { container, directory, keysMax, marker, directoriesOnly } = request;
  const place = { container, path: directory };
  const prefix = directory === "" ? "" : `${directory}/`;
  const after = await startOf(backend, scope, container, marker);
  const question = { container, prefix, after, limit: keysMax + 1, directoriesOnly };
  const found = keysMax === 0 ? [] : await entriesOf(backend, scope, question, place);
  if (found.length === 0 && marker === "" && directory !== "") {
    const exists = await isDirectory(backend, scope, place);
    if (!exists) throw new V3ioError("No such file or directory");
  }
  const entries = found.slice(0, keysMax);
  const nextMarker = await markerOf(backend, scope, container, entries.at(-1)?.key ?? "");
  return { entries, isTruncated: found.length > keysMax, nextMarker };
}

/** True if the directory was created, or contains anything, or is a stream. */
export async function isDirectory(backend: Backend, scope: Scope, place: Place): Promise<boolean> {
  const { container, path } = place;
  if ((await streamAt(backend, scope, place)) !== undefined) return true;
  const owner = (await streamAbove(backend, scope, place))?.stream.description.uid ?? "";
  const items = backend.items(scope, container);
  if (await items.isOccupied(`${path}/`, owner)) return true;
  const question = { container, prefix: `${path}/`, after: "", limit: 1, directoriesOnly: false };
  return (await streamsIn(backend, scope, question)).length > 0;
}

/**
 * The name of a directory is a marker without its slash (v3io-go,
 * TestGetContainerContentsDirsWithAllAttrs), except where an object has that name, because the
 * marker of the object sorts before the directory.
 */
async function markerOf(
  backend: Backend,
  scope: Scope,
  container: string,
  key: string,
): Promise<string> {
  if (!key.endsWith("/")) return key;
  const path = key.slice(0, -1);
  return (await isObject(backend, scope, { container, path })) ? key : path;
}

async function startOf(
  backend: Backend,
  scope: Scope,
  container: string,
  marker: string,
): Promise<string> {
  if (marker === "" || marker.endsWith("/")) return marker;
  const place = { container, path: marker };
  if (await isObject(backend, scope, place)) return marker;
  return (await isDirectory(backend, scope, place)) ? `${marker}/` : marker;
}

async function entriesOf(
  backend: Backend,
  scope: Scope,
  question: Question,
  place: Place,
): Promise<Entry[]> {
  const isRoot = place.path === "";
  const stream = isRoot ? undefined : await streamAt(backend, scope, place);
  const above = isRoot ? undefined : (await streamAbove(backend, scope, place))?.stream;
  const owner = (stream ?? above)?.description.uid ?? "";
  const objects = await objectsIn(backend, scope, question, owner);
  if (stream !== undefined) {
    return merge([...(await shardsIn(backend, question, stream.description)), ...objects]);
  }
  const streams = above === undefined ? await streamsIn(backend, scope, question) : [];
  return merge([...streams, ...objects]);
}

async function objectsIn(
  backend: Backend,
  scope: Scope,
  { container, prefix, limit, directoriesOnly, ...question }: Question,
  owner: string,
): Promise<Entry[]> {
  const items = backend.items(scope, container);
  const directory: ItemPlace = { path: prefix, owner };
  const entries: Entry[] = [];
  for (let after: string | undefined = question.after; after !== undefined;) {
    const left = limit - entries.length;
    const page = await items.listDirectory({ directory, after, limit: left, directoriesOnly });
    entries.push(...page.entries.map(entryOf));
    after = entries.length < limit ? page.next : undefined;
    // Other requests run before the next.
    if (after !== undefined) await scheduler.wait(0);
  }
  return entries;
}

/** Directories that are streams, or that streams are in. */
async function streamsIn(backend: Backend, scope: Scope, question: Question): Promise<Entry[]> {
  const { container, prefix } = question;
  const above = `/${container}/`;
  const own = await streamsWithin(backend, scope, question, above, above + prefix);
  const isShared = streamNameAt({ container, path: "a" }) === "a";
  if (prefix !== "" || !isShared) return own;
  return [...own, ...(await streamsWithin(backend, scope, question, "", undefined))];
}

/**
 * The entries of streams whose names begin with a path, or are no paths; `above` precedes their
 * keys.
 */
async function streamsWithin(
  backend: Backend,
  scope: Scope,
  { limit, ...question }: Question,
  above: string,
  path: string | undefined,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  const start = question.after === "" ? "" : above + question.after;
  for (let after: string | undefined = start; after !== undefined;) {
    const page = await backend.streams.listDirectory(scope, path, after, limit - entries.length);
    entries.push(...page.entries.map((entry) => streamEntry(entry, above)));
    after = entries.length < limit ? page.next : undefined;
    if (after !== undefined) await scheduler.wait(0);
  }
  return entries;
}

/** Shards that have records, as files. They sort by their digits as text. */
async function shardsIn(
  backend: Backend,
  { prefix, after, limit, directoriesOnly }: Question,
  { shards, createdMs }: StreamDescription,
): Promise<Entry[]> {
  if (directoriesOnly) return [];
  const entries: Entry[] = [];
  const wanted = shards
    .map(({ uid, index }) => ({ uid, key: `${prefix}${index}` }))
    .filter(({ key }) => after === "" || compareText(key, after) > 0)
    .sort((a, b) => compareText(a.key, b.key));
  for (let at = 0; at < wanted.length && entries.length < limit; at += shardCallsMax) {
    const found = await Promise.all(
      wanted.slice(at, at + shardCallsMax).map(async ({ uid, key }) => {
        const { nextIndex, lastTimeMs } = await backend.shards.view(uid);
        const [time, born] = [itemTimeAt(lastTimeMs), itemTimeAt(createdMs)];
        return { key, lastSequence: nextIndex, time, born, bytes: 0 };
      }),
    );
    entries.push(...found.filter(({ lastSequence }) => lastSequence > 0));
  }
  return entries;
}

function entryOf({ path, ...entry }: ListedEntry): Entry {
  return { key: path, ...entry };
}

function streamEntry({ path, createdMs, stream }: StreamEntry, above: string): Entry {
  const time = itemTimeAt(createdMs);
  const entry = { key: path.slice(above.length), time, born: time, bytes: undefined };
  return stream === undefined ? entry : { ...entry, stream };
}

/**
 * Sorted by key, each once. If a stream and a directory have the same key, the stream is listed.
 */
function merge(entries: readonly Entry[]): Entry[] {
  const byKey = new Map<string, Entry>();
  for (const entry of entries) {
    if (byKey.get(entry.key)?.stream === undefined) byKey.set(entry.key, entry);
  }
  return [...byKey.values()].sort((a, b) => compareText(a.key, b.key));
}

/** As the stores sort: by the bytes of UTF-8. */
function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isSet(value: string | null): boolean {
  return value !== null && value !== "0" && value !== "";
}
