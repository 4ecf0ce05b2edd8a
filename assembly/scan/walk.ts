// Walks through a record's JSON once, and tests the fields that the condition names. Everything else is passed over
// without a look at what it is. So the walk believes that the bytes are JSON: where they are not, its result means
// nothing, and the caller asks validate.ts before it takes a record. Of fields with one name in an object the last one
// counts, as for JSON.parse: its conditions begin anew each time. The walk is no recursion, so that it can stop at any
// field or element and go on in a later call: where it is in objects within objects is in STATE (work.ts).
import { KEY_BYTES_MAX, PROGRAM, STATE, UNESCAPED_KEY } from "./layout";
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
import {
  closeVerdicts,
  isPaused,
  isSpent,
  noteAdvance,
  openVerdicts,
  pause,
  spend,
  STATE_AT,
  STATE_BITS,
  STATE_DEPTH,
  STATE_ENTRY,
  STATE_FRAMES,
  STATE_LEVEL,
  STATE_PLACE,
  STATE_PLAIN_END,
  STATE_QUOTE,
  STATE_VALID,
} from "./work";

const OPENING_BRACE: u8 = 0x7b;
const CLOSING_BRACE: u8 = 0x7d;
const OPENING_BRACKET: u8 = 0x5b;
const CLOSING_BRACKET: u8 = 0x5d;
const COMMA: u8 = 0x2c;

// Where the walk is: before a value of a field that the condition names, after one, or among the fields of an object.
const BEFORE: u32 = 0;
const AFTER: u32 = 1;
const AMONG: u32 = 2;

const FRAME_BYTES: usize = 8;

let recordStart: usize = 0;
let recordEnd: usize = 0;
let isValid: bool = false;

/** The conditions that hold so far. */
let bits: u64 = 0;
let at: usize = 0;
let place: u32 = BEFORE;
/** Objects around the walk whose fields the condition names. */
let level: u32 = 0;
/** The field whose value is looked at, and the arrays that are open in it. */
let entry: usize = 0;
let depth: u32 = 0;
/** Where the text that is tested ends without its escapes, if it has lost them, and where its quote is. */
let plainEnd: usize = 0;
let plainQuote: usize = 0;

/** The walk of the JSON between `start` and `end` is to begin; `root` is the entry of the record. */
export function openWalk(start: usize, end: usize, root: usize): void {
  openRecord(start, end, false);
  bits = 0;
  at = skipBlanks(start, end);
  level = 0;
  beginField(root);
}

/** The walk goes on that keepWalk has kept. */
export function resumeWalk(start: usize, end: usize): void {
  openRecord(start, end, load<u32>(STATE, STATE_VALID) != 0);
  at = load<u32>(STATE, STATE_AT);
  bits = load<u64>(STATE, STATE_BITS);
  level = load<u32>(STATE, STATE_LEVEL);
  entry = load<u32>(STATE, STATE_ENTRY);
  depth = load<u32>(STATE, STATE_DEPTH);
  place = load<u32>(STATE, STATE_PLACE);
  plainEnd = load<u32>(STATE, STATE_PLAIN_END);
  plainQuote = load<u32>(STATE, STATE_QUOTE);
}

export function keepWalk(): void {
  store<u32>(STATE, <u32>at, STATE_AT);
  store<u64>(STATE, bits, STATE_BITS);
  store<u32>(STATE, level, STATE_LEVEL);
  store<u32>(STATE, <u32>entry, STATE_ENTRY);
  store<u32>(STATE, depth, STATE_DEPTH);
  store<u32>(STATE, place, STATE_PLACE);
  store<u32>(STATE, u32(isValid), STATE_VALID);
  store<u32>(STATE, <u32>plainEnd, STATE_PLAIN_END);
  store<u32>(STATE, <u32>plainQuote, STATE_QUOTE);
}

function openRecord(start: usize, end: usize, isKnownValid: bool): void {
  recordStart = start;
  recordEnd = end;
  isValid = isKnownValid;
  plainEnd = 0;
}

/** True if the record is JSON, which is asked once: escapes are removed in place afterwards. */
export function isValidRecord(): bool {
  if (!isValid) {
    spend(recordEnd - recordStart);
    isValid = isJson(recordStart, recordEnd);
    noteAdvance();
  }
  return isValid;
}

/** Walks on; returns the bits that the record fulfils, which mean nothing if the walk has paused. */
export function walk(): u64 {
  while (at < recordEnd) {
    if (place == AMONG) walkField();
    else if (place == BEFORE) walkValue();
    else if (depth == 0) {
      if (level == 0) break;
      place = AMONG;
    } else walkElement();
    if (isPaused()) return 0;
    noteAdvance();
    if (isSpent(at)) {
      pause();
      return 0;
    }
  }
  return bits;
}

/** A field that the condition names begins, with its value at `at`. */
function beginField(field: usize): void {
  entry = field;
  depth = 0;
  place = BEFORE;
  bits &= ~load<u64>(entry, ENTRY_BITS);
}

/** A value of the field, or the first part of it: the bracket of an array, the brace of an object. */
function walkValue(): void {
  const byte = load<u8>(at);
  const missing = load<u64>(entry, ENTRY_MISSING);
  if (byte == OPENING_BRACKET) {
    // An array fulfils what one of its elements does, in arrays within arrays too.
    depth++;
    at = skipBlanks(at + 1, recordEnd);
    if (at >= recordEnd || load<u8>(at) != CLOSING_BRACKET) return;
    bits |= missing;
  } else if (byte == OPENING_BRACE) {
    const node: usize = load<u32>(entry, ENTRY_NODE);
    if (node != 0) return beginObject(PROGRAM + node);
    at = skipContainer(at);
  } else {
    const leaves: usize = load<u32>(entry, ENTRY_LEAVES);
    const after = leaves == 0 ? skipValue(at, byte) : testValue(byte, PROGRAM + leaves);
    if (isPaused()) return;
    bits |= missing;
    at = after;
  }
  place = AFTER;
}

/** What is after an element of an array: the next one, or the end of the array. */
function walkElement(): void {
  at = skipBlanks(at, recordEnd);
  if (at >= recordEnd) return;
  if (load<u8>(at++) == COMMA) {
    at = skipBlanks(at, recordEnd);
    place = BEFORE;
  } else depth--;
}

function beginObject(node: usize): void {
  const frame = frameAt(level++);
  store<u32>(frame, <u32>entry);
  store<u32>(frame, depth, 4);
  bits = (bits & ~load<u64>(node, NODE_BITS)) | load<u64>(node, NODE_MISSING);
  at++;
  place = AMONG;
}

/** A field of an object, or the end of the object. */
function walkField(): void {
  const end = recordEnd;
  at = skipBlanks(at, end);
  if (at >= end) return;
  const mark = load<u8>(at++);
  if (mark == COMMA) return;
  if (mark != QUOTE) {
    if (mark != CLOSING_BRACE) at = end;
    return endObject();
  }
  const frame = frameAt(level - 1);
  const node = PROGRAM + <usize>load<u32>(<usize>load<u32>(frame), ENTRY_NODE);
  const name = at;
  at = endOfString(at, end);
  const field = isEscaped() ? findEscaped(node, name, at) : findEntry(node, name, <u32>(at - name));
  // The colon is in its place if the bytes are JSON.
  at = skipBlanks(skipBlanks(at + 1, end) + 1, end);
  if (at >= end) return;
  if (field == 0) at = skipValue(at, load<u8>(at));
  else beginField(field);
}

function frameAt(i: u32): usize {
  return STATE + STATE_FRAMES + <usize>i * FRAME_BYTES;
}

/** The conditions on the object as a whole. */
function endObject(): void {
  const frame = frameAt(--level);
  entry = load<u32>(frame);
  depth = load<u32>(frame, 4);
  place = AFTER;
  const objects = PROGRAM + load<u32>(entry, ENTRY_OBJECTS);
  const stop = objects + 4 + <usize>load<u32>(objects) * 12;
  for (let each = objects + 4; each < stop; each += 12) {
    if (evaluate(PROGRAM + load<u32>(each, 8), bits)) bits |= load<u64>(each);
  }
}

function findEntry(node: usize, name: usize, bytes: u32): usize {
  spend(load<u32>(node, NODE_COUNT));
  if (((load<u32>(node, NODE_LENGTHS) >> (bytes & 31)) & 1) == 0) return 0;
  const stop = node + NODE_ENTRIES + <usize>load<u32>(node, NODE_COUNT) * ENTRY_BYTES;
  for (let field = node + NODE_ENTRIES; field < stop; field += ENTRY_BYTES) {
    if (load<u32>(field, ENTRY_NAME_BYTES) != bytes) continue;
    if (equalBytes(name, PROGRAM + load<u32>(field, ENTRY_NAME), bytes)) return field;
  }
  return 0;
}

/** An escape has at most six bytes for one. */
function findEscaped(node: usize, name: usize, end: usize): usize {
  if (end - name > <usize>KEY_BYTES_MAX) return 0;
  const after = unescape(name, end, UNESCAPED_KEY);
  return findEntry(node, UNESCAPED_KEY, <u32>(after - UNESCAPED_KEY));
}

/** A value that is neither object nor array: returns the address after it, which means nothing if the test has paused. */
function testValue(byte: u8, leaves: usize): usize {
  if (byte != QUOTE) {
    const after = endOfPlain(at);
    testScalar(leaves, literalKind(byte), at, after);
    return after;
  }
  const start = at + 1;
  let quote = plainQuote;
  let end = plainEnd;
  if (end == 0) {
    quote = endOfString(start, recordEnd);
    end = quote;
    if (isEscaped()) {
      if (!isValidRecord()) return recordEnd;
      if (isSpent(at)) {
        pause();
        return at;
      }
      spend(quote - start);
      end = unescape(start, quote, start);
      plainEnd = end;
      plainQuote = quote;
    }
  }
  testScalar(leaves, VALUE_TEXT, start, end);
  return quote + 1;
}

/** Verdicts are open while a value is tested and no longer: those that come next are about another one. */
function testScalar(leaves: usize, kind: u32, start: usize, end: usize): void {
  openVerdicts();
  const found = testLeaves(leaves, kind, start, end);
  if (isPaused()) return;
  bits |= found;
  plainEnd = 0;
  closeVerdicts();
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
