// What a directory holds: objects, directories, streams, and in a stream its shards, from their first
// record on. Prefixes are directories, with or without a slash at the end and, from v3io-go, at the
// beginning; what lies deeper shows as the directory it is in. The reply is XML with every element
// that clients insist on. Sources: Iguazio, Working with Containers; v3io-py output.py; v3io-go types.go.
import type { Runtime } from "../env.ts";
import type { ItemTime, ListedEntry } from "../items/types.ts";
import { catalogOf, findStream, type KnownStream } from "../stream/directory.ts";
import type { StreamHead } from "../stream/rpc.ts";
import type { Scope } from "../stream/types.ts";
import { type Address, checkName, type Place } from "./address.ts";
import { invalid, V3ioError } from "./errors.ts";
import { itemsOf, shardCountOf, streamAbove, streamAt, streamNameAt, viewOf } from "./places.ts";
import { itemTimeOf } from "./reply.ts";

export interface ListRequest {
  container: string;
  /** Without slashes at the ends. */
  directory: string;
  marker: string;
  keysMax: number;
  directoriesOnly: boolean;
  withInfo: boolean;
}

interface Entry {
  /** The path below the container, a directory's with a slash at the end. */
  key: string;
  time: ItemTime | undefined;
  /** Of an object; undefined for a directory. */
  bytes: number | undefined;
  lastSequence?: number;
  /** Of a stream: its name in the catalog. */
  stream?: string;
}

const keysDefault = 1000;

/** Streams read from the catalog at once, and shards asked at once. */
const streamsPerPage = 1000;
const shardCallsMax = 64;

export function parseListRequest({ container, query }: Address): ListRequest {
  const names = (query.get("prefix") ?? "").split("/").filter((name) => name !== "");
  for (const name of names) checkName(name);
  const keys = query.get("max-keys") ?? String(keysDefault);
  if (!/^\d{1,9}$/.test(keys) || Number(keys) === 0) throw invalid();
  return {
    container,
    directory: names.join("/"),
    marker: (query.get("marker") ?? "").replace(/^\/+/, ""),
    keysMax: Math.min(Number(keys), keysDefault),
    directoriesOnly: isSet(query.get("prefix-only")),
    withInfo: isSet(query.get("prefix-info")),
  };
}

/** Throws "No such file or directory" where there is no such directory. */
export async function listDirectory(
  runtime: Runtime,
  scope: Scope,
  request: ListRequest,
): Promise<Response> {
  const { container, directory, keysMax } = request;
  const place = { container, path: directory };
  const stream = directory === "" ? undefined : await streamAt(runtime, scope, place);
  const entries =
    stream === undefined
      ? await plainEntries(runtime, scope, request)
      : await streamEntries(runtime, scope, request, stream);
  if (entries.length === 0 && stream === undefined && request.marker === "") {
    const exists = directory === "" || (await isDirectory(runtime, scope, place));
    if (!exists) throw new V3ioError("No such file or directory");
  }
  const shown = entries.filter(({ bytes }) => bytes === undefined || !request.directoriesOnly);
  const page = shown.slice(0, keysMax);
  const infos = request.withInfo ? await streamInfos(runtime, scope, page) : new Map();
  return xml(request, page, shown.length > keysMax, infos);
}

/** Whether something lies below the place, or it was made a directory. */
export async function isDirectory(runtime: Runtime, scope: Scope, place: Place): Promise<boolean> {
  const { container, path } = place;
  const owner = (await streamAbove(runtime, scope, place))?.stream.description.uid ?? "";
  const items = itemsOf(runtime, scope, container);
  if (await items.isOccupied(`${path}/`, owner)) return true;
  return (await streamsBelow(runtime, scope, container, `${path}/`)).length > 0;
}

async function plainEntries(
  runtime: Runtime,
  scope: Scope,
  request: ListRequest,
): Promise<Entry[]> {
  const { container, directory, marker, keysMax } = request;
  const above =
    directory === ""
      ? undefined
      : await streamAbove(runtime, scope, { container, path: directory });
  const prefix = directory === "" ? "" : `${directory}/`;
  const owner = above?.stream.description.uid ?? "";
  const listed = await itemsOf(runtime, scope, container).list(prefix, marker, keysMax + 1, owner);
  const objects = listed.map(entryOf);
  const streams = above === undefined ? await streamsBelow(runtime, scope, container, prefix) : [];
  return merge([...streams, ...objects], marker);
}

async function streamEntries(
  runtime: Runtime,
  scope: Scope,
  { container, directory, marker, keysMax }: ListRequest,
  { description }: KnownStream,
): Promise<Entry[]> {
  const prefix = `${directory}/`;
  const items = itemsOf(runtime, scope, container);
  const listed = await items.list(prefix, marker, keysMax + 1, description.uid);
  const shards: Entry[] = [];
  const wanted = description.shards.filter(({ index }) => isAfter(`${prefix}${index}`, marker));
  for (let at = 0; at < wanted.length; at += shardCallsMax) {
    const views = await Promise.all(
      wanted.slice(at, at + shardCallsMax).map(async ({ uid, index }) => {
        const { nextIndex, lastTimeMs } = await viewOf(runtime, uid);
        const time = itemTimeOf(lastTimeMs);
        return { key: `${prefix}${index}`, lastSequence: nextIndex, time, bytes: 0 };
      }),
    );
    shards.push(...views.filter(({ lastSequence }) => lastSequence > 0));
  }
  return merge([...shards, ...listed.map(entryOf)], marker);
}

/** Directories that are streams, or that streams are in. */
async function streamsBelow(
  runtime: Runtime,
  scope: Scope,
  container: string,
  prefix: string,
): Promise<Entry[]> {
  const catalog = catalogOf(runtime.env, scope);
  const entries: Entry[] = [];
  const directory = { time: undefined, bytes: undefined };
  const add = (name: string, key: string, { createdMs, status }: StreamHead) => {
    if (status === "DELETING") return;
    const slash = key.indexOf("/", prefix.length);
    if (slash >= 0) entries.push({ ...directory, key: key.slice(0, slash + 1) });
    else
      entries.push({ key: `${key}/`, time: itemTimeOf(createdMs), bytes: undefined, stream: name });
  };
  const own = `/${container}/${prefix}`;
  for await (const head of streamsWithin(catalog, own)) {
    add(head.name, head.name.slice(container.length + 2), head);
  }
  const isShared = streamNameAt({ container, path: "a" }) === "a";
  if (prefix === "" && isShared) {
    for await (const head of streamsWithin(catalog, undefined)) add(head.name, head.name, head);
  }
  return entries;
}

/** The streams whose name begins with a path, or those whose name is none. */
async function* streamsWithin(
  catalog: ReturnType<typeof catalogOf>,
  within: string | undefined,
): AsyncGenerator<StreamHead> {
  for (let after = ""; ;) {
    const { streams, more } = await catalog.listStreams(after, streamsPerPage, within);
    yield* streams;
    const last = streams.at(-1)?.name;
    if (!more || last === undefined) return;
    after = last;
  }
}

function entryOf({ path, object }: ListedEntry): Entry {
  return { key: path, time: object?.time, bytes: object?.bytes };
}

/** In order of their keys, each once, those after the marker. */
function merge(entries: readonly Entry[], marker: string): Entry[] {
  const byKey = new Map<string, Entry>();
  for (const entry of entries) {
    if (isAfter(entry.key, marker) && !byKey.has(entry.key)) byKey.set(entry.key, entry);
  }
  return [...byKey.values()].sort((a, b) => compareText(a.key, b.key));
}

function isAfter(key: string, marker: string): boolean {
  return marker === "" || compareText(key, marker) > 0;
}

/** As the object store sorts: by the bytes of UTF-8. */
function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

async function streamInfos(
  runtime: Runtime,
  scope: Scope,
  page: readonly Entry[],
): Promise<Map<string, string>> {
  const infos = new Map<string, string>();
  const streams = page.flatMap(({ key, stream }) =>
    stream === undefined ? [] : [{ key, stream }],
  );
  for (let at = 0; at < streams.length; at += shardCallsMax) {
    await Promise.all(
      streams.slice(at, at + shardCallsMax).map(async ({ key, stream }) => {
        const known = await findStream(runtime.env, scope, stream);
        const hours = known.description.retentionHours;
        infos.set(
          key,
          `<ShardCount>${shardCountOf(known)}</ShardCount>` +
            `<RetentionPeriodHours>${hours}</RetentionPeriodHours>` +
            `<RetentionPeriodSec>${hours * 3600}</RetentionPeriodSec>`,
        );
      }),
    );
  }
  return infos;
}

function xml(
  request: ListRequest,
  page: readonly Entry[],
  isTruncated: boolean,
  infos: ReadonlyMap<string, string>,
): Response {
  const { container, directory, marker, keysMax, withInfo } = request;
  const contents = page.map((entry) => {
    const { key, bytes, lastSequence, time } = entry;
    const info = withInfo ? infoOf(time, bytes === undefined) : "";
    const modified = time === undefined ? "" : `<LastModified>${dateOf(time)}</LastModified>`;
    if (bytes === undefined) {
      return (
        `<CommonPrefixes><Prefix>${escape(key)}</Prefix>${modified}${info}` +
        `${infos.get(key) ?? ""}</CommonPrefixes>`
      );
    }
    const last = lastSequence && `<LastSequenceId>${lastSequence}</LastSequenceId>`;
    return (
      `<Contents><Key>${escape(key)}</Key><Size>${bytes}</Size>${last ?? ""}${modified}${info}` +
      "</Contents>"
    );
  });
  const body =
    `<ListBucketResult><Name>${escape(container)}</Name>` +
    `<Prefix>${escape(directory === "" ? "" : `${directory}/`)}</Prefix>` +
    `<Marker>${escape(marker)}</Marker><Delimiter>/</Delimiter>` +
    `<NextMarker>${escape(page.at(-1)?.key ?? "")}</NextMarker><MaxKeys>${keysMax}</MaxKeys>` +
    `<IsTruncated>${isTruncated}</IsTruncated>${contents.join("")}</ListBucketResult>`;
  return new Response(body, {
    headers: { "content-type": "application/xml", "cache-control": "no-store" },
  });
}

/** Everything belongs to everybody who is let in: what real servers show of such an object. */
function infoOf(time: ItemTime | undefined, isDirectory: boolean): string {
  const date = dateOf(time ?? { seconds: 0, nanoseconds: 0 });
  return (
    `<AccessTime>${date}</AccessTime><CreatingTime>${date}</CreatingTime>` +
    `<Mode>${isDirectory ? "040777" : "0100664"}</Mode><GID>0</GID><UID>0</UID>`
  );
}

function dateOf({ seconds, nanoseconds }: ItemTime): string {
  const hundredths = Math.floor(nanoseconds / 10_000_000);
  const [date] = new Date(seconds * 1000).toISOString().split(".");
  return `${date}.${String(hundredths).padStart(2, "0")}Z`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function isSet(value: string | null): boolean {
  return value !== null && value !== "0" && value !== "";
}
