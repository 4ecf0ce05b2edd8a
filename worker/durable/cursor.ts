// The cursor of live replies: the number of the current interval of 20 seconds. Readers that poll at the
// same time send the same cursor, so their addresses are equal, and a cache can answer them together. A
// reader that already has this number, or a greater one, gets one that is greater than its own: otherwise
// a cache would give it the same reply for ever. The step is computed from the request, so that equal requests
// get equal cursors (Durable Streams protocol, section 10.1).
import { crc32 } from "node:zlib";

/** 9 October 2024, midnight UTC: the protocol's epoch. */
const epochMs = Date.UTC(2024, 9, 9);
const intervalMs = 20_000;
/** An hour of intervals. */
const stepMax = 180;

/** `place` names the stream and the position. */
export function nextCursor(place: string, asked: string | null, nowMs: number): string {
  const current = Math.floor((nowMs - epochMs) / intervalMs);
  const last = /^\d{1,15}$/.test(asked ?? "") ? Number(asked) : 0;
  if (last < current) return String(current);
  return String(last + 1 + (crc32(`${place} ${last}`) % stepMax));
}
