// The cursor of live replies: the number of the 20-second interval, so that readers that poll at the
// same time ask with equal addresses and a cache can answer them together. A reader whose cursor is
// not behind gets a greater one, or it would be answered from the cache for ever. By how much follows
// from the request, so that equal requests stay equal (Durable Streams protocol, section 10.1).
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
