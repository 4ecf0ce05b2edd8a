// Objects through the v3io face, by the plain verbs of HTTP: small ones, of one row each. A stream's
// directory and its shards answer too, as clients expect of files: a stream is removed by deleting its
// directory, and a shard's records stay until then. Sources: Iguazio web API reference, simple objects;
// v3io-py stream.delete; v3io-go DeleteStreamSync, CheckPathExistsSync.
import { readBody } from "../../http/body.ts";
import type { Backend } from "../../stream/backend.ts";
import { isCode } from "../../errors.ts";
import { rowBodyBytesMax } from "../../limits.ts";
import type { Scope } from "../../core/types.ts";
import { type Place, placeAt } from "../names.ts";
import { requestOperation, type Resource } from "../operation.ts";
import { invalid, V3ioError } from "../errors.ts";
import { isDirectory, listDirectory, parseListRequest } from "../listing.ts";
import { listingResponse } from "../listingXml.ts";
import { objectResponse, parseByteRange } from "../byteRange.ts";
import { itemPlaceAt, noAttributes, shardAt, streamAt } from "../places.ts";
import { done, noContent, timeHeaders } from "../reply.ts";

export const listObjects = requestOperation({
  name: "ListObjects",
  alias: "kinesis:ListStreams",
  read: async (_, address) => parseListRequest(address),
  resource: ({ container, directory }) => ({ kind: "path", place: { container, path: directory } }),
  run: async ({ backend, scope }, request) =>
    listingResponse(request, await listDirectory(backend, scope, request)),
});

const resource = ({ object: place }: { object: Place }): Resource => ({ kind: "path", place });

export const getObject = requestOperation({
  name: "GetObject",
  alias: "kinesis:GetRecords",
  read: async ({ method, headers }, address) => ({
    object: placeAt(address),
    range: parseByteRange(headers.get("range")),
    isHead: method === "HEAD",
  }),
  resource,
  run: async ({ backend, scope }, { object, range, isHead }) => {
    const { container, path } = object;
    if (path === "") return done();
    const items = backend.items(scope, container);
    try {
      const place = await itemPlaceAt(backend, scope, object);
      if (place.computed !== undefined) return done(timeHeaders(place.computed.time));
      if (isHead) {
        const { bodyBytes, time } = await items.getItem(place, noAttributes);
        return done({ ...timeHeaders(time), "content-length": String(bodyBytes) });
      }
      const { body, time } = await items.getObject(place);
      return objectResponse(body, range, timeHeaders(time));
    } catch (error) {
      if (error instanceof V3ioError && error.name === "Is a directory") return done();
      const isMissing = isCode(error, "itemNotFound");
      if (isMissing && (await isDirectory(backend, scope, object))) return done();
      throw error;
    }
  },
});

export const putObject = requestOperation({
  name: "PutObject",
  alias: "kinesis:GetRecords",
  read: async (request, address) => {
    const range = request.headers.get("range");
    if (address.path.length === 0 || (range !== null && range !== "-1")) throw invalid();
    const { isDirectory: asDirectory } = address;
    return { object: placeAt(address), asDirectory, append: range === "-1", request };
  },
  resource,
  run: async ({ backend, scope }, { object, asDirectory, append, request }) => {
    const body = await readBody(request, rowBodyBytesMax);
    if (body === undefined) throw new V3ioError("File too large");
    if (asDirectory) {
      if (body.length > 0) throw invalid();
      if ((await streamAt(backend, scope, object)) !== undefined) return done();
    }
    const place = await itemPlaceAt(backend, scope, object);
    if ((await shardAt(backend, scope, object)) !== undefined) {
      throw new V3ioError("Operation not permitted");
    }
    const at = asDirectory ? { ...place, path: `${place.path}/` } : place;
    const items = backend.items(scope, object.container);
    try {
      const { time } = await items.putObject(at, body, append);
      return done(timeHeaders(time));
    } catch (error) {
      const isLarge = isCode(error, "tooLarge");
      throw isLarge ? new V3ioError("File too large") : error;
    }
  },
});

/** Deleting a directory that does not exist succeeds, because clients delete its objects first. */
export const deleteObject = requestOperation({
  name: "DeleteObject",
  alias: "kinesis:GetRecords",
  read: async (_, address) => {
    if (address.path.length === 0) throw new V3ioError("Operation not permitted");
    return { object: placeAt(address), asDirectory: address.isDirectory };
  },
  resource,
  run: async ({ backend, scope }, { object, asDirectory }) => {
    const items = backend.items(scope, object.container);
    const place = await itemPlaceAt(backend, scope, object);
    const isShard = (await shardAt(backend, scope, object)) !== undefined;
    try {
      const path = asDirectory && !isShard ? `${place.path}/` : place.path;
      if (asDirectory && !isShard) await requireEmpty(backend, scope, object);
      await items.deleteItem({ ...place, path });
    } catch (error) {
      const isMissing = isCode(error, "itemNotFound");
      if (!isMissing || !(asDirectory || isShard)) throw error;
    }
    return noContent();
  },
});

async function requireEmpty(backend: Backend, scope: Scope, place: Place): Promise<void> {
  const { container, path } = place;
  const options = { marker: "", keysMax: 1, directoriesOnly: false, withInfo: false };
  try {
    const request = { container, directory: path, ...options };
    const { entries } = await listDirectory(backend, scope, request);
    if (entries.length > 0) throw new V3ioError("Directory not empty");
  } catch (error) {
    const isMissing = error instanceof V3ioError && error.name === "No such file or directory";
    if (!isMissing) throw error;
  }
}
