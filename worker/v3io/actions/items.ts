// Items through the v3io face: what consumer groups keep beside a stream and on its shards. A shard
// is an item from its first record on, with the attributes by which clients tell it and measure
// their lag; attributes that they add are kept as long as the shard.
import { Buffer } from "node:buffer";
import type { ItemPage, ItemWrite } from "../../core/itemTypes.ts";
import { V3ioError } from "../errors.ts";
import {
  conditionIn,
  directoryPlace,
  itemPlace,
  limitOf,
  markerOf,
  partOf,
  putWrite,
  selectionOf,
  updateWrite,
} from "../itemRequest.ts";
import { isDirectory } from "../listing.ts";
import type { Place } from "../names.ts";
import { type ActionContext, operation, type Resource } from "../operation.ts";
import { itemPlaceAt, streamAbove, streamAt } from "../places.ts";
import { done, json, timeHeaders } from "../reply.ts";

const resource = ({ item: place }: { item: Place }): Resource => ({ kind: "path", place });

export const getItem = operation({
  name: "GetItem",
  alias: "kinesis:GetRecords",
  read: (address, body) => ({
    item: itemPlace(address, body),
    selection: selectionOf(body, false),
  }),
  resource,
  run: async ({ backend, scope }, { item: place, selection }) => {
    const at = await itemPlaceAt(backend, scope, place).catch((error: unknown) => {
      // Clients use this call to distinguish files from directories (v3iofs, info).
      const isDirectory = error instanceof V3ioError && error.name === "Is a directory";
      throw isDirectory ? new V3ioError("No such file or directory") : error;
    });
    const items = backend.items(scope, place.container);
    const { attributes, time } = await items.getItem(at, selection);
    return json({ Item: Object.fromEntries(attributes) }, timeHeaders(time));
  },
});

export const putItem = operation({
  name: "PutItem",
  alias: "kinesis:GetRecords",
  read: (address, body) => ({ item: itemPlace(address, body), write: putWrite(body) }),
  resource,
  run: writeItem,
});

export const updateItem = operation({
  name: "UpdateItem",
  alias: "kinesis:GetRecords",
  read: (address, body) => ({ item: itemPlace(address, body), write: updateWrite(body) }),
  resource,
  run: writeItem,
});

/**
 * Shards are left out: only backup tools of real servers read them as items. A page without items
 * is the last one, because v3io-py takes it so.
 */
export const getItems = operation({
  name: "GetItems",
  alias: "kinesis:GetRecords",
  read: (address, body) => ({
    directory: directoryPlace(address, body),
    selection: selectionOf(body, true),
    filter: conditionIn(body, "FilterExpression"),
    limit: limitOf(body),
    after: markerOf(body),
    part: partOf(body),
  }),
  resource: ({ directory: place }) => ({ kind: "path", place }),
  run: async ({ backend, scope }, input) => {
    const { directory, selection, filter, limit, part } = input;
    const prefix = directory.path === "" ? "" : `${directory.path}/`;
    const stream =
      prefix === ""
        ? undefined
        : ((await streamAt(backend, scope, directory)) ??
          (await streamAbove(backend, scope, directory))?.stream);
    const at = { path: prefix, owner: stream?.description.uid ?? "" };
    const items = backend.items(scope, directory.container);
    const scan = { directory: at, limit, selection, filter, part };
    const start = input.after === "" ? "" : prefix + input.after;
    let page: ItemPage = await items.scanItems({ ...scan, after: start });
    while (page.items.length === 0 && page.next !== undefined) {
      // A page may be some tenths of a second of work; other requests run before the next.
      await scheduler.wait(0);
      page = await items.scanItems({ ...scan, after: page.next });
    }
    const after = page.next;
    const exists = page.exists || (await isDirectory(backend, scope, directory));
    if (!exists) throw new V3ioError("No such file or directory");
    return json({
      LastItemIncluded: after === undefined ? "TRUE" : "FALSE",
      NumItems: page.items.length,
      ...(after !== undefined && { NextMarker: markerAfter(after.slice(prefix.length)) }),
      Scattered: "FALSE",
      Items: page.items.map((item) => Object.fromEntries(item)),
    });
  },
});

async function writeItem(
  { backend, scope }: ActionContext,
  { item: place, write }: { item: Place; write: ItemWrite },
): Promise<Response> {
  const at = await itemPlaceAt(backend, scope, place);
  const { time } = await backend.items(scope, place.container).putItem(at, write);
  return done(timeHeaders(time));
}

function markerAfter(name: string): string {
  return Buffer.from(name).toString("base64url");
}
