// The sixteen bytes that say where a reader goes on, as docs/FORMAT.md lays them out. Bytes that
// are no location give undefined: they come from clients, and the dialect words the refusal.

import { INDEX_MAX } from "./pack.ts";

const LOCATION_BYTES = 16;
const KIND = 1;

export function encodeLocation(segment: number, index: number): Uint8Array {
  const bytes = Buffer.alloc(LOCATION_BYTES);
  bytes.writeUInt32LE(KIND, 0);
  bytes.writeUInt32LE(segment, 4);
  bytes.writeBigUInt64LE(BigInt(index), 8);
  return new Uint8Array(bytes);
}

export function decodeLocation(
  location: Uint8Array,
): { segment: number; index: number } | undefined {
  const bytes = Buffer.from(location);
  if (bytes.length !== LOCATION_BYTES || bytes.readUInt32LE(0) !== KIND) return undefined;
  const index = bytes.readBigUInt64LE(8);
  if (index > BigInt(INDEX_MAX)) return undefined;
  return { segment: bytes.readUInt32LE(4), index: Number(index) };
}
