// The records of a body. In JSON mode each message is a record, with the bytes that were sent. If the body is an
// array, its elements are the messages. In any other mode a body is one record, or several if it is
// larger than a record may be (Durable Streams protocol, section 9, "JSON mode").
import { batchOf, type RecordBatch, type RecordPut } from "../engine/recordBatch.ts";
import { noBytes } from "../codec/bytes.ts";
import { parseJson } from "../codec/json.ts";
import { recordBytesMax } from "../limits.ts";

const [space, tab, lineFeed, carriageReturn] = [0x20, 0x09, 0x0a, 0x0d];
const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];

/** The messages of a body, as views of it; undefined if `isJson` is false for it. */
export function jsonMessages(body: Uint8Array): Uint8Array[] | undefined {
  if (!isJson(body)) return undefined;
  const [start, end] = trimmed(body, 0, body.length);
  return body[start] === openBracket
    ? elements(body, start + 1, end - 1)
    : [body.subarray(start, end)];
}

/**
 * True if the bytes are one JSON text in UTF-8, without a byte order mark, of no more values than a request may have:
 * they are built to check it, and each message becomes a record.
 */
export function isJson(bytes: Uint8Array): boolean {
  try {
    parseJson(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Records with this data, all with the same key. */
export function recordsOf(messages: readonly Uint8Array[], key: Uint8Array = noBytes): RecordBatch {
  return batchOf(messages.map((data): RecordPut => ({ key, info: noBytes, data })));
}

/** A body in pieces that are no larger than a record may be. */
export function bytePieces(body: Uint8Array, keyBytes: number): Uint8Array[] {
  const size = recordBytesMax - keyBytes;
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < body.length; at += size) pieces.push(body.subarray(at, at + size));
  return pieces;
}

/** The elements of a valid array, whose text between the brackets is from `from` to `to`. */
function elements(body: Uint8Array, from: number, to: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let [start, depth] = [from, 0];
  const take = (end: number) => {
    const [first, last] = trimmed(body, start, end);
    if (last > first) found.push(body.subarray(first, last));
  };
  for (let at = from; at < to; at++) {
    switch (body[at]) {
      case quote:
        for (at++; body[at] !== quote; at++) if (body[at] === backslash) at++;
        break;
      case openBracket:
      case openBrace:
        depth++;
        break;
      case closeBracket:
      case closeBrace:
        depth--;
        break;
      case comma:
        if (depth > 0) break;
        take(at);
        start = at + 1;
        break;
      default:
    }
  }
  take(to);
  return found;
}

function trimmed(body: Uint8Array, from: number, to: number): [from: number, to: number] {
  let [first, last] = [from, to];
  while (first < last && isSpace(body[first]!)) first++;
  while (last > first && isSpace(body[last - 1]!)) last--;
  return [first, last];
}

function isSpace(byte: number): boolean {
  return byte === space || byte === lineFeed || byte === tab || byte === carriageReturn;
}
