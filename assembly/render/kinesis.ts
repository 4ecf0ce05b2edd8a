// Records as the Kinesis GetRecords reply prints them, in JSON, joined by commas:
//
//   {"Data":"…","PartitionKey":"…","ApproximateArrivalTimestamp":1459799926.480,"SequenceNumber":"…"}
//
// An encrypted record has ,"EncryptionType":"KMS" before its brace.
//
// Everything after the key is one block of text, the tail. It is made once and then only patched:
// the time when the millisecond changes, and the upper digits of the sequence number when they
// change. The lower digits are written after it for each record. A record without a key has no
// PartitionKey. The order of members is that of the sample reply in the API reference, GetRecords.
import { base64Bytes, encodeBase64 } from "../base64";
import { assertRange, assertWritten } from "../asserts";
import { moveCursor, openCursor } from "../cursor";
import { decimalBytes, writeDecimal, writeThreeDigits } from "../decimal";
import { escapedBytes, writeAscii, writeEscaped } from "../json";
import { RESULT, TEMPLATE, textEnd } from "../layout";
import { chunkAt } from "../record";
import {
  nextSequence,
  SEQUENCE_BYTES,
  SEQUENCE_HIGH_BYTES,
  startSequence,
  writeSequence,
} from "../sequence";

const HEAD: usize = TEMPLATE;
const HEAD_TEXT = ',{"Data":"';
const HEAD_BYTES: u32 = 10;
const KEY: usize = HEAD + 32;
const KEY_TEXT = '","PartitionKey":"';
const KEY_BYTES: u32 = 18;
const TAIL: usize = KEY + 32;
const TIME_TEXT = '","ApproximateArrivalTimestamp":';
const TIME_BYTES: u32 = 32;
/** Behind the seconds: a point and three digits. */
const MILLIS_BYTES: u32 = 4;
const MILLIS_DIGITS: u32 = 3;
const NUMBER_TEXT = ',"SequenceNumber":"';
const NUMBER_BYTES: u32 = 19;
const END: u16 = 0x7d22; // "}
const END_BYTES: u32 = 2;
/** Without the seconds. */
const TAIL_BYTES: u32 = TIME_BYTES + MILLIS_BYTES + NUMBER_BYTES + SEQUENCE_BYTES + END_BYTES;
/** What an encrypted record has instead of END; the tail before it takes 124 bytes at most. */
const KMS_END: usize = TAIL + 192;
const KMS_TEXT = '","EncryptionType":"KMS"}';
const KMS_END_BYTES: u32 = 25;
const KMS_BYTES: u32 = KMS_END_BYTES - END_BYTES;
/** An escape such as \u001f for one byte. */
const ESCAPE_BYTES_MAX: u32 = 6;

/**
 * Bytes of records `from` to `to` as `renderKinesis` prints them; `encryptedCount` of them are
 * encrypted.
 */
export function measureKinesis(address: usize, from: u32, to: u32, encryptedCount: u32): f64 {
  const timeMs = chunkAt(address).timeMs;
  assertRange(chunkAt(address), from, to);
  const cursor = openCursor(address, from);
  let total: u64 = to - from - 1;
  total += encryptedCount * KMS_BYTES;
  let delta = cursor.delta;
  let secondBytes = decimalBytes((timeMs + delta) / 1000);
  for (let i = from; ;) {
    total += HEAD_BYTES - 1 + TAIL_BYTES + secondBytes + base64Bytes(cursor.dataBytes);
    const keyBytes = cursor.keyBytes;
    if (keyBytes != 0) total += KEY_BYTES + escapedBytes(cursor.start, keyBytes);
    i++;
    if (i >= to) break;
    moveCursor(cursor, i);
    if (cursor.delta != delta) {
      delta = cursor.delta;
      secondBytes = decimalBytes((timeMs + delta) / 1000);
    }
  }
  return <f64>total;
}

/**
 * Prints records from `from` on to `at` in OUTPUT or a page, until `to` or until the next one might not fit.
 * With `comma` not 0, a comma is before the first one. All records of a call are encrypted, or
 * none. Returns the address after them; RESULT holds the next record.
 */
export function renderKinesis(
  address: usize,
  from: u32,
  to: u32,
  comma: u32,
  at: usize,
  createdSecond: f64,
  shardIndex: u32,
  isEncrypted: bool,
  isAhead: bool,
): usize {
  const chunk = chunkAt(address);
  assertRange(chunkAt(address), from, to);
  const cursor = openCursor(address, from);
  assertTexts();
  writeAscii(KMS_END, KMS_TEXT);
  writeAscii(HEAD, HEAD_TEXT);
  writeAscii(KEY, KEY_TEXT);
  let delta = cursor.delta;
  let second = (chunk.timeMs + delta) / 1000;
  let digits = writeTail(chunk.timeMs + delta, second);
  const earliest: u64 = isAhead ? <u64>createdSecond + 1 : 0;
  let numbered = max(second, earliest);
  startSequence(digits, <u64>createdSecond, shardIndex, chunk.firstIndex + from, numbered);

  const endBytes = SEQUENCE_BYTES + (isEncrypted ? KMS_END_BYTES : END_BYTES);
  const limit = textEnd(at);
  let out = at;
  let i = from;
  while (true) {
    const keyBytes = cursor.keyBytes;
    const dataBytes = cursor.dataBytes;
    const digitsAt = <u32>(digits - TAIL);
    const keyTextBytes = KEY_BYTES + keyBytes * ESCAPE_BYTES_MAX;
    const most = HEAD_BYTES + base64Bytes(dataBytes) + keyTextBytes + digitsAt + endBytes;
    if (out + most > limit) break;
    const start = out;

    const head = comma == 0 ? 1 : 0;
    v128.store(out, v128.load(HEAD + head));
    out += HEAD_BYTES - head;
    comma = 1;
    out = encodeBase64(out, cursor.start + keyBytes + cursor.infoBytes, dataBytes);
    if (keyBytes != 0) {
      v128.store(out, v128.load(KEY));
      store<u16>(out, load<u16>(KEY, 16), 16);
      out = writeEscaped(out + KEY_BYTES, cursor.start, keyBytes);
    }
    copyTail(out);
    out += digitsAt;
    writeSequence(out);
    out += SEQUENCE_BYTES;
    if (isEncrypted) {
      v128.store(out, v128.load(KMS_END));
      v128.store(out, v128.load(KMS_END, 16), 16);
      out += KMS_END_BYTES;
    } else {
      store<u16>(out, END);
      out += END_BYTES;
    }
    assertWritten(start, out, most);

    i++;
    if (i >= to) break;
    moveCursor(cursor, i);
    let seconds: u64 = 0;
    if (cursor.delta != delta) {
      delta = cursor.delta;
      const timeMs = chunk.timeMs + delta;
      const nextSecond = timeMs / 1000;
      const nextNumbered = max(nextSecond, earliest);
      seconds = nextNumbered - numbered;
      numbered = nextNumbered;
      digits = moveTime(digits, timeMs, second, nextSecond);
      second = nextSecond;
    }
    nextSequence(digits, seconds);
  }
  store<u32>(RESULT, i);
  return out;
}

/** Writes the tail without its digits; returns where they belong. */
function writeTail(timeMs: u64, second: u64): usize {
  writeAscii(TAIL, TIME_TEXT);
  return writeAscii(writeTime(timeMs, second), NUMBER_TEXT);
}

/** Changes the time in the tail; returns where the digits of the sequence number are now. */
function moveTime(digits: usize, timeMs: u64, second: u64, nextSecond: u64): usize {
  if (nextSecond == second) {
    writeThreeDigits(digits - NUMBER_BYTES - MILLIS_DIGITS, <u32>(timeMs - second * 1000));
    return digits;
  }
  const end = writeTime(timeMs, nextSecond);
  const moved = end + NUMBER_BYTES;
  if (moved == digits) return digits;
  memory.copy(moved, digits, SEQUENCE_HIGH_BYTES);
  writeAscii(end, NUMBER_TEXT);
  return moved;
}

/** Writes seconds with three decimals; returns the address after them. */
function writeTime(timeMs: u64, second: u64): usize {
  const point = writeDecimal(TAIL + TIME_BYTES, second);
  store<u8>(point, 0x2e);
  writeThreeDigits(point + 1, <u32>(timeMs - second * 1000));
  return point + MILLIS_BYTES;
}

function assertTexts(): void {
  if (!ASC_NO_ASSERT) {
    assert(HEAD_TEXT.length == HEAD_BYTES && KEY_TEXT.length == KEY_BYTES, "head or key");
    assert(TIME_TEXT.length == TIME_BYTES && NUMBER_TEXT.length == NUMBER_BYTES, "time or number");
    assert(KMS_TEXT.length == KMS_END_BYTES, "end");
  }
}

/**
 * Copies the tail up to the moving digits: 92 bytes if the seconds have thirteen digits, the
 * maximum.
 */
function copyTail(to: usize): void {
  v128.store(to, v128.load(TAIL));
  v128.store(to, v128.load(TAIL, 16), 16);
  v128.store(to, v128.load(TAIL, 32), 32);
  v128.store(to, v128.load(TAIL, 48), 48);
  v128.store(to, v128.load(TAIL, 64), 64);
  v128.store(to, v128.load(TAIL, 80), 80);
}
