// Items through the v3io face: what consumer groups keep beside a stream and on its shards. A shard is
// an item from its first record on, with the attributes by which clients tell it and measure their
// lag; what they add lives as long as the shard.
import { Buffer } from "node:buffer";
import type { Runtime } from "../../core/bindings.ts";
import type { ItemPage } from "../../core/itemTypes.ts";
import { unwrap } from "../../core/rpc.ts";
import type { Scope } from "../../core/types.ts";
import { V3ioError } from "../errors.ts";
import type { ItemCommand } from "../itemRequest.ts";
import { isDirectory } from "../listing.ts";
import { itemPlaceAt, itemsOf, streamAbove, streamAt } from "../places.ts";
import { done, json, timeHeaders } from "../reply.ts";

type Command<Kind extends ItemCommand["kind"]> = Extract<ItemCommand, { kind: Kind }>;

export async function getItem(
  runtime: Runtime,
  scope: Scope,
  { item: place, selection }: Command<"GetItem">,
): Promise<Response> {
  const at = await itemPlaceAt(runtime, scope, place).catch((error: unknown) => {
    // Clients that ask so tell files from directories (v3iofs, info).
    const isDirectory = error instanceof V3ioError && error.name === "Is a directory";
    throw isDirectory ? new V3ioError("No such file or directory") : error;
  });
  const items = itemsOf(runtime, scope, place.container);
  const { attributes, time } = unwrap(await items.getItem(at, selection));
  return json({ Item: Object.fromEntries(attributes) }, timeHeaders(time));
}

export async function putItem(
  runtime: Runtime,
  scope: Scope,
  { item: place, write }: Command<"PutItem" | "UpdateItem">,
): Promise<Response> {
  const at = await itemPlaceAt(runtime, scope, place);
  const { time } = unwrap(await itemsOf(runtime, scope, place.container).putItem(at, write));
  return done(timeHeaders(time));
}

/**
 * Shards are left out: as items they have what only the servers' own backups read. A page without items is
 * the last one, since v3io-py takes it for that.
 */
export async function getItems(
  runtime: Runtime,
  scope: Scope,
  command: Command<"GetItems">,
): Promise<Response> {
  const { directory, selection, filter, limit, part } = command;
  const prefix = directory.path === "" ? "" : `${directory.path}/`;
  const stream =
    prefix === ""
      ? undefined
      : ((await streamAt(runtime, scope, directory)) ??
        (await streamAbove(runtime, scope, directory))?.stream);
  const at = { path: prefix, owner: stream?.description.uid ?? "" };
  const items = itemsOf(runtime, scope, directory.container);
  const scan = { directory: at, limit, selection, filter, part };
  let page: ItemPage;
  let after: string | undefined = command.after === "" ? "" : prefix + command.after;
  do {
    page = unwrap(await items.scanItems({ ...scan, after }));
    after = page.next;
  } while (page.items.length === 0 && after !== undefined);
  const exists = page.exists || (await isDirectory(runtime, scope, directory));
  if (!exists) throw new V3ioError("No such file or directory");
  return json({
    LastItemIncluded: after === undefined ? "TRUE" : "FALSE",
    NumItems: page.items.length,
    ...(after !== undefined && { NextMarker: markerOf(after.slice(prefix.length)) }),
    Scattered: "FALSE",
    Items: page.items.map((item) => Object.fromEntries(item)),
  });
}

function markerOf(name: string): string {
  return Buffer.from(name).toString("base64url");
}
