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
import { INPUT, INPUT_BYTES, PROGRAM, RESULT, RUN_BYTES, RUNS, RUNS_MAX, STATE } from "./layout";
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
import { nextChange, selectTimes } from "./times";
import { isValidRecord, keepWalk, openWalk, resumeWalk, walk } from "./walk";
import {
  closeVerdicts,
  isPaused,
  isSpent,
  keepStage,
  noteAdvance,
  openVerdicts,
  openWork,
  pause,
  spend,
  STAGE_BYTES,
  STAGE_JSON,
  STAGE_NONE,
  STAGE_WALK,
  STATE_AT,
  STATE_OTHERS,
  STATE_STAGE,
  workLeft,
} from "./work";

/** A needle that does not rule out a record in four of so many is no longer looked for. */
const NEEDLE_TRIALS: u32 = 32;

/** Steps of a record, whatever is asked of it. */
const RECORD_STEPS: usize = 16;

/**
 * Writes the records among `from` to `to` of the chunk that match to RUNS, at most `limit` of them; returns the
 * number of runs. RESULT: the record to go on from, which is `to` unless the limit is reached, RUNS is full or the
 * `work` is done, the number of records that match, and the work that is left. If STATE has a stage afterwards, the
 * test of that record has begun: the call that goes on must find STATE as it is now, and the chunk too; or the chunk as
 * it was at first, and no STATE_PLAIN_END. Escapes in the chunk may be removed in place: it is of no other use
 * afterwards.
 */
export function selectRecords(address: usize, from: u32, to: u32, limit: u32, work: u32): u32 {
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
  let start = payload + endOf(chunk, <i32>from - 1);
  let stage = load<u32>(STATE, STATE_STAGE);
  // Before any test: what another call has left, such as its pause, is nothing to this one.
  openWork(stage == STAGE_NONE ? start : <usize>load<u32>(STATE, STATE_AT), work);
  if (keyLeaves == 0 && dataBits == 0 && timeLeaves != 0) {
    const runs = selectTimes(chunk, from, to, limit, expression, PROGRAM + timeLeaves);
    store<u32>(RESULT, workLeft(start), 8);
    return runs;
  }
  const onlyKey = onlyKeyOf(expression);
  const onlyKeyBytes = onlyKey == 0 ? 0 : load<u32>(onlyKey);
  resetNeedle();
  let row = RUNS;
  let runs: u32 = 0;
  let count: u32 = 0;
  let isOpen = false;
  // What the conditions on times say until that time.
  let timeBits: u64 = 0;
  let changeMs: u64 = 0;
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
    if (isSpent(start)) break;
    spend(RECORD_STEPS);
    const data = start + keyBytes + infoMin + (load<u32>(infos + i * infoWidth) & infoMask);
    let isMatch: bool = true;
    if (stage != STAGE_NONE) {
      isMatch = resumeData(expression, stage, data, stop);
      stage = STAGE_NONE;
    } else {
      let bits: u64 = 0;
      if (keyLeaves != 0 && keyBytes > 0) {
        bits = testLeaves(PROGRAM + keyLeaves, VALUE_TEXT, start, start + keyBytes);
      }
      if (timeLeaves != 0) {
        const timeMs = chunk.timeMs + (load<u32>(times + i * timeWidth) & timeMask);
        if (timeMs >= changeMs) {
          timeBits = testTime(PROGRAM + timeLeaves, timeMs);
          changeMs = nextChange(PROGRAM + timeLeaves, timeMs);
        }
        bits |= timeBits;
      }
      isMatch = evaluate(expression, bits | dataBits);
      if (isMatch && dataBits != 0 && !evaluate(expression, bits)) {
        isMatch = testBytes(expression, bits, data, stop);
      }
    }
    if (isPaused()) break;
    noteAdvance();
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
  if (!isPaused()) keepStage(STAGE_NONE, 0);
  store<u32>(RESULT, i);
  store<u32>(RESULT, count, 4);
  store<u32>(RESULT, isPaused() ? 0 : workLeft(start), 8);
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
function testBytes(expression: usize, others: u64, data: usize, end: usize): bool {
  let bits = others;
  const leaves: usize = load<u32>(PROGRAM, HEAD_DATA);
  if (leaves != 0) {
    openVerdicts();
    const found = testLeaves(PROGRAM + leaves, VALUE_TEXT, data, end);
    if (isPaused()) {
      keepStage(STAGE_BYTES, others);
      store<u32>(STATE, <u32>data, STATE_AT);
      return false;
    }
    closeVerdicts();
    bits |= found;
  }
  const entry: usize = load<u32>(PROGRAM, HEAD_JSON);
  if (entry == 0 || evaluate(expression, bits)) return evaluate(expression, bits);
  if (!evaluate(expression, bits | load<u64>(PROGRAM, HEAD_JSON_BITS))) return false;
  if (!mayMatch(data, end)) return false;
  openWalk(data, end, PROGRAM + entry);
  return testJson(expression, bits, end);
}

function testJson(expression: usize, others: u64, end: usize): bool {
  const bits = others | (walk() & load<u64>(PROGRAM, HEAD_JSON_BITS));
  if (isPaused()) {
    keepStage(STAGE_WALK, others);
    keepWalk();
    return false;
  }
  if (!evaluate(expression, bits)) return false;
  // Whether the whole record is JSON is asked in the next call if the work of this one is done.
  if (!isSpent(end)) return isValidRecord();
  pause();
  keepStage(STAGE_JSON, others);
  keepWalk();
  return false;
}

/** The test of a record goes on. */
function resumeData(expression: usize, stage: u32, data: usize, end: usize): bool {
  const others = load<u64>(STATE, STATE_OTHERS);
  if (stage == STAGE_BYTES) return testBytes(expression, others, data, end);
  resumeWalk(data, end);
  return stage == STAGE_JSON ? isValidRecord() : testJson(expression, others, end);
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
  spend((end - data) >> 3);
  const mayHold = hasNeedle(data, end, PROGRAM + needle);
  searched++;
  ruledOut += u32(!mayHold);
  return mayHold;
}
