// Locations as v3io clients keep them, for as long as they like: a stream may be deleted and made anew
// meanwhile. So a location has the mark of its shard. That of the start of a shard has none, because it is
// right for any. Locations of version 0.1.0 have none. docs/FORMAT.md has the bytes.
import { Buffer } from "node:buffer";
import type { Location } from "../core/types.ts";
import { engine } from "../engine/instance.ts";
import { shardMark, storesBoundOnly } from "../engine/shardUid.ts";

/** A location, and the mark of its shard. */
export interface MarkedLocation extends Location {
  mark: number | undefined;
}

const PLAIN = 1;
const MARKED = 2;
const MARK_AT = 1;
const MARK_BYTES = 3;

/** The place in base64. */
export function printLocation(uid: string, location: Location): string {
  const bytes = Buffer.from(engine.encodeLocation(location));
  if (location.index > 0) {
    bytes[0] = MARKED;
    bytes.writeUIntLE(shardMark(uid), MARK_AT, MARK_BYTES);
  }
  return bytes.toString("base64");
}

/** Undefined if the bytes are no location. */
export function readLocation(bytes: Uint8Array): MarkedLocation | undefined {
  if (bytes[0] !== MARKED) {
    const location = engine.decodeLocation(bytes);
    return location && { ...location, mark: undefined };
  }
  const plain = Buffer.from(bytes);
  if (plain.length < MARK_AT + MARK_BYTES) return undefined;
  const mark = plain.readUIntLE(MARK_AT, MARK_BYTES);
  plain.writeUIntLE(0, MARK_AT, MARK_BYTES);
  plain[0] = PLAIN;
  const location = engine.decodeLocation(plain);
  return location && { ...location, mark };
}

/**
 * True if the location is of this shard, as far as can be told. One without a mark is, at the start of
 * any shard, and further on where 0.1.0 has created the shard.
 */
export function isLocationOf({ mark, index }: MarkedLocation, uid: string): boolean {
  if (mark !== undefined) return mark === shardMark(uid);
  return index === 0 || !storesBoundOnly(uid);
}
