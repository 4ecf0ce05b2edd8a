// Walks through a record's JSON once, and tests the fields that the condition names. Everything else is passed over
// without a look at what it is. So the walk believes that the bytes are JSON: where they are not, its result means
// nothing, and the caller asks validate.ts before it takes a record. Of fields with one name in an object the last one
// counts, as for JSON.parse: its conditions begin anew each time.
import { KEY_BYTES_MAX, PROGRAM, UNESCAPED_KEY } from "./layout";
import { equalBytes } from "./find";
import { evaluate, literalKind, testLeaves } from "./match";
import {
  ENTRY_BITS,
  ENTRY_BYTES,
  ENTRY_LEAVES,
  ENTRY_MISSING,
  ENTRY_NAME,
  ENTRY_NAME_BYTES,
  ENTRY_NODE,
  ENTRY_OBJECTS,
  NODE_BITS,
  NODE_COUNT,
  NODE_ENTRIES,
  NODE_LENGTHS,
  NODE_MISSING,
  VALUE_TEXT,
} from "./program";
import { endOfString, isEscaped, QUOTE, unescape } from "./text";
import { isJson, skipBlanks } from "./validate";

const OPENING_BRACE: u8 = 0x7b;
const CLOSING_BRACE: u8 = 0x7d;
const OPENING_BRACKET: u8 = 0x5b;
const CLOSING_BRACKET: u8 = 0x5d;
const COMMA: u8 = 0x2c;

/** The conditions that hold so far. */
let bits: u64 = 0;
let recordStart: usize = 0;
let recordEnd: usize = 0;
let isValid: bool = false;

/** The bits of `entry` that the JSON between `start` and `end` fulfils; none if it is no JSON. */
export function walkRecord(start: usize, end: usize, entry: usize): u64 {
  bits = 0;
  recordStart = start;
  recordEnd = end;
  isValid = false;
  const at = skipBlanks(start, end);
  if (at >= end) return 0;
  walkValue(at, entry);
  return bits & load<u64>(entry, ENTRY_BITS);
}

/** True if the record is JSON, which is asked once: escapes are removed in place afterwards. */
export function isValidRecord(): bool {
  isValid = isValid || isJson(recordStart, recordEnd);
  return isValid;
}

/** The value of a field that the condition names; returns the address after it. */
function walkValue(at: usize, entry: usize): usize {
  bits &= ~load<u64>(entry, ENTRY_BITS);
  const leaves: usize = load<u32>(entry, ENTRY_LEAVES);
  const node: usize = load<u32>(entry, ENTRY_NODE);
  const missing = load<u64>(entry, ENTRY_MISSING);
  // An array fulfils what one of its elements does, in arrays within arrays too.
  let depth: u32 = 0;
  while (at < recordEnd) {
    const byte = load<u8>(at);
    if (byte == OPENING_BRACKET) {
      depth++;
      at = skipBlanks(at + 1, recordEnd);
      if (at >= recordEnd || load<u8>(at) != CLOSING_BRACKET) continue;
      bits |= missing;
    } else if (byte == OPENING_BRACE) {
      at = node == 0 ? skipContainer(at) : walkObjects(at + 1, PROGRAM + node, entry);
    } else {
      bits |= missing;
      at = leaves == 0 ? skipValue(at, byte) : testValue(at, byte, PROGRAM + leaves);
    }
    let isNext = false;
    while (!isNext) {
      if (depth == 0) return at;
      at = skipBlanks(at, recordEnd);
      if (at >= recordEnd) return recordEnd;
      isNext = load<u8>(at++) == COMMA;
      depth -= u32(!isNext);
    }
    at = skipBlanks(at, recordEnd);
  }
  return recordEnd;
}

/** An object, and the conditions on it as a whole. */
function walkObjects(at: usize, node: usize, entry: usize): usize {
  at = walkObject(at, node);
  const objects = PROGRAM + load<u32>(entry, ENTRY_OBJECTS);
  const stop = objects + 4 + <usize>load<u32>(objects) * 12;
  for (let each = objects + 4; each < stop; each += 12) {
    if (evaluate(PROGRAM + load<u32>(each, 8), bits)) bits |= load<u64>(each);
  }
  return at;
}

/** The fields of an object; `at` is after its brace. */
function walkObject(at: usize, node: usize): usize {
  bits = (bits & ~load<u64>(node, NODE_BITS)) | load<u64>(node, NODE_MISSING);
  const end = recordEnd;
  while (at < end) {
    at = skipBlanks(at, end);
    if (at >= end) break;
    const mark = load<u8>(at++);
    if (mark == COMMA) continue;
    if (mark != QUOTE) return mark == CLOSING_BRACE ? at : end;
    const name = at;
    at = endOfString(at, end);
    const entry = isEscaped()
      ? findEscaped(node, name, at)
      : findEntry(node, name, <u32>(at - name));
    // The colon is in its place if the bytes are JSON.
    at = skipBlanks(skipBlanks(at + 1, end) + 1, end);
    if (at >= end) break;
    at = entry == 0 ? skipValue(at, load<u8>(at)) : walkValue(at, entry);
  }
  return end;
}

function findEntry(node: usize, name: usize, bytes: u32): usize {
  if (((load<u32>(node, NODE_LENGTHS) >> (bytes & 31)) & 1) == 0) return 0;
  const stop = node + NODE_ENTRIES + <usize>load<u32>(node, NODE_COUNT) * ENTRY_BYTES;
  for (let entry = node + NODE_ENTRIES; entry < stop; entry += ENTRY_BYTES) {
    if (load<u32>(entry, ENTRY_NAME_BYTES) != bytes) continue;
    if (equalBytes(name, PROGRAM + load<u32>(entry, ENTRY_NAME), bytes)) return entry;
  }
  return 0;
}

/** An escape has at most six bytes for one. */
function findEscaped(node: usize, name: usize, end: usize): usize {
  if (end - name > <usize>KEY_BYTES_MAX) return 0;
  const after = unescape(name, end, UNESCAPED_KEY);
  return findEntry(node, UNESCAPED_KEY, <u32>(after - UNESCAPED_KEY));
}

/** A value that is neither object nor array. */
function testValue(at: usize, byte: u8, leaves: usize): usize {
  if (byte != QUOTE) {
    const after = endOfPlain(at);
    bits |= testLeaves(leaves, literalKind(byte), at, after);
    return after;
  }
  const start = at + 1;
  const quote = endOfString(start, recordEnd);
  let end = quote;
  if (isEscaped()) {
    if (!isValidRecord()) return recordEnd;
    end = unescape(start, quote, start);
  }
  bits |= testLeaves(leaves, VALUE_TEXT, start, end);
  return quote + 1;
}

/** Any value, whatever it is. */
function skipValue(at: usize, byte: u8): usize {
  if (byte == QUOTE) return endOfString(at + 1, recordEnd) + 1;
  if (byte == OPENING_BRACE || byte == OPENING_BRACKET) return skipContainer(at);
  return endOfPlain(at);
}

/** Address of the first byte that is no part of a number or literal. */
function endOfPlain(at: usize): usize {
  while (at < recordEnd) {
    const byte = load<u8>(at);
    if (byte <= 0x20 || byte == COMMA || (byte | 0x20) == 0x7d) break;
    at++;
  }
  return at;
}

/** An object or array as a whole. Bit 5 apart, its brackets are the same characters as its braces. */
function skipContainer(at: usize): usize {
  const end = recordEnd;
  let depth: i32 = 0;
  while (at < end) {
    const block = v128.load(at);
    const folded = v128.or(block, i8x16.splat(0x20));
    const opening = i8x16.eq(folded, i8x16.splat(0x7b));
    const closing = i8x16.eq(folded, i8x16.splat(0x7d));
    const quotes = i8x16.eq(block, i8x16.splat(QUOTE));
    let marks: u32 = i8x16.bitmask(v128.or(quotes, v128.or(opening, closing)));
    let next = at + 16;
    while (marks != 0) {
      const place = at + ctz(marks);
      if (place >= end) return end;
      const byte = load<u8>(place);
      if (byte == QUOTE) {
        next = endOfString(place + 1, end) + 1;
        break;
      }
      if ((byte | 0x20) == 0x7b) depth++;
      else if (--depth == 0) return place + 1;
      marks &= marks - 1;
    }
    at = next;
  }
  return end;
}
