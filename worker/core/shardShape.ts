// What a stored description of a shard has: the catalog's copy within the stream's, and the shard's own.
import { flag, listOf, number, object, optional, text, whole } from "./document.ts";
import type { ShardDescription } from "./types.ts";

export const shardMembers = {
  uid: text,
  index: whole,
  createdMs: number,
  hashStart: text,
  hashEnd: text,
  parents: optional(listOf(whole)),
  createdAhead: optional(flag),
  openedMs: optional(number),
  closedMs: optional(number),
  endIndex: optional(whole),
  endMs: optional(number),
};

export const shardShape = object<ShardDescription>(shardMembers);
