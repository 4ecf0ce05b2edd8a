// Conditions on arrival times. Times of a chunk ascend, and what a condition says of one changes only at the numbers that
// it names: so what was found for a record holds for those after it up to the next such number, and if nothing but times
// is asked for, the record where that begins is found by bisection.
import { Chunk, maskOf, timesOf } from "../record";
import { PROGRAM, RESULT, RUN_BYTES, RUNS } from "./layout";
import { evaluate, testTime } from "./match";
import { NONE_OF, NUMBER } from "./program";

const NEVER: u64 = u64.MAX_VALUE;
/** Later times are no integers any more. */
const TIME_MS_MAX: f64 = 9007199254740992;

/** As selectRecords, for an expression that times alone decide, whose leaves are at `list`. */
export function selectTimes(
  chunk: Chunk,
  from: u32,
  to: u32,
  limit: u32,
  expression: usize,
  list: usize,
): u32 {
  let row = RUNS;
  let runs: u32 = 0;
  let count: u32 = 0;
  let i = from;
  while (i < to && count < limit) {
    const timeMs = timeAt(chunk, i);
    const next = firstAt(chunk, i + 1, to, nextChange(list, timeMs));
    const isMatch = evaluate(expression, testTime(list, timeMs));
    const end = isMatch ? i + min(next - i, limit - count) : next;
    if (isMatch) {
      store<u32>(row, i);
      store<u32>(row, end, 4);
      row += RUN_BYTES;
      runs++;
      count += end - i;
    }
    i = end;
  }
  store<u32>(RESULT, i);
  store<u32>(RESULT, count, 4);
  return runs;
}

function timeAt(chunk: Chunk, i: u32): u64 {
  const width: u32 = chunk.timeWidth;
  return chunk.timeMs + (load<u32>(timesOf(chunk) + i * width) & maskOf(width));
}

/** The first time after `timeMs`, in milliseconds, for which the leaves at `list` may say something else. */
export function nextChange(list: usize, timeMs: u64): u64 {
  let change = NEVER;
  let leaf = list + 4;
  for (let left = load<u32>(list); left > 0; left--) {
    const count = load<u32>(leaf, 8);
    change = min(change, nextOf(leaf + 8, timeMs));
    leaf += 12 + ((<usize>count) << 3);
  }
  return change;
}

/** The same for a list of matchers. */
function nextOf(matchers: usize, timeMs: u64): u64 {
  let change = NEVER;
  const stop = matchers + 4 + ((<usize>load<u32>(matchers)) << 3);
  for (let at = matchers + 4; at < stop; at += 8) {
    const code = load<u32>(at);
    const operand = PROGRAM + <usize>load<u32>(at, 4);
    if (code == NONE_OF) change = min(change, nextOf(operand, timeMs));
    if (code != NUMBER) continue;
    const end = operand + 4 + ((<usize>load<u32>(operand)) << 3);
    for (let bound = operand + 4; bound < end; bound += 8) {
      change = min(change, nextAround(load<f64>(PROGRAM + <usize>load<u32>(bound, 4)), timeMs));
    }
  }
  return change;
}

/** The first time after `timeMs` that stands otherwise to a number of seconds. */
function nextAround(seconds: f64, timeMs: u64): u64 {
  const now = <f64>timeMs / 1000;
  if (now == seconds) return timeMs + 1;
  if (now > seconds || seconds * 1000 >= TIME_MS_MAX) return NEVER;
  // The division rounds: the first whole millisecond that is not before the number is near the product.
  let change = <u64>max(seconds * 1000, 0);
  while (<f64>change / 1000 < seconds) change++;
  while (change > timeMs + 1 && <f64>(change - 1) / 1000 >= seconds) change--;
  return change;
}

/** The first record among `from` to `to` that arrived at a time or later; `to` if there is none. */
function firstAt(chunk: Chunk, from: u32, to: u32, timeMs: u64): u32 {
  if (timeMs <= chunk.timeMs) return from;
  const wanted = timeMs - chunk.timeMs;
  const times = timesOf(chunk);
  const width: u32 = chunk.timeWidth;
  const mask = maskOf(width);
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (<u64>(load<u32>(times + middle * width) & mask) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
