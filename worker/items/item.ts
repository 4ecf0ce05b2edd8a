// An item as readers see it: the attributes that users wrote, and the system attributes, which are
// computed from the row and from the shard at that path. Owner and mode are the same for all items,
// because every accepted caller owns everything; real servers show them like this.
import { later } from "../core/itemTime.ts";
import { createHash } from "node:crypto";
import { bornOf, type Head, timeOf } from "./table.ts";
import type { Attributes, ItemPlace, ItemTime, Selection } from "../core/itemTypes.ts";

/** The mode of a file on real servers: -rw-rw-r-- (v3io-go, sync_test.go). */
export const fileMode = 0o100664;

/** Names that are reserved for the system (Iguazio data-layer reference, System Attributes). */
export const systemNames: ReadonlySet<string> = new Set([
  "__name",
  "__size",
  "__mode",
  "__atime_secs",
  "__atime_nsecs",
  "__mtime_secs",
  "__mtime_nsecs",
  "__ctime_secs",
  "__ctime_nsecs",
  "__uid",
  "__gid",
  "__inode_number",
  "__obj_type",
  "__collection_id",
  "__last_sequence_num",
]);

/** Six bytes of a digest: a number that JavaScript and JSON represent exactly. */
const inodeBytes = 6;

/**
 * A number for a path without its slash at the end. It is always the same for a path, and two paths
 * hardly ever share one.
 */
export function inodeOf(path: string): number {
  const name = path.endsWith("/") ? path.slice(0, -1) : path;
  const number = createHash("sha256").update(name).digest().readUIntBE(0, inodeBytes);
  return Math.max(number, 1);
}

/** When the item was last changed, by a write or by a record in its shard. */
export function itemTimeOf({ computed }: ItemPlace, head: Head | undefined): ItemTime {
  const written = head === undefined ? { seconds: 0, nanoseconds: 0 } : timeOf(head);
  return computed === undefined ? written : later(written, computed.time);
}

/** No attributes for an item that does not exist. */
export function systemAttributesOf(place: ItemPlace, head: Head | undefined): Attributes {
  const { path, computed } = place;
  const system: Attributes = new Map(computed?.system);
  if (head === undefined && computed === undefined) return system;
  const time = itemTimeOf(place, head);
  const born = head === undefined ? time : bornOf(head);
  system.set("__name", { S: path.slice(path.lastIndexOf("/") + 1) });
  system.set("__inode_number", { N: String(inodeOf(path)) });
  system.set("__size", { N: String(head?.bytes ?? 0) });
  system.set("__mode", { N: String(fileMode) });
  system.set("__uid", { N: "0" });
  system.set("__gid", { N: "0" });
  for (const [kind, at] of [
    ["m", time],
    ["a", time],
    ["c", born],
  ] as const) {
    system.set(`__${kind}time_secs`, { N: String(at.seconds) });
    system.set(`__${kind}time_nsecs`, { N: String(at.nanoseconds) });
  }
  return system;
}

/** True if the selection includes attributes that users write. */
export function wantsUser({ user, names }: Selection): boolean {
  return user || names.some((name) => !systemNames.has(name));
}

export function selectAttributes(
  user: Attributes,
  system: Attributes,
  { names, ...all }: Selection,
): Attributes {
  const selected: Attributes = new Map(all.user ? user : []);
  if (all.system) for (const [name, value] of system) selected.set(name, value);
  for (const name of names) {
    const value = system.get(name) ?? user.get(name);
    if (value !== undefined) selected.set(name, value);
  }
  return selected;
}
