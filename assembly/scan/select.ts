// Chooses the records of a chunk that fulfil the condition in PROGRAM. Columns and keys are looked at first: data is
// touched only if they leave the question open, and read as JSON only if its bytes may hold what is asked for.
import {
  HEADER_BYTES,
  chunkAt,
  endOf,
  infosOf,
  keysOf,
  maskOf,
  payloadOf,
  timesOf,
} from "../record";
import { endsOf, MAGIC, VERSION, VERSION_BOUND } from "../record";
import { equalBytes, hasNeedle } from "./find";
import { INPUT, INPUT_BYTES, PROGRAM, RESULT, RUN_BYTES, RUNS, RUNS_MAX } from "./layout";
import { evaluate, testLeaves, testTime } from "./match";
import {
  ALL,
  EQUALS,
  HEAD_DATA,
  HEAD_DATA_BITS,
  HEAD_EXPRESSION,
  HEAD_JSON,
  HEAD_JSON_BITS,
  HEAD_KEY,
  HEAD_NEEDLE,
  HEAD_TIME,
  VALUE_TEXT,
} from "./program";
import { isValidRecord, walkRecord } from "./walk";

/** A needle that does not rule out a record in four of so many is no longer looked for. */
const NEEDLE_TRIALS: u32 = 32;

/**
 * Writes the records among `from` to `to` of the chunk that match to RUNS, at most `limit` of them; returns the
 * number of runs. RESULT: the record to go on from, which is `to` unless the limit or RUNS is full, and the number of
 * records that match. Escapes in the chunk may be removed in place: it is of no use afterwards.
 */
export function selectRecords(address: usize, from: u32, to: u32, limit: u32): u32 {
  const chunk = chunkAt(address);
  if (!ASC_NO_ASSERT) {
    assert(address >= INPUT && address + HEADER_BYTES <= INPUT + INPUT_BYTES, "a chunk elsewhere");
    assert(chunk.magic == MAGIC, "no chunk");
    assert(chunk.version == VERSION || chunk.version == VERSION_BOUND, "an unknown version");
    assert(from < to && to <= chunk.count, "a range outside of the chunk");
    assert(limit > 0, "nothing to look for");
  }
  const endWidth: u32 = chunk.endWidth;
  const keyWidth: u32 = chunk.keyWidth;
  const infoWidth: u32 = chunk.infoWidth;
  const timeWidth: u32 = chunk.timeWidth;
  const endMask = maskOf(endWidth);
  const keyMask = maskOf(keyWidth);
  const infoMask = maskOf(infoWidth);
  const timeMask = maskOf(timeWidth);
  const ends = endsOf(chunk);
  const keys = keysOf(chunk);
  const infos = infosOf(chunk);
  const times = timesOf(chunk);
  const payload = payloadOf(chunk);
  const stride = chunk.stride;
  const keyMin: u32 = chunk.keyBytesMin;
  const infoMin: u32 = chunk.infoBytesMin;
  const expression = PROGRAM + load<u32>(PROGRAM, HEAD_EXPRESSION);
  const keyLeaves: usize = load<u32>(PROGRAM, HEAD_KEY);
  const timeLeaves: usize = load<u32>(PROGRAM, HEAD_TIME);
  const dataBits = load<u64>(PROGRAM, HEAD_DATA_BITS);
  const onlyKey = onlyKeyOf(expression);
  const onlyKeyBytes = onlyKey == 0 ? 0 : load<u32>(onlyKey);
  resetNeedle();
  let start = payload + endOf(chunk, <i32>from - 1);
  let row = RUNS;
  let runs: u32 = 0;
  let count: u32 = 0;
  let isOpen = false;
  let i = from;
  for (; i < to; i++) {
    const stop = payload + stride * (i + 1) + (load<u32>(ends + i * endWidth) & endMask);
    const keyBytes = keyMin + (load<u32>(keys + i * keyWidth) & keyMask);
    if (onlyKey != 0) {
      const isFound = keyBytes == onlyKeyBytes && equalBytes(start, onlyKey + 4, keyBytes);
      if (!isFound) {
        start = stop;
        isOpen = false;
        continue;
      }
    }
    let bits: u64 = 0;
    if (keyLeaves != 0 && keyBytes > 0) {
      bits = testLeaves(PROGRAM + keyLeaves, VALUE_TEXT, start, start + keyBytes);
    }
    if (timeLeaves != 0) {
      const timeMs = chunk.timeMs + (load<u32>(times + i * timeWidth) & timeMask);
      bits |= testTime(PROGRAM + timeLeaves, timeMs);
    }
    let isMatch = evaluate(expression, bits | dataBits);
    if (isMatch && dataBits != 0 && !evaluate(expression, bits)) {
      const data = start + keyBytes + infoMin + (load<u32>(infos + i * infoWidth) & infoMask);
      isMatch = testData(expression, bits, data, stop);
    }
    start = stop;
    if (!isMatch) {
      isOpen = false;
      continue;
    }
    if (!isOpen) {
      if (runs == RUNS_MAX) break;
      store<u32>(row, i);
      row += RUN_BYTES;
      runs++;
      isOpen = true;
    }
    store<u32>(row - RUN_BYTES, i + 1, 4);
    count++;
    if (count == limit) {
      i++;
      break;
    }
  }
  store<u32>(RESULT, i);
  store<u32>(RESULT, count, 4);
  return runs;
}

/**
 * The number of bytes and the text that the key must be, whatever else is asked; 0 if there is no one such text. Most
 * records are then passed over by the length of their key, or by its bytes.
 */
function onlyKeyOf(expression: usize): usize {
  const key: usize = load<u32>(PROGRAM, HEAD_KEY);
  if (key == 0 || load<u32>(expression) != ALL) return 0;
  const leaf = PROGRAM + key + 4;
  const isOne = load<u32>(PROGRAM + key) == 1 && load<u32>(leaf, 8) == 1;
  if (!isOne || load<u32>(leaf, 12) != EQUALS) return 0;
  const isNeeded = (load<u64>(expression, 4) & load<u64>(leaf)) != 0;
  return isNeeded ? PROGRAM + <usize>load<u32>(leaf, 16) : 0;
}

/** The data decides: first as bytes, then as JSON. */
function testData(expression: usize, others: u64, data: usize, end: usize): bool {
  let bits = others;
  const leaves: usize = load<u32>(PROGRAM, HEAD_DATA);
  if (leaves != 0) bits |= testLeaves(PROGRAM + leaves, VALUE_TEXT, data, end);
  const entry: usize = load<u32>(PROGRAM, HEAD_JSON);
  if (entry == 0 || evaluate(expression, bits)) return evaluate(expression, bits);
  if (!evaluate(expression, bits | load<u64>(PROGRAM, HEAD_JSON_BITS))) return false;
  if (!mayMatch(data, end)) return false;
  bits |= walkRecord(data, end, PROGRAM + entry);
  return evaluate(expression, bits) && isValidRecord();
}

/** Records that were searched for the needle, and those that were ruled out. */
let searched: u32 = 0;
let ruledOut: u32 = 0;

function resetNeedle(): void {
  searched = 0;
  ruledOut = 0;
}

function mayMatch(data: usize, end: usize): bool {
  const needle: usize = load<u32>(PROGRAM, HEAD_NEEDLE);
  if (needle == 0) return true;
  if (searched >= NEEDLE_TRIALS && ruledOut << 2 < searched) return true;
  const mayHold = hasNeedle(data, end, PROGRAM + needle);
  searched++;
  ruledOut += u32(!mayHold);
  return mayHold;
}
