// Records as the v3io GetRecords reply prints them, joined by commas:
//
//   {"ArrivalTimeSec":1485685671,"ArrivalTimeNSec":160000003,"SequenceNumber":15756,
//    "ClientInfo":"…","PartitionKey":"…","Data":"…"}
//
// Client info and key are left out when the record has none. The nanoseconds are the arrival
// millisecond and the record's ordinal within it, so no two records of a shard share a time. Source
// of members and order: Iguazio web API reference, GetRecords.
import { base64Bytes, encodeBase64 } from "../base64";
import { assertRange, assertWritten } from "../asserts";
import { Cursor, moveCursor, openCursor } from "../cursor";
import { decimalBytes, writeNumber } from "../decimal";
import { escapedBytes, writeAscii, writeEscaped } from "../json";
import { RESULT, textEnd } from "../layout";
import { chunkAt, ordinalOf } from "../record";

const SECONDS_TEXT = '{"ArrivalTimeSec":';
const NANOSECONDS_TEXT = ',"ArrivalTimeNSec":';
const NUMBER_TEXT = ',"SequenceNumber":';
const DATA_TEXT = ',"Data":"';
const END_TEXT = '"}';
/** All of these, in that order. */
const FIXED_BYTES: u32 = 18 + 19 + 18 + 9 + 2;
const INFO_BYTES: u32 = 16; // ,"ClientInfo":""
const KEY_BYTES: u32 = 18; // ,"PartitionKey":""
/** Seconds and an index below 10^16, nanoseconds below 10^9. */
const NUMBERS_BYTES_MAX: u32 = 16 + 16 + 9;
/** 256 bytes in base64; a column of client infos has lengths of one byte. */
const INFO_TEXT_BYTES_MAX: u32 = 344;
/** An escape such as \u001f for one byte. */
const ESCAPE_BYTES_MAX: u32 = 6;

/** Bytes of records `from` to `to` as `renderV3io` prints them. */
export function measureV3io(address: usize, from: u32, to: u32): f64 {
  const chunk = chunkAt(address);
  assertRange(chunkAt(address), from, to);
  const cursor = openCursor(address, from);
  assertTexts();
  let total: u64 = to - from - 1;
  let ordinal = ordinalOf(chunk, from);
  for (let i = from; ;) {
    const timeMs = chunk.timeMs + cursor.delta;
    const keyBytes = cursor.keyBytes;
    const infoBytes = cursor.infoBytes;
    total += FIXED_BYTES + decimalBytes(timeMs / 1000);
    total += decimalBytes(nanosecondsOf(timeMs, ordinal)) + decimalBytes(chunk.firstIndex + i + 1);
    if (infoBytes != 0) total += INFO_BYTES + base64Bytes(infoBytes);
    if (keyBytes != 0) total += KEY_BYTES + escapedBytes(cursor.start, keyBytes);
    total += base64Bytes(cursor.dataBytes);
    i++;
    if (i >= to) break;
    ordinal = moveBoth(cursor, i, ordinal);
  }
  return <f64>total;
}

/**
 * Prints records from `from` on to `at` in OUTPUT or a page, until `to` or until the next one might not fit.
 * With `comma` not 0, a comma is before the first one. Returns the address after them; RESULT holds
 * the next record.
 */
export function renderV3io(address: usize, from: u32, to: u32, comma: u32, at: usize): usize {
  const chunk = chunkAt(address);
  assertRange(chunkAt(address), from, to);
  const cursor = openCursor(address, from);
  const limit = textEnd(at);
  let ordinal = ordinalOf(chunk, from);
  let out = at;
  let i = from;
  while (true) {
    const keyBytes = cursor.keyBytes;
    const infoBytes = cursor.infoBytes;
    const key = cursor.start;
    const most =
      1 +
      FIXED_BYTES +
      NUMBERS_BYTES_MAX +
      INFO_BYTES +
      INFO_TEXT_BYTES_MAX +
      KEY_BYTES +
      keyBytes * ESCAPE_BYTES_MAX +
      base64Bytes(cursor.dataBytes);
    if (out + most > limit) break;
    const start = out;

    if (comma != 0) {
      store<u8>(out, 0x2c);
      out += 1;
    }
    comma = 1;
    const timeMs = chunk.timeMs + cursor.delta;
    out = writeNumber(writeAscii(out, SECONDS_TEXT), timeMs / 1000);
    out = writeAscii(out, NANOSECONDS_TEXT);
    out = writeNumber(out, nanosecondsOf(timeMs, ordinal));
    out = writeNumber(writeAscii(out, NUMBER_TEXT), chunk.firstIndex + i + 1);
    if (infoBytes != 0) {
      out = encodeBase64(writeAscii(out, ',"ClientInfo":"'), key + keyBytes, infoBytes);
      out = writeAscii(out, '"');
    }
    if (keyBytes != 0) {
      out = writeEscaped(writeAscii(out, ',"PartitionKey":"'), key, keyBytes);
      out = writeAscii(out, '"');
    }
    out = writeAscii(out, DATA_TEXT);
    out = encodeBase64(out, key + keyBytes + infoBytes, cursor.dataBytes);
    out = writeAscii(out, END_TEXT);
    assertWritten(start, out, most);

    i++;
    if (i >= to) break;
    ordinal = moveBoth(cursor, i, ordinal);
  }
  store<u32>(RESULT, i);
  return out;
}

function assertTexts(): void {
  if (!ASC_NO_ASSERT) {
    const times = SECONDS_TEXT.length + NANOSECONDS_TEXT.length;
    const others = NUMBER_TEXT.length + DATA_TEXT.length + END_TEXT.length;
    assert(times + others == FIXED_BYTES, "texts");
  }
}

/** Moves to record `i`; returns its ordinal, given that of the one before. */
function moveBoth(cursor: Cursor, i: u32, ordinal: u32): u32 {
  const delta = cursor.delta;
  moveCursor(cursor, i);
  return cursor.delta == delta ? ordinal + 1 : 0;
}

function nanosecondsOf(timeMs: u64, ordinal: u32): u64 {
  return (timeMs % 1000) * 1000000 + ordinal;
}
