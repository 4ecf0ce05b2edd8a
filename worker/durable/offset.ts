// Offsets as clients keep them: the index of the next record, and the segment that has the record
// before it, 16 decimal digits each. So offsets sort as texts in the order of the stream, and one
// position has one text, however often its record moves. The index decides; the segment is a hint
// for reading history without asking the shard. Then follows the mark of the shard, in 6 hexadecimal
// digits, by which an offset of a stream that was deleted and made anew is known. The start has none,
// because it is right for any stream. (Durable Streams protocol, section 8, "Offsets".)
import type { Ancestor, Position } from "../core/durable.ts";
import { shardMark } from "../engine/shardUid.ts";
import { invalid } from "./errors.ts";

/** A position as a client sends it. */
export interface MarkedPosition extends Position {
  mark: string | undefined;
}

export type StartOffset =
  | { kind: "earliest" }
  | { kind: "now" }
  | { kind: "at"; at: MarkedPosition };

const digits = 16;
const markDigits = 6;
const form = /^(\d{16})_(\d{16})(?:_([0-9a-f]{6}))?$/;

export function offsetText(uid: string, { index, segment }: Position): string {
  const numbers = [index, segment].map((number) => String(number).padStart(digits, "0"));
  return [...numbers, ...(index > 0 ? [markOf(uid)] : [])].join("_");
}

/**
 * True if the position is of this shard, or of the ancestor that has the record before it. One without
 * a mark is of any.
 */
export function isPositionOf(
  { mark, index }: MarkedPosition,
  uid: string,
  ancestors: readonly Ancestor[],
): boolean {
  if (mark === undefined || mark === markOf(uid)) return true;
  return ancestors.some((each) => index <= each.endIndex && mark === markOf(each.uid));
}

/** Throws DurableError 400. */
export function readOffset(text: string): StartOffset {
  if (text === "-1") return { kind: "earliest" };
  if (text === "now") return { kind: "now" };
  return { kind: "at", at: readPosition(text) };
}

/** Throws DurableError 400. */
export function readPosition(text: string): MarkedPosition {
  const [, index, segment, mark] = form.exec(text) ?? [];
  if (index === undefined || segment === undefined) {
    throw invalid("INVALID_OFFSET", "The offset is none that this server has given.");
  }
  return { index: Number(index), segment: Number(segment), mark };
}

function markOf(uid: string): string {
  return shardMark(uid).toString(16).padStart(markDigits, "0");
}
