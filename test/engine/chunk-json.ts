// Chunks as people write them down: in docs/FORMAT.md and in the golden vectors, a JSON object
// with keys as text and client info and data in hex, where what is left out is empty.

import type { ModelChunk } from "../reference/record.ts";

export interface ChunkJson {
  firstIndex: number;
  timeOrdinal: number;
  records: { timeMs: number; key?: string; info?: string; data?: string }[];
}

export function readChunkJson({ records, ...stamp }: ChunkJson): ModelChunk {
  return {
    ...stamp,
    records: records.map(({ timeMs, key = "", info = "", data = "" }) => ({
      timeMs,
      key: new TextEncoder().encode(key),
      info: fromHex(info),
      data: fromHex(data),
    })),
  };
}

/** Bytes from hex, blanks and line ends between them. */
export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ""), "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
