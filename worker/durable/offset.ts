// Offsets as clients keep them: the index of the next record, and the segment that has the record
// before it, 16 decimal digits each. So offsets sort as texts in the order of the stream, and one
// position has one text, however often its record moves. The index decides; the segment is a hint
// for reading history without asking the shard. (Durable Streams protocol, section 8, "Offsets".)
import type { Position } from "../core/durable.ts";
import { invalid } from "./errors.ts";

export type StartOffset = { kind: "earliest" } | { kind: "now" } | { kind: "at"; at: Position };

const digits = 16;
const form = /^(\d{16})_(\d{16})$/;

export function offsetText({ index, segment }: Position): string {
  return `${String(index).padStart(digits, "0")}_${String(segment).padStart(digits, "0")}`;
}

/** Throws DurableError 400. */
export function readOffset(text: string): StartOffset {
  if (text === "-1") return { kind: "earliest" };
  if (text === "now") return { kind: "now" };
  return { kind: "at", at: readPosition(text) };
}

/** Throws DurableError 400. */
export function readPosition(text: string): Position {
  const [, index, segment] = form.exec(text) ?? [];
  if (index === undefined || segment === undefined) {
    throw invalid("INVALID_OFFSET", "The offset is none that this server has given.");
  }
  return { index: Number(index), segment: Number(segment) };
}
