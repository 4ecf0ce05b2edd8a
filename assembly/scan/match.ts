// Tests a single value: a text, a number or a literal of JSON, a partition key, a time, or data as bytes. Texts are
// compared byte by byte in UTF-8. A value fulfils a list of matchers if it fulfils one of them. A test may stop between
// two matchers that search the value (work.ts): then its result means nothing.
import { matchesCidr } from "./cidr";
import { equalBytes, find } from "./find";
import { PROGRAM } from "./layout";
import { openDouble, openNumber, relate } from "./number";
import {
  CIDR,
  EQUALS,
  EQUALS_FOLDED,
  EXISTS,
  IS_FALSE,
  IS_NULL,
  IS_TRUE,
  NONE_OF,
  NUMBER,
  ONE_OF,
  PREFIX,
  PREFIX_FOLDED,
  STEP_AND,
  STEP_NOT,
  SUFFIX_FOLDED,
  VALUE_FALSE,
  VALUE_NULL,
  VALUE_NUMBER,
  VALUE_TEXT,
  VALUE_TRUE,
  WILDCARD,
} from "./program";
import {
  isPaused,
  nextVerdict,
  noteVerdict,
  pause,
  spend,
  VERDICT_LATER,
  VERDICT_OPEN,
} from "./work";

/** Steps of a matcher, whatever it compares. */
const MATCHER_STEPS: usize = 8;
/** Steps of a character that is compared in any case. */
const FOLDED_STEPS: usize = 4;

/** The bits of the leaves at `list` that the value fulfils. */
export function testLeaves(list: usize, kind: u32, start: usize, end: usize): u64 {
  if (kind == VALUE_NUMBER) openNumber(start, end);
  return testOpened(list, kind, start, end);
}

/** The bits of the leaves at `list` that an arrival time fulfils: they are about seconds. */
export function testTime(list: usize, timeMs: u64): u64 {
  openDouble(<f64>timeMs / 1000);
  return testOpened(list, VALUE_NUMBER, 0, 0);
}

function testOpened(list: usize, kind: u32, start: usize, end: usize): u64 {
  if (!ASC_NO_ASSERT) assert(!isPaused(), "a test after a pause");
  let bits: u64 = 0;
  let leaf = list + 4;
  for (let left = load<u32>(list); left > 0; left--) {
    const count = load<u32>(leaf, 8);
    if (matchesAny(leaf + 8, kind, start, end)) bits |= load<u64>(leaf);
    if (isPaused()) break;
    leaf += 12 + ((<usize>count) << 3);
  }
  return bits;
}

/** `matchers` has their number, then code and operand of each. */
function matchesAny(matchers: usize, kind: u32, start: usize, end: usize): bool {
  const stop = matchers + 4 + ((<usize>load<u32>(matchers)) << 3);
  for (let at = matchers + 4; at < stop; at += 8) {
    if (isPaused()) return false;
    spend(MATCHER_STEPS);
    if (matches(load<u32>(at), PROGRAM + load<u32>(at, 4), kind, start, end)) return true;
  }
  return false;
}

function matches(code: u32, operand: usize, kind: u32, start: usize, end: usize): bool {
  if (kind == VALUE_TEXT && code <= CIDR) return matchesText(code, operand, start, end);
  if (code == NUMBER) return kind == VALUE_NUMBER && matchesNumber(operand);
  if (code == NONE_OF) return !matchesAny(operand, kind, start, end);
  if (code == EXISTS) return true;
  if (code == IS_NULL) return kind == VALUE_NULL;
  if (code == IS_TRUE) return kind == VALUE_TRUE;
  return code == IS_FALSE && kind == VALUE_FALSE;
}

/** Most texts have `bytes` and the text behind it as their operand. */
function matchesText(code: u32, operand: usize, start: usize, end: usize): bool {
  const length = <u32>(end - start);
  if (code >= EQUALS_FOLDED && code <= SUFFIX_FOLDED) {
    if (code == SUFFIX_FOLDED) return endsFolded(operand, start, end);
    const after = skipFolded(operand, start, end);
    return after != 0 && (code == PREFIX_FOLDED || after == end);
  }
  if (code == ONE_OF) return isOneOf(operand, start, length);
  if (code == WILDCARD) return searchOnce(operand, start, end);
  if (code == CIDR) return matchesCidr(operand, start, end);
  const bytes = load<u32>(operand);
  if (code == EQUALS) return length == bytes && equalBytes(start, operand + 4, bytes);
  if (length < bytes) return false;
  return equalBytes(code == PREFIX ? start : end - bytes, operand + 4, bytes);
}

/** A search of the whole value, which is not made again when the test goes on after a pause. */
function searchOnce(operand: usize, start: usize, end: usize): bool {
  const verdict = nextVerdict(start);
  if (verdict < VERDICT_OPEN) return verdict != 0;
  if (verdict == VERDICT_LATER) {
    pause();
    return false;
  }
  spend(end - start);
  const isMatch = matchesWildcard(operand, start, end);
  noteVerdict(isMatch);
  return isMatch;
}

/** `operand` has the number of texts and their offsets, by length and then by bytes. */
function isOneOf(operand: usize, start: usize, length: u32): bool {
  let low: u32 = 0;
  let high = load<u32>(operand);
  while (low < high) {
    const middle = (low + high) >> 1;
    const text = PROGRAM + load<u32>(operand + ((<usize>middle) << 2), 4);
    const order = compareText(text, start, length);
    if (order == 0) return true;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return false;
}

function compareText(text: usize, start: usize, length: u32): i32 {
  const bytes = load<u32>(text);
  if (bytes != length) return bytes < length ? -1 : 1;
  return memory.compare(text + 4, start, bytes);
}

/**
 * Characters in any case: `operand` has their number, then for each the number of its spellings, and bytes and text
 * of each spelling. Returns the address after them, or 0. One spelling at most fits, because no character of UTF-8
 * is the beginning of another one.
 */
function skipFolded(operand: usize, start: usize, end: usize): usize {
  let at = start;
  let character = operand + 4;
  for (let left = load<u32>(operand); left > 0; left--) {
    spend(FOLDED_STEPS);
    let next: usize = 0;
    let spellings: u32 = load<u8>(character++);
    for (; spellings > 0; spellings--) {
      const bytes: u32 = load<u8>(character++);
      if (at + bytes <= end && equalBytes(at, character, bytes)) next = at + bytes;
      character += bytes;
    }
    if (next == 0) return 0;
    at = next;
  }
  return at;
}

/** The same from the end back; the characters stand in reverse order. */
function endsFolded(operand: usize, start: usize, end: usize): bool {
  let at = end;
  let character = operand + 4;
  for (let left = load<u32>(operand); left > 0; left--) {
    spend(FOLDED_STEPS);
    let next: usize = 0;
    let spellings: u32 = load<u8>(character++);
    for (; spellings > 0; spellings--) {
      const bytes: u32 = load<u8>(character++);
      if (at - bytes >= start && equalBytes(at - bytes, character, bytes)) next = at - bytes;
      character += bytes;
    }
    if (next == 0) return false;
    at = next;
  }
  return true;
}

/**
 * Parts in their order with anything between them: `operand` has their number, 1 if the first one stands at the
 * start, 1 if the last one stands at the end, the bytes of all, and the offset of a needle for each. What lies before
 * a part is as short as can be, so that every byte is passed once.
 */
function matchesWildcard(operand: usize, start: usize, end: usize): bool {
  const count = load<u32>(operand);
  if (<u32>(end - start) < load<u32>(operand, 12)) return false;
  let first: u32 = 0;
  let last = count;
  let at = start;
  let stop = end;
  if (load<u32>(operand, 4) != 0) {
    const part = partAt(operand, first++);
    const bytes = load<u32>(part);
    if (!equalBytes(at, part + 16, bytes)) return false;
    at += bytes;
  }
  if (load<u32>(operand, 8) != 0) {
    const part = partAt(operand, --last);
    const bytes = load<u32>(part);
    if (!equalBytes(stop - bytes, part + 16, bytes)) return false;
    stop -= bytes;
  }
  for (; first < last; first++) {
    const part = partAt(operand, first);
    at = find(at, stop, part);
    if (at == 0) return false;
    at += load<u32>(part);
  }
  return true;
}

function partAt(operand: usize, i: u32): usize {
  return PROGRAM + load<u32>(operand + ((<usize>i) << 2), 16);
}

/** Relations to literals that must all hold: `operand` has their number, then mask and literal of each. */
function matchesNumber(operand: usize): bool {
  const stop = operand + 4 + ((<usize>load<u32>(operand)) << 3);
  for (let at = operand + 4; at < stop; at += 8) {
    if ((relate(PROGRAM + load<u32>(at, 4), PROGRAM) & load<u32>(at)) == 0) return false;
  }
  return true;
}

/** The bits decide: see program.ts. */
export function evaluate(expression: usize, bits: u64): bool {
  const count = load<u32>(expression);
  spend(2 + count);
  if (count == 0) {
    const all = load<u64>(expression, 4);
    return (bits & all) == all;
  }
  // The results of steps are on a stack of bits, the last one lowest.
  let stack: u64 = 0;
  const stop = expression + 4 + count;
  for (let at = expression + 4; at < stop; at++) {
    const step = load<u8>(at);
    if (step < STEP_NOT) stack = (stack << 1) | ((bits >> u64(step)) & 1);
    else if (step == STEP_NOT) stack ^= 1;
    else if (step == STEP_AND) stack = (stack >> 1) & (stack | ~(<u64>1));
    else stack = (stack >> 1) | (stack & 1);
  }
  return (stack & 1) != 0;
}

/** The value of a literal, by its text that begins so; VALUE_TEXT if there is none. */
export function literalKind(byte: u8): u32 {
  if (byte == 0x6e) return VALUE_NULL;
  if (byte == 0x74) return VALUE_TRUE;
  return byte == 0x66 ? VALUE_FALSE : VALUE_NUMBER;
}
