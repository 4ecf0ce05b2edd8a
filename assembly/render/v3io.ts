// Records as the v3io GetRecords reply prints them, joined by commas:
//
//   {"ArrivalTimeSec":1485685671,"ArrivalTimeNSec":160000003,"SequenceNumber":15756,
//    "ClientInfo":"…","PartitionKey":"…","Data":"…"}
//
// Client info and key are left out when the record has none. The nanoseconds are the arrival
// millisecond and the record's ordinal within it, so no two records of a shard share a time.
// Source of members and order: Iguazio web API reference, GetRecords.
import { base64Bytes, encodeBase64 } from "../base64";
import { decimalBytes, writeDecimal } from "../decimal";
import { escapedBytes, writeAscii, writeEscaped } from "../json";
import { OUTPUT, OUTPUT_BYTES, RESULT } from "../layout";
import {
  Chunk,
  chunkAt,
  endOf,
  infosOf,
  keysOf,
  maskOf,
  ordinalOf,
  payloadOf,
  timeDeltaOf,
} from "../record";

const FIXED_BYTES: u32 = 18 + 19 + 18 + 9 + 2;
const INFO_BYTES: u32 = 16; // ,"ClientInfo":""
const KEY_BYTES: u32 = 18; // ,"PartitionKey":""
const DIGITS_MAX: u32 = 60;

/** Bytes of records `from` to `to` as `renderV3io` prints them. */
export function measureV3io(address: usize, from: u32, to: u32): f64 {
  const chunk = chunkAt(address);
  let total: u64 = to - from - 1;
  for (let i = from; i < to; i++) {
    const start = endOf(chunk, i - 1);
    const keyBytes = keyBytesOf(chunk, i);
    const infoBytes = infoBytesOf(chunk, i);
    const timeMs = chunk.timeMs + timeDeltaOf(chunk, i);
    total += FIXED_BYTES + decimalBytes(timeMs / 1000) + decimalBytes(nanosecondsOf(chunk, i));
    total += decimalBytes(chunk.firstIndex + i + 1);
    if (infoBytes != 0) total += INFO_BYTES + base64Bytes(infoBytes);
    if (keyBytes != 0) total += KEY_BYTES + escapedBytes(payloadOf(chunk) + start, keyBytes);
    total += base64Bytes(endOf(chunk, i) - start - keyBytes - infoBytes);
  }
  return <f64>total;
}

/**
 * Prints records from `from` on to OUTPUT, until `to` or until the next one might not fit; a comma
 * stands before the first one when `comma` is not 0. Returns the bytes; RESULT holds the record to
 * go on with.
 */
export function renderV3io(address: usize, from: u32, to: u32, comma: u32): u32 {
  const chunk = chunkAt(address);
  const payload = payloadOf(chunk);
  const limit = OUTPUT + OUTPUT_BYTES;
  let out = OUTPUT;
  let start = endOf(chunk, from - 1);
  let i = from;
  for (; i < to; i++) {
    const stop = endOf(chunk, i);
    const keyBytes = keyBytesOf(chunk, i);
    const infoBytes = infoBytesOf(chunk, i);
    const key = payload + start;
    const dataBytes = stop - start - keyBytes - infoBytes;
    const most =
      1 +
      FIXED_BYTES +
      DIGITS_MAX +
      INFO_BYTES +
      344 +
      KEY_BYTES +
      keyBytes * 6 +
      base64Bytes(dataBytes);
    if (out + most > limit) break;

    if (comma != 0) {
      store<u8>(out, 0x2c);
      out += 1;
    }
    comma = 1;
    const timeMs = chunk.timeMs + timeDeltaOf(chunk, i);
    out = writeDecimal(writeAscii(out, '{"ArrivalTimeSec":'), timeMs / 1000);
    out = writeDecimal(writeAscii(out, ',"ArrivalTimeNSec":'), nanosecondsOf(chunk, i));
    out = writeDecimal(writeAscii(out, ',"SequenceNumber":'), chunk.firstIndex + i + 1);
    if (infoBytes != 0) {
      out = encodeBase64(writeAscii(out, ',"ClientInfo":"'), key + keyBytes, infoBytes);
      out = writeAscii(out, '"');
    }
    if (keyBytes != 0) {
      out = writeEscaped(writeAscii(out, ',"PartitionKey":"'), key, keyBytes);
      out = writeAscii(out, '"');
    }
    out = writeAscii(out, ',"Data":"');
    out = encodeBase64(out, key + keyBytes + infoBytes, dataBytes);
    out = writeAscii(out, '"}');
    start = stop;
  }
  store<u32>(RESULT, i);
  return <u32>(out - OUTPUT);
}

function nanosecondsOf(chunk: Chunk, i: u32): u64 {
  const timeMs = chunk.timeMs + timeDeltaOf(chunk, i);
  return (timeMs % 1000) * 1000000 + ordinalOf(chunk, i);
}

function keyBytesOf(chunk: Chunk, i: u32): u32 {
  const width: u32 = chunk.keyWidth;
  return chunk.keyBytesMin + (load<u32>(keysOf(chunk) + i * width) & maskOf(width));
}

function infoBytesOf(chunk: Chunk, i: u32): u32 {
  const width: u32 = chunk.infoWidth;
  return chunk.infoBytesMin + (load<u32>(infosOf(chunk) + i * width) & maskOf(width));
}
