// Records as the Kinesis GetRecords reply prints them, in JSON, joined by commas:
//
//   {"Data":"…","PartitionKey":"…","ApproximateArrivalTimestamp":1459799926.480,"SequenceNumber":"…"}
//
// Everything after the key is one block of text, the tail, that is made once and then only patched:
// the time when the millisecond changes, the sequence number's low digits for each record. A record without a key has
// no PartitionKey. Member order follows the sample reply of the API reference, GetRecords.
import { base64Bytes, encodeBase64 } from "../base64";
import { decimalBytes, writeDecimal, writeThreeDigits } from "../decimal";
import { escapedBytes, writeAscii, writeEscaped } from "../json";
import { OUTPUT, OUTPUT_BYTES, RESULT, SCRATCH } from "../layout";
import {
  chunkAt,
  endOf,
  endsOf,
  infosOf,
  keysOf,
  maskOf,
  payloadOf,
  timeDeltaOf,
  timesOf,
} from "../record";
import {
  nextSequence,
  SEQUENCE_BYTES,
  SEQUENCE_STATE_BYTES,
  startSequence,
  writeSequence,
} from "../sequence";

const HEAD: usize = SCRATCH;
const HEAD_BYTES: u32 = 10; // ,{"Data":"
const KEY: usize = SCRATCH + 32;
const KEY_BYTES: u32 = 18; // ","PartitionKey":"
const STATE: usize = SCRATCH + 64;
const TAIL: usize = STATE + SEQUENCE_STATE_BYTES;
const TIME_BYTES: u32 = 32; // ","ApproximateArrivalTimestamp":
const TAIL_BYTES: u32 = TIME_BYTES + 4 + 19 + SEQUENCE_BYTES + 2; // without the seconds

/** Bytes of records `from` to `to` as `renderKinesis` prints them. */
export function measureKinesis(address: usize, from: u32, to: u32): f64 {
  const chunk = chunkAt(address);
  const payload = payloadOf(chunk);
  let total: u64 = to - from - 1;
  let start = endOf(chunk, from - 1);
  let second: u64 = 0;
  let secondBytes: u32 = 1;
  for (let i = from; i < to; i++) {
    const end = endOf(chunk, i);
    const keyBytes = entryOf(keysOf(chunk), chunk.keyWidth, i) + chunk.keyBytesMin;
    const infoBytes = entryOf(infosOf(chunk), chunk.infoWidth, i) + chunk.infoBytesMin;
    const now = (chunk.timeMs + timeDeltaOf(chunk, i)) / 1000;
    if (now != second) {
      second = now;
      secondBytes = decimalBytes(now);
    }
    total += HEAD_BYTES - 1 + TAIL_BYTES + secondBytes;
    total += base64Bytes(end - start - keyBytes - infoBytes);
    if (keyBytes != 0) total += KEY_BYTES + escapedBytes(payload + start, keyBytes);
    start = end;
  }
  return <f64>total;
}

/**
 * Prints records from `from` on to OUTPUT, until `to` or until the next one might not fit; a comma
 * stands before the first one when `comma` is not 0. Returns the bytes; RESULT holds the record to
 * go on with.
 */
export function renderKinesis(
  address: usize,
  from: u32,
  to: u32,
  comma: u32,
  createdSecond: f64,
  shardIndex: u32,
): u32 {
  const chunk = chunkAt(address);
  const endWidth: u32 = chunk.endWidth;
  const keyWidth: u32 = chunk.keyWidth;
  const infoWidth: u32 = chunk.infoWidth;
  const timeWidth: u32 = chunk.timeWidth;
  const endMask = maskOf(endWidth);
  const keyMask = maskOf(keyWidth);
  const infoMask = maskOf(infoWidth);
  const timeMask = maskOf(timeWidth);
  let endAt = endsOf(chunk) + from * endWidth;
  let keyAt = keysOf(chunk) + from * keyWidth;
  let infoAt = infosOf(chunk) + from * infoWidth;
  let timeAt = timesOf(chunk) + from * timeWidth;
  const keyMin: u32 = chunk.keyBytesMin;
  const infoMin: u32 = chunk.infoBytesMin;
  const stride = chunk.stride;
  const payload = payloadOf(chunk);
  let start = endOf(chunk, from - 1);
  let strides = stride * (from + 1);

  let delta = load<u32>(timeAt) & timeMask;
  let timeMs = chunk.timeMs + delta;
  let second = timeMs / 1000;
  writeAscii(HEAD, ',{"Data":"');
  writeAscii(KEY, '","PartitionKey":"');
  let digits = writeTail(timeMs, second);
  let tailBytes = <u32>(digits - TAIL) + SEQUENCE_BYTES + 2;
  startSequence(STATE, digits, <u64>createdSecond, shardIndex, chunk.firstIndex + from, second);

  const limit = OUTPUT + OUTPUT_BYTES;
  let out = OUTPUT;
  let i = from;
  while (true) {
    const stop = strides + (load<u32>(endAt) & endMask);
    const keyBytes = keyMin + (load<u32>(keyAt) & keyMask);
    const infoBytes = infoMin + (load<u32>(infoAt) & infoMask);
    const key = payload + start;
    const dataBytes = stop - start - keyBytes - infoBytes;
    const most = HEAD_BYTES + base64Bytes(dataBytes) + KEY_BYTES + keyBytes * 6 + tailBytes;
    if (out + most > limit) break;

    const head = comma == 0 ? 1 : 0;
    v128.store(out, v128.load(HEAD + head));
    out += HEAD_BYTES - head;
    comma = 1;
    out = encodeBase64(out, key + keyBytes + infoBytes, dataBytes);
    if (keyBytes != 0) {
      v128.store(out, v128.load(KEY));
      store<u16>(out, load<u16>(KEY, 16), 16);
      out = writeEscaped(out + KEY_BYTES, key, keyBytes);
    }
    copyTail(out);
    out += tailBytes;

    i++;
    if (i >= to) break;
    start = stop;
    strides += stride;
    endAt += endWidth;
    keyAt += keyWidth;
    infoAt += infoWidth;
    timeAt += timeWidth;
    const nextDelta = load<u32>(timeAt) & timeMask;
    if (nextDelta != delta) {
      delta = nextDelta;
      timeMs = chunk.timeMs + delta;
      const nextSecond = timeMs / 1000;
      if (decimalBytes(nextSecond) != decimalBytes(second)) {
        digits = writeTail(timeMs, nextSecond);
        tailBytes = <u32>(digits - TAIL) + SEQUENCE_BYTES + 2;
        writeSequence(STATE, digits);
      } else {
        writeTime(timeMs, nextSecond);
      }
      second = nextSecond;
    }
    nextSequence(STATE, digits, second);
  }
  store<u32>(RESULT, i);
  return <u32>(out - OUTPUT);
}

/** Writes the tail but for its digits; returns where these stand. */
function writeTail(timeMs: u64, second: u64): usize {
  writeAscii(TAIL, '","ApproximateArrivalTimestamp":');
  const digits = writeAscii(writeTime(timeMs, second), ',"SequenceNumber":"');
  store<u16>(digits + SEQUENCE_BYTES, 0x7d22); // "}
  return digits;
}

/** Writes seconds with three decimals; returns the address after them. */
function writeTime(timeMs: u64, second: u64): usize {
  const point = writeDecimal(TAIL + TIME_BYTES, second);
  store<u8>(point, 0x2e);
  writeThreeDigits(point + 1, <u32>(timeMs - second * 1000));
  return point + 4;
}

/** Copies the tail, at most 144 bytes with any seconds a u64 can hold. */
function copyTail(to: usize): void {
  for (let at: usize = 0; at < 144; at += 16) v128.store(to + at, v128.load(TAIL + at));
}

function entryOf(column: usize, width: u32, i: u32): u32 {
  return load<u32>(column + i * width) & maskOf(width);
}
