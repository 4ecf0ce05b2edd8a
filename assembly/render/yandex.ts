// Records as the GetRecords reply of Yandex Data Streams prints them, in JSON, joined by commas:
//
//   {"ApproximateArrivalTimestamp":1459799926.48,"Codec":0,"Data":"…","EncryptionType":"NONE",
//    "PartitionKey":"…","SequenceNumber":"…"}
//
// The members are sorted. An arrival is in seconds, without zeros at the end of its fraction, the
// sequence number is the record's index, and a record without a key has an empty one. What stands
// before the data is made again when the millisecond changes. Source: YDB datastreams_proxy.cpp,
// serialization.cpp.
import { base64Bytes, encodeBase64 } from "../base64";
import { assertRange, assertWritten } from "../asserts";
import { moveCursor, openCursor } from "../cursor";
import { decimalBytes, writeNumber } from "../decimal";
import { escapedBytes, writeAscii, writeEscaped } from "../json";
import { RESULT, TEMPLATE, textEnd } from "../layout";
import { chunkAt } from "../record";

const FRONT: usize = TEMPLATE;
const TIME_TEXT = ',{"ApproximateArrivalTimestamp":';
const DATA_TEXT = ',"Codec":0,"Data":"';
const KEY_TEXT = '","EncryptionType":"NONE","PartitionKey":"';
const NUMBER_TEXT = '","SequenceNumber":"';
const END_TEXT = '"}';
/** All of these, in that order. */
const TEXT_BYTES: u32 = 32 + 19 + 42 + 20 + 2;
/** Seconds and an index below 10^16, and three decimals behind a point. */
const NUMBERS_BYTES_MAX: u32 = 16 + 4 + 16;
const FRAME_BYTES_MAX: u32 = TEXT_BYTES + NUMBERS_BYTES_MAX;
/** An escape such as \u001f for one byte. */
const ESCAPE_BYTES_MAX: u32 = 6;

/** Bytes of records `from` to `to` as `renderYandex` prints them. */
export function measureYandex(address: usize, from: u32, to: u32): f64 {
  const chunk = chunkAt(address);
  assertRange(chunkAt(address), from, to);
  const cursor = openCursor(address, from);
  assertTexts();
  let delta = cursor.delta;
  let timeBytes = timeBytesOf(chunk.timeMs + delta);
  let total: u64 = 0;
  for (let i = from; ;) {
    total += TEXT_BYTES + timeBytes + base64Bytes(cursor.dataBytes);
    total += escapedBytes(cursor.start, cursor.keyBytes) + decimalBytes(chunk.firstIndex + i);
    i++;
    if (i >= to) break;
    moveCursor(cursor, i);
    if (cursor.delta != delta) {
      delta = cursor.delta;
      timeBytes = timeBytesOf(chunk.timeMs + delta);
    }
  }
  // The first record has no comma.
  return <f64>(total - 1);
}

/**
 * Prints records from `from` on to `at` in OUTPUT or a page, until `to` or until the next one might not fit.
 * With `comma` not 0, a comma is before the first one. Returns the address after them; RESULT holds
 * the next record.
 */
export function renderYandex(address: usize, from: u32, to: u32, comma: u32, at: usize): usize {
  const chunk = chunkAt(address);
  assertRange(chunkAt(address), from, to);
  const cursor = openCursor(address, from);
  const limit = textEnd(at);
  let delta = cursor.delta;
  let frontBytes = writeFront(chunk.timeMs + delta);
  let out = at;
  let i = from;
  while (true) {
    const keyBytes = cursor.keyBytes;
    const dataBytes = cursor.dataBytes;
    const most = FRAME_BYTES_MAX + base64Bytes(dataBytes) + keyBytes * ESCAPE_BYTES_MAX;
    if (out + most > limit) break;
    const start = out;

    const skip = comma == 0 ? 1 : 0;
    copyFront(out, FRONT + skip);
    out += frontBytes - skip;
    comma = 1;
    out = encodeBase64(out, cursor.start + keyBytes + cursor.infoBytes, dataBytes);
    out = writeEscaped(writeAscii(out, KEY_TEXT), cursor.start, keyBytes);
    out = writeNumber(writeAscii(out, NUMBER_TEXT), chunk.firstIndex + i);
    out = writeAscii(out, END_TEXT);
    assertWritten(start, out, most);

    i++;
    if (i >= to) break;
    moveCursor(cursor, i);
    if (cursor.delta != delta) {
      delta = cursor.delta;
      frontBytes = writeFront(chunk.timeMs + delta);
    }
  }
  store<u32>(RESULT, i);
  return out;
}

/** Writes the text before the data; returns its bytes. */
function writeFront(timeMs: u64): u32 {
  const second = timeMs / 1000;
  let out = writeNumber(writeAscii(FRONT, TIME_TEXT), second);
  let rest = <u32>(timeMs - second * 1000);
  if (rest != 0) {
    store<u8>(out, 0x2e);
    for (let unit: u32 = 100; rest != 0; unit /= 10) {
      out += 1;
      const digit = rest / unit;
      store<u8>(out, <u8>(0x30 + digit));
      rest -= digit * unit;
    }
    out += 1;
  }
  return <u32>(writeAscii(out, DATA_TEXT) - FRONT);
}

function timeBytesOf(timeMs: u64): u32 {
  const second = timeMs / 1000;
  const rest = <u32>(timeMs - second * 1000);
  const decimals = rest == 0 ? 0 : rest % 100 == 0 ? 2 : rest % 10 == 0 ? 3 : 4;
  return decimalBytes(second) + decimals;
}

function assertTexts(): void {
  if (!ASC_NO_ASSERT) {
    const others = KEY_TEXT.length + NUMBER_TEXT.length + END_TEXT.length;
    assert(TIME_TEXT.length + DATA_TEXT.length + others == TEXT_BYTES, "texts");
  }
}

/** Copies the front: 68 bytes if the seconds have thirteen digits, the maximum. */
function copyFront(to: usize, from: usize): void {
  v128.store(to, v128.load(from));
  v128.store(to, v128.load(from, 16), 16);
  v128.store(to, v128.load(from, 32), 32);
  v128.store(to, v128.load(from, 48), 48);
  v128.store(to, v128.load(from, 64), 64);
}
