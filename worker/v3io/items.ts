// Items through the v3io face: what consumer groups keep beside a stream and on its shards. A shard is
// an item from its first record on, with the attributes by which clients tell it and measure their
// lag; what they add lives as long as the shard.
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import type { Runtime } from "../env.ts";
import { isTrue } from "../items/evaluate.ts";
import type { Item } from "../items/types.ts";
import { unwrap } from "../stream/rpc.ts";
import type { Scope } from "../stream/types.ts";
import { selectAttributes } from "./attributes.ts";
import type { ItemCommand } from "./itemRequest.ts";
import { itemPlaceAt, itemsOf, streamAbove, streamAt } from "./places.ts";
import { done, json, timeHeaders } from "./reply.ts";

type Command<Kind extends ItemCommand["kind"]> = Extract<ItemCommand, { kind: Kind }>;

export async function getItem(
  runtime: Runtime,
  scope: Scope,
  { item: place, attributes }: Command<"GetItem">,
): Promise<Response> {
  const at = await itemPlaceAt(runtime, scope, place);
  const item = unwrap(await itemsOf(runtime, scope, place.container).getItem(at));
  return json({ Item: selectAttributes(item, attributes, false) }, timeHeaders(item.time));
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

/** Shards are left out: as items they have what only the servers' own backups read. */
export async function getItems(
  runtime: Runtime,
  scope: Scope,
  command: Command<"GetItems">,
): Promise<Response> {
  const { directory, attributes, filter, limit, segment, segmentCount } = command;
  const prefix = directory.path === "" ? "" : `${directory.path}/`;
  const stream =
    prefix === ""
      ? undefined
      : ((await streamAt(runtime, scope, directory)) ??
        (await streamAbove(runtime, scope, directory))?.stream);
  const at = { path: prefix, owner: stream?.description.uid ?? "" };
  const after = command.after === "" ? "" : prefix + command.after;
  const page = await itemsOf(runtime, scope, directory.container).scanItems(at, after, limit);
  const chosen = page.items.filter(({ path, item }) => {
    const name = path.slice(prefix.length);
    const isMine = crc32(name) % segmentCount === segment;
    return isMine && (filter === undefined || isTrue(filter, lookupIn(item)));
  });
  const { next } = page;
  return json({
    LastItemIncluded: next === undefined ? "TRUE" : "FALSE",
    NumItems: chosen.length,
    NextMarker: next === undefined ? "" : markerOf(next.slice(prefix.length)),
    Scattered: "FALSE",
    Items: chosen.map(({ item }) => selectAttributes(item, attributes, true)),
  });
}

function lookupIn({ user, system }: Item) {
  return (name: string) => user.get(name) ?? system.get(name);
}

function markerOf(name: string): string {
  return Buffer.from(name).toString("base64url");
}
