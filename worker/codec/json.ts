// Parses the JSON of requests: strict UTF-8, and no more values than a request may have
// (limits.ts), counted before any is built. The count is cheap for usual bodies: it counts commas
// and opening brackets, of which texts contain few. Only if there are too many, the body is read
// character by character, and texts are skipped.
import { requestItemsMax } from "../limits.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPENING_BRACKET = 0x5b;
const OPENING_BRACE = 0x7b;

// Broken UTF-8 makes the body invalid: repaired, it would store data that the client did not send.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Throws if the text is not well formed, or has more than `itemsMax` values; an empty list or
 * object counts as two.
 */
export function parseJson(body: Uint8Array, itemsMax = requestItemsMax): unknown {
  if (hasMoreItems(body, itemsMax)) throw new Error(`json of more than ${itemsMax} values`);
  return JSON.parse(decoder.decode(body));
}

/** Every value but the first follows a comma or an opening bracket. */
function hasMoreItems(body: Uint8Array, itemsMax: number): boolean {
  // The shortest value and the character before it take two bytes.
  if (body.length <= 2 * itemsMax) return false;
  let left = itemsMax;
  for (const mark of [COMMA, OPENING_BRACE, OPENING_BRACKET]) {
    for (let at = body.indexOf(mark); at >= 0 && left > 0; at = body.indexOf(mark, at + 1)) left--;
  }
  return left === 0 && countMarks(body, itemsMax) >= itemsMax;
}

/** Commas and opening brackets outside texts, up to `max`. */
function countMarks(body: Uint8Array, max: number): number {
  let count = 0;
  let isInText = false;
  for (let at = 0; at < body.length && count < max; at++) {
    const byte = body[at];
    if (byte === QUOTE) isInText = !isInText;
    else if (isInText) at += byte === BACKSLASH ? 1 : 0;
    else if (byte === COMMA || byte === OPENING_BRACE || byte === OPENING_BRACKET) count++;
  }
  return count;
}
