// Records as the GetRecords reply of Yandex Data Streams prints them, in CBOR, one after the other:
//
//   a6 78 1b "ApproximateArrivalTimestamp" number  65 "Codec" 00  64 "Data" bytes
//      6e "EncryptionType" 64 "NONE"  6c "PartitionKey" text  6e "SequenceNumber" text
//
// with the members of the JSON reply. The arrival's seconds are as short as they go without loss: a
// whole number, or one of single or double precision. Source: YDB serialization.cpp.
import {
  BYTES,
  copyBytes,
  HEAD_BYTES_MAX,
  headBytes,
  TEXT,
  writeFloat,
  writeHead,
  writeUnsigned,
} from "../cbor";
import { assertRange, assertWritten } from "../asserts";
import { moveCursor, openCursor } from "../cursor";
import { decimalBytes, writeNumber } from "../decimal";
import { writeAscii } from "../json";
import { RESULT, TEMPLATE, textEnd } from "../layout";
import { chunkAt } from "../record";

const FRONT: usize = TEMPLATE;
const KEY: usize = FRONT + 96;
const KEY_BYTES: u32 = 33; // 6e "EncryptionType" 64 "NONE" 6c "PartitionKey"
const NUMBER: usize = KEY + 64;
const NUMBER_BYTES: u32 = 15; // 6e "SequenceNumber"
/** a6 78 1b "ApproximateArrivalTimestamp", a number of nine bytes, 65 "Codec" 00 64 "Data". */
const FRONT_BYTES_MAX: u32 = 30 + 9 + 7 + 5;
/** An index below 10^16 behind its head. */
const DIGITS_BYTES_MAX: u32 = 1 + 16;
const FRAME_BYTES_MAX: u32 =
  FRONT_BYTES_MAX + KEY_BYTES + NUMBER_BYTES + DIGITS_BYTES_MAX + 2 * HEAD_BYTES_MAX;

/** Bytes of records `from` to `to` as `renderYandexCbor` prints them; needs no payload. */
export function measureYandexCbor(address: usize, from: u32, to: u32): f64 {
  const chunk = chunkAt(address);
  assertRange(chunkAt(address), from, to);
  const cursor = openCursor(address, from);
  let delta = cursor.delta;
  let frontBytes = writeFront(chunk.timeMs + delta);
  let total: u64 = 0;
  for (let i = from; ;) {
    total += frontBytes + headBytes(cursor.dataBytes) + cursor.dataBytes + KEY_BYTES;
    total += headBytes(cursor.keyBytes) + cursor.keyBytes;
    total += NUMBER_BYTES + 1 + decimalBytes(chunk.firstIndex + i);
    i++;
    if (i >= to) break;
    moveCursor(cursor, i);
    if (cursor.delta != delta) {
      delta = cursor.delta;
      frontBytes = writeFront(chunk.timeMs + delta);
    }
  }
  return <f64>total;
}

/**
 * Prints records from `from` on to `at` in OUTPUT or a page, until `to` or until the next one might not fit.
 * Returns the address after them; RESULT holds the next record.
 */
export function renderYandexCbor(address: usize, from: u32, to: u32, at: usize): usize {
  const chunk = chunkAt(address);
  assertRange(chunkAt(address), from, to);
  const cursor = openCursor(address, from);
  const limit = textEnd(at);
  let delta = cursor.delta;
  let frontBytes = writeFront(chunk.timeMs + delta);
  writeFrame();
  let out = at;
  let i = from;
  while (true) {
    const keyBytes = cursor.keyBytes;
    const dataBytes = cursor.dataBytes;
    if (out + FRAME_BYTES_MAX + dataBytes + keyBytes > limit) break;
    const start = out;

    copyBytes(out, FRONT, frontBytes);
    out = writeHead(out + frontBytes, BYTES, dataBytes);
    copyBytes(out, cursor.start + keyBytes + cursor.infoBytes, dataBytes);
    out += dataBytes;
    copyBytes(out, KEY, KEY_BYTES);
    out = writeHead(out + KEY_BYTES, TEXT, keyBytes);
    copyBytes(out, cursor.start, keyBytes);
    out += keyBytes;
    v128.store(out, v128.load(NUMBER));
    out += NUMBER_BYTES;
    const end = writeNumber(out + 1, chunk.firstIndex + i);
    store<u8>(out, <u8>(TEXT + (end - out) - 1));
    out = end;
    assertWritten(start, out, FRAME_BYTES_MAX + dataBytes + keyBytes);

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

/** Writes the bytes before the head of the data; returns their number. */
function writeFront(timeMs: u64): u32 {
  store<u8>(FRONT, 0xa6);
  store<u16>(FRONT, 0x1b78, 1);
  let out = writeAscii(FRONT + 3, "ApproximateArrivalTimestamp");
  const second = timeMs / 1000;
  if (second * 1000 == timeMs) out = writeUnsigned(out, second);
  else out = writeFloat(out, <f64>timeMs / 1000.0);
  store<u8>(out, 0x65);
  out = writeAscii(out + 1, "Codec");
  store<u16>(out, 0x6400);
  const frontBytes = <u32>(writeAscii(out + 2, "Data") - FRONT);
  assert(frontBytes <= FRONT_BYTES_MAX, "front");
  return frontBytes;
}

/** Writes the bytes after the data that all records share. */
function writeFrame(): void {
  store<u8>(KEY, 0x6e);
  const end = writeAscii(KEY + 1, "EncryptionType");
  store<u8>(end, 0x64);
  const key = writeAscii(end + 1, "NONE");
  store<u8>(key, 0x6c);
  const keyEnd = writeAscii(key + 1, "PartitionKey");
  assert(keyEnd == KEY + KEY_BYTES, "key");
  store<u8>(NUMBER, 0x6e);
  const numberEnd = writeAscii(NUMBER + 1, "SequenceNumber");
  assert(numberEnd == NUMBER + NUMBER_BYTES, "number");
}
