// Records as the Kinesis GetRecords reply prints them, in CBOR, one after the other:
//
//   bf 64 "Data" bytes  6c "PartitionKey" text          left out when the record has no key
//      78 1b "ApproximateArrivalTimestamp" c1 1b ms (u64)
//      6e "SequenceNumber" 78 38 56 digits  ff
//
// An encrypted record has 6e "EncryptionType" 63 "KMS" before its end. Data and key stand as they
// are behind the shortest head that says their length. Everything after the key is one block, the
// tail, as in kinesis.ts, and always 113 bytes long. The members are those of the JSON reply; an
// arrival is in milliseconds under tag 1, as the service writes it.
import { BYTES, copyBytes, HEAD_BYTES_MAX, headBytes, TEXT, writeHead } from "../cbor";
import { assertRange, assertWritten } from "../asserts";
import { moveCursor, openCursor } from "../cursor";
import { writeAscii } from "../json";
import { RESULT, TEMPLATE, textEnd } from "../layout";
import { chunkAt } from "../record";
import { nextSequence, SEQUENCE_BYTES, startSequence, writeSequence } from "../sequence";

const BREAK: u8 = 0xff;

const OPEN: usize = TEMPLATE;
const OPEN_BYTES: u32 = 6; // bf 64 "Data"
const KEY: usize = OPEN + 16;
const KEY_BYTES: u32 = 13; // 6c "PartitionKey"
const TAIL: usize = KEY + 16;
const TIME_NAME_BYTES: u32 = 31; // 78 1b "ApproximateArrivalTimestamp" c1 1b
const TIME: usize = TAIL + TIME_NAME_BYTES;
const NUMBER_NAME_BYTES: u32 = 17; // 6e "SequenceNumber" 78 38
const DIGITS_AT: u32 = TIME_NAME_BYTES + sizeof<u64>() + NUMBER_NAME_BYTES;
const TAIL_BYTES: u32 = DIGITS_AT + SEQUENCE_BYTES + 1;
/** The tail before it takes 113 bytes. */
const KMS_END: usize = TAIL + 128;
const KMS_BYTES: u32 = 19; // 6e "EncryptionType" 63 "KMS"

/**
 * Bytes of records `from` to `to` as `renderKinesisCbor` prints them; `encryptedCount` of them are
 * encrypted. It needs no payload.
 */
export function measureKinesisCbor(address: usize, from: u32, to: u32, encryptedCount: u32): f64 {
  assertRange(chunkAt(address), from, to);
  const cursor = openCursor(address, from);
  let total: u64 = encryptedCount * KMS_BYTES;
  for (let i = from; ;) {
    const dataBytes = cursor.dataBytes;
    const keyBytes = cursor.keyBytes;
    total += OPEN_BYTES + headBytes(dataBytes) + dataBytes + TAIL_BYTES;
    if (keyBytes != 0) total += KEY_BYTES + headBytes(keyBytes) + keyBytes;
    i++;
    if (i >= to) break;
    moveCursor(cursor, i);
  }
  return <f64>total;
}

/**
 * Prints records from `from` on to `at` in OUTPUT or a page, until `to` or until the next one might not fit.
 * All records of a call are encrypted, or none. Returns the address after them; RESULT holds the
 * next record.
 */
export function renderKinesisCbor(
  address: usize,
  from: u32,
  to: u32,
  at: usize,
  createdSecond: f64,
  shardIndex: u32,
  isEncrypted: bool,
  isAhead: bool,
): usize {
  const chunk = chunkAt(address);
  assertRange(chunkAt(address), from, to);
  const cursor = openCursor(address, from);
  let delta = cursor.delta;
  let timeMs = chunk.timeMs + delta;
  const digits = writeFrame(timeMs);
  const earliest: u64 = isAhead ? <u64>createdSecond + 1 : 0;
  let numbered = max(timeMs / 1000, earliest);
  startSequence(digits, <u64>createdSecond, shardIndex, chunk.firstIndex + from, numbered);

  let frameBytes = OPEN_BYTES + KEY_BYTES + 2 * HEAD_BYTES_MAX + TAIL_BYTES;
  if (isEncrypted) frameBytes += KMS_BYTES;
  const limit = textEnd(at);
  let out = at;
  let i = from;
  while (true) {
    const keyBytes = cursor.keyBytes;
    const dataBytes = cursor.dataBytes;
    if (out + frameBytes + dataBytes + keyBytes > limit) break;
    const start = out;

    v128.store(out, v128.load(OPEN));
    out = writeHead(out + OPEN_BYTES, BYTES, dataBytes);
    copyBytes(out, cursor.start + keyBytes + cursor.infoBytes, dataBytes);
    out += dataBytes;
    if (keyBytes != 0) {
      v128.store(out, v128.load(KEY));
      out = writeHead(out + KEY_BYTES, TEXT, keyBytes);
      copyBytes(out, cursor.start, keyBytes);
      out += keyBytes;
    }
    copyTail(out);
    writeSequence(out + DIGITS_AT);
    out += TAIL_BYTES - 1;
    if (isEncrypted) {
      v128.store(out, v128.load(KMS_END));
      store<u32>(out, load<u32>(KMS_END, 16), 16);
      out += KMS_BYTES;
    }
    store<u8>(out, BREAK);
    out++;
    assertWritten(start, out, frameBytes + dataBytes + keyBytes);

    i++;
    if (i >= to) break;
    moveCursor(cursor, i);
    let seconds: u64 = 0;
    if (cursor.delta != delta) {
      delta = cursor.delta;
      timeMs = chunk.timeMs + delta;
      store<u64>(TIME, bswap<u64>(timeMs));
      const nextNumbered = max(timeMs / 1000, earliest);
      seconds = nextNumbered - numbered;
      numbered = nextNumbered;
    }
    nextSequence(digits, seconds);
  }
  store<u32>(RESULT, i);
  return out;
}

/** Writes the parts that all records share; returns where the tail's digits belong. */
function writeFrame(timeMs: u64): usize {
  store<u16>(OPEN, 0x64bf);
  writeAscii(OPEN + 2, "Data");
  store<u8>(KEY, 0x6c);
  writeAscii(KEY + 1, "PartitionKey");
  store<u16>(TAIL, 0x1b78);
  const time = writeAscii(TAIL + 2, "ApproximateArrivalTimestamp");
  store<u16>(time, 0x1bc1);
  assert(time + 2 == TIME, "time");
  store<u64>(TIME, bswap<u64>(timeMs));
  store<u8>(TIME + 8, 0x6e);
  const digits = writeAscii(TIME + 9, "SequenceNumber");
  store<u16>(digits, 0x3878);
  assert(digits + 2 == TAIL + DIGITS_AT, "number");
  store<u8>(KMS_END, 0x6e);
  const end = writeAscii(KMS_END + 1, "EncryptionType");
  store<u8>(end, 0x63);
  const kmsEnd = writeAscii(end + 1, "KMS");
  assert(kmsEnd == KMS_END + KMS_BYTES, "end");
  return TAIL + DIGITS_AT;
}

/** Copies the tail up to the digits that move: 80 bytes. */
function copyTail(to: usize): void {
  v128.store(to, v128.load(TAIL));
  v128.store(to, v128.load(TAIL, 16), 16);
  v128.store(to, v128.load(TAIL, 32), 32);
  v128.store(to, v128.load(TAIL, 48), 48);
  v128.store(to, v128.load(TAIL, 64), 64);
}
