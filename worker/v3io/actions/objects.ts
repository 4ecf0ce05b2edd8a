// Objects through the v3io face, by the plain verbs of HTTP: small ones, of one row each. A stream's
// directory and its shards answer too, as clients expect of files: a stream is removed by deleting its
// directory, and a shard's records stay until then. Sources: Iguazio web API reference, simple objects;
// v3io-py stream.delete; v3io-go DeleteStreamSync, CheckPathExistsSync.
import { readBody } from "../../http/body.ts";
import type { Runtime } from "../../core/bindings.ts";
import { isCode } from "../../errors.ts";
import { rowBodyBytesMax } from "../../limits.ts";
import { unwrap } from "../../core/rpc.ts";
import type { Scope } from "../../core/types.ts";
import { type Address, type Place, placeAt } from "../names.ts";
import { invalid, V3ioError } from "../errors.ts";
import { isDirectory, listDirectory, type ListRequest, parseListRequest } from "../listing.ts";
import { listingResponse } from "../listingXml.ts";
import { itemPlaceAt, itemsOf, noAttributes, shardAt, streamAt } from "../places.ts";
import { bytes, done, noContent, timeHeaders } from "../reply.ts";
import { deleteStream } from "./streams.ts";

export type ObjectCommand =
  | { kind: "ListObjects"; request: ListRequest }
  | { kind: "GetObject"; object: Place; range: Range | undefined; isHead: boolean }
  | { kind: "PutObject"; object: Place; asDirectory: boolean; append: boolean }
  | { kind: "DeleteObject"; object: Place; asDirectory: boolean };

interface Range {
  first: number;
  /** Inclusive. */
  last: number;
}

/** Throws V3ioError. */
export function parseObjectCommand({ method, headers }: Request, address: Address): ObjectCommand {
  const isContainer = address.path.length === 0;
  const object = placeAt(address);
  const asDirectory = address.isDirectory;
  const range = headers.get("range");
  switch (method) {
    case "GET":
    case "HEAD":
      if (isContainer && method === "GET") {
        return { kind: "ListObjects", request: parseListRequest(address) };
      }
      return { kind: "GetObject", object, range: parseRange(range), isHead: method === "HEAD" };
    case "PUT":
    case "POST":
      if (isContainer || (range !== null && range !== "-1")) throw invalid();
      return { kind: "PutObject", object, asDirectory, append: range === "-1" };
    case "DELETE":
      if (isContainer) throw new V3ioError("Operation not permitted");
      return { kind: "DeleteObject", object, asDirectory };
    default:
      throw invalid();
  }
}

export async function runObjectCommand(
  command: ObjectCommand,
  request: Request,
  runtime: Runtime,
  scope: Scope,
): Promise<Response> {
  switch (command.kind) {
    case "ListObjects":
      return listingResponse(command.request, await listDirectory(runtime, scope, command.request));
    case "GetObject":
      return getObject(runtime, scope, command);
    case "PutObject":
      return putObject(runtime, scope, command, request);
    case "DeleteObject":
      return deleteObject(runtime, scope, command);
  }
}

async function getObject(
  runtime: Runtime,
  scope: Scope,
  { object, range, isHead }: Extract<ObjectCommand, { kind: "GetObject" }>,
): Promise<Response> {
  const { container, path } = object;
  if (path === "") return done();
  const items = itemsOf(runtime, scope, container);
  try {
    const place = await itemPlaceAt(runtime, scope, object);
    if (place.standing !== undefined) return done(timeHeaders(place.standing.time));
    if (isHead) {
      const { bodyBytes, time } = unwrap(await items.getItem(place, noAttributes));
      return done({ ...timeHeaders(time), "content-length": String(bodyBytes) });
    }
    const { body, time } = unwrap(await items.getObject(place));
    return rangeOf(body, range, timeHeaders(time));
  } catch (error) {
    if (error instanceof V3ioError && error.name === "Is a directory") return done();
    const isMissing = isCode(error, "itemNotFound");
    if (isMissing && (await isDirectory(runtime, scope, object))) return done();
    throw error;
  }
}

async function putObject(
  runtime: Runtime,
  scope: Scope,
  { object, asDirectory, append }: Extract<ObjectCommand, { kind: "PutObject" }>,
  request: Request,
): Promise<Response> {
  const body = await readBody(request, rowBodyBytesMax);
  if (body === undefined) throw new V3ioError("File too large");
  if (asDirectory) {
    if (body.length > 0) throw invalid();
    if ((await streamAt(runtime, scope, object)) !== undefined) return done();
  }
  const place = await itemPlaceAt(runtime, scope, object);
  if ((await shardAt(runtime, scope, object)) !== undefined) {
    throw new V3ioError("Operation not permitted");
  }
  const at = asDirectory ? { ...place, path: `${place.path}/` } : place;
  const items = itemsOf(runtime, scope, object.container);
  try {
    const { time } = unwrap(await items.putObject(at, body, append));
    return done(timeHeaders(time));
  } catch (error) {
    const isLarge = isCode(error, "tooLarge");
    throw isLarge ? new V3ioError("File too large") : error;
  }
}

/** A directory that is not there any more was removed with what was in it. */
async function deleteObject(
  runtime: Runtime,
  scope: Scope,
  { object, asDirectory }: Extract<ObjectCommand, { kind: "DeleteObject" }>,
): Promise<Response> {
  if ((await streamAt(runtime, scope, object)) !== undefined) {
    return deleteStream(runtime, scope, object);
  }
  const items = itemsOf(runtime, scope, object.container);
  const place = await itemPlaceAt(runtime, scope, object);
  const isShard = (await shardAt(runtime, scope, object)) !== undefined;
  try {
    const path = asDirectory && !isShard ? `${place.path}/` : place.path;
    if (asDirectory && !isShard) await requireEmpty(runtime, scope, object);
    unwrap(await items.deleteItem({ ...place, path }));
  } catch (error) {
    const isMissing = isCode(error, "itemNotFound");
    if (!isMissing || !(asDirectory || isShard)) throw error;
  }
  return noContent();
}

async function requireEmpty(runtime: Runtime, scope: Scope, place: Place): Promise<void> {
  const { container, path } = place;
  const options = { marker: "", keysMax: 1, directoriesOnly: false, withInfo: false };
  try {
    const request = { container, directory: path, ...options };
    const { entries } = await listDirectory(runtime, scope, request);
    if (entries.length > 0) throw new V3ioError("Directory not empty");
  } catch (error) {
    const isMissing = error instanceof V3ioError && error.name === "No such file or directory";
    if (!isMissing) throw error;
  }
}

/**
 * v3io-py leaves the hyphen away where there is no end. Undefined for a range of another form, which
 * HTTP lets a server overlook.
 */
function parseRange(header: string | null): Range | undefined {
  const [, first, last] = /^bytes=(\d{1,12})(?:-(\d{1,12})?)?$/.exec(header ?? "") ?? [];
  if (first === undefined) return undefined;
  return { first: Number(first), last: last === undefined ? Infinity : Number(last) };
}

function rangeOf(
  body: Uint8Array,
  range: Range | undefined,
  headers: Record<string, string>,
): Promise<Response> {
  if (range === undefined || range.first >= body.length || range.last < range.first) {
    return bytes(body, 200, headers);
  }
  const last = Math.min(range.last, body.length - 1);
  const contentRange = `bytes ${range.first}-${last}/${body.length}`;
  return bytes(body.subarray(range.first, last + 1), 206, {
    ...headers,
    "content-range": contentRange,
  });
}
