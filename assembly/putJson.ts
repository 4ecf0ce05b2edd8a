// Reads a PutRecords request in JSON directly into payload and rows for packing, see putRecord.ts.
// It reads the bodies that clients usually send:
//
//   { "StreamName" and "StreamARN": texts,
//     "Records": [ { "Data": base64, "PartitionKey": text, "ClientInfo": base64, "ShardId": number } ] }
//
// in any order and with any white space, each name at most once, texts of plain ASCII without
// escapes, and only the members that the dialect has. It gives up on every other body, and the
// general reader then reads that body. A body that is read here must mean the same there, and
// errors in a body are reported only there.
import { INFO, OUTPUT, RESULT } from "./layout";
import {
  CLIENT_IN,
  DATA,
  FO,
  HAS_DATA,
  HAS_INFO,
  HAS_KEY,
  HAS_SHARD,
  ME,
  N_KEY,
  PARTITIO,
  STREAM_AR,
  STREAM_NA,
} from "./putNames";
import {
  addRecord,
  beginBody,
  CLIENT_INFO,
  INFO_BYTES_MAX,
  insertBytes,
  KEY_BYTES_MAX,
  KEYLESS,
  PAYLOAD_LIMIT,
  payloadEnd,
  recordCount,
  SHARD_DIGITS_MAX,
  SHARD_ID,
  STREAM_ARN,
  STREAM_NAME,
} from "./putRecord";
import { decodeBase64 } from "./unbase64";

const QUOTE: u8 = 0x22;
const COMMA: u8 = 0x2c;
const COLON: u8 = 0x3a;
const OPEN_LIST: u8 = 0x5b;
const BACKSLASH: u8 = 0x5c;
const CLOSE_LIST: u8 = 0x5d;
const OPEN: u8 = 0x7b;
const CLOSE: u8 = 0x7d;

// Names that JSON alone has, or with the quote after them; see putNames.ts.
const RECORDS: u64 = ((<u64>0x22736472) << 32) | 0x6f636552;
const N_QUOTE: u16 = 0x224e;
const SHARD_ID_QUOTE: u64 = ((<u64>0x22644964) << 32) | 0x72616853;

/**
 * Reads the `bytes` bytes in OUTPUT; returns the number of records, 0 if it gives up. `members` are
 * those that the dialect has (putRecord.ts); that file also tells what RESULT holds.
 */
export function readPutJson(bytes: u32, members: u32, recordsMax: u32): u32 {
  const end = OUTPUT + bytes;
  // A sentinel after the body: no text and no structure continues past it.
  store<u8>(end, 0);
  beginBody(bytes, recordsMax);
  let at = skip(OUTPUT);
  if (load<u8>(at) != OPEN) return 0;
  do {
    at = skip(at + 1);
    at = readMember(at, members, recordsMax);
    if (at == 0) return 0;
    at = skip(at);
  } while (load<u8>(at) == COMMA);
  return load<u8>(at) == CLOSE && skip(at + 1) == end ? recordCount() : 0;
}

/** Returns the address after the member, or 0 to give up, like all functions below. */
function readMember(at: usize, members: u32, recordsMax: u32): usize {
  if (load<u8>(at) != QUOTE) return 0;
  const name = load<u64>(at, 1);
  if (name == RECORDS) {
    const value = valueAfter(at + 8);
    const isFirst = recordCount() == 0 && load<u8>(value) == OPEN_LIST;
    return isFirst ? readRecords(value, members, recordsMax) : 0;
  }
  if (name == STREAM_NA && load<u16>(at, 9) == ME && load<u8>(at, 11) == QUOTE) {
    return (members & STREAM_NAME) == 0 ? 0 : readText(valueAfter(at + 11), RESULT);
  }
  if (name == STREAM_AR && load<u16>(at, 9) == N_QUOTE) {
    return (members & STREAM_ARN) == 0 ? 0 : readText(valueAfter(at + 10), RESULT + 8);
  }
  return 0;
}

/** Stores where the text is; 0 if one is stored already. */
function readText(at: usize, noted: usize): usize {
  if (load<u8>(at) != QUOTE || load<u32>(noted) != 0) return 0;
  const end = plainEnd(at + 1);
  if (load<u8>(end) != QUOTE) return 0;
  store<u32>(noted, <u32>(at + 1));
  store<u32>(noted, <u32>(end - at - 1), 4);
  return end + 1;
}

function readRecords(at: usize, members: u32, recordsMax: u32): usize {
  do {
    at = skip(at + 1);
    if (recordCount() == recordsMax || load<u8>(at) != OPEN) return 0;
    at = readRecord(at, members);
    if (at == 0) return 0;
    at = skip(at);
  } while (load<u8>(at) == COMMA);
  return load<u8>(at) == CLOSE_LIST ? at + 1 : 0;
}

function readRecord(at: usize, members: u32): usize {
  const start = payloadEnd();
  let keyBytes: u32 = 0;
  let infoBytes: u32 = 0;
  let dataBytes: u32 = 0;
  let place: u32 = 0;
  let has: u32 = 0;
  do {
    at = skip(at + 1);
    if (load<u8>(at) != QUOTE) return 0;
    const name = load<u64>(at, 1);
    if (<u32>name == DATA && load<u8>(at, 5) == QUOTE) {
      at = valueAfter(at + 5);
      if ((has & HAS_DATA) != 0 || load<u8>(at) != QUOTE) return 0;
      const data = start + keyBytes + infoBytes;
      at = decodeBase64(data, at + 1, PAYLOAD_LIMIT);
      if (at == 0) return 0;
      dataBytes = load<u32>(RESULT, 24) - <u32>data;
      has |= HAS_DATA;
    } else if (name == PARTITIO && load<u32>(at, 9) == N_KEY) {
      if (load<u8>(at, 13) != QUOTE || (has & HAS_KEY) != 0) return 0;
      const from = valueAfter(at + 13) + 1;
      if (load<u8>(from - 1) != QUOTE) return 0;
      at = plainEnd(from);
      keyBytes = <u32>(at - from);
      if (load<u8>(at) != QUOTE || keyBytes > KEY_BYTES_MAX) return 0;
      if (start + keyBytes + infoBytes + dataBytes > PAYLOAD_LIMIT) return 0;
      insertBytes(start, from, keyBytes, infoBytes + dataBytes);
      has |= HAS_KEY;
    } else if (name == CLIENT_IN && load<u16>(at, 9) == FO) {
      if (load<u8>(at, 11) != QUOTE || (has & HAS_INFO) != 0) return 0;
      if ((members & CLIENT_INFO) == 0) return 0;
      at = valueAfter(at + 11);
      if (load<u8>(at) != QUOTE) return 0;
      at = decodeBase64(INFO, at + 1, INFO + INFO_BYTES_MAX);
      if (at == 0) return 0;
      infoBytes = load<u32>(RESULT, 24) - <u32>INFO;
      if (start + keyBytes + infoBytes + dataBytes > PAYLOAD_LIMIT) return 0;
      insertBytes(start + keyBytes, INFO, infoBytes, dataBytes);
      has |= HAS_INFO;
    } else if (name == SHARD_ID_QUOTE) {
      if ((members & SHARD_ID) == 0 || (has & HAS_SHARD) != 0) return 0;
      const from = valueAfter(at + 8);
      at = digitsEnd(from);
      if (at == 0) return 0;
      place = digitsValue(from, at) + 1;
      has |= HAS_SHARD;
      at--;
    } else return 0;
    at = skip(at + 1);
  } while (load<u8>(at) == COMMA);
  if (load<u8>(at) != CLOSE || (has & HAS_DATA) == 0) return 0;
  if (keyBytes == 0 && (members & KEYLESS) == 0) return 0;
  addRecord(keyBytes, infoBytes, dataBytes, place);
  return at + 1;
}

/**
 * The address after the digits at `from`. Returns 0 if there are none, more than nine, or a 0
 * before others.
 */
function digitsEnd(from: usize): usize {
  let at = from;
  while (<u8>(load<u8>(at) - 0x30) < 10) at++;
  if (at == from || at - from > SHARD_DIGITS_MAX) return 0;
  if (load<u8>(from) == 0x30 && at - from > 1) return 0;
  // A number with a fraction or an exponent is left to the general reader.
  const next = load<u8>(skip(at));
  return next == COMMA || next == CLOSE ? at : 0;
}

function digitsValue(from: usize, end: usize): u32 {
  let value: u32 = 0;
  for (let at = from; at < end; at++) value = value * 10 + (load<u8>(at) - 0x30);
  return value;
}

/**
 * The address of the value after the name whose last quote is at `at`. Returns 0 if there is no
 * colon. Address 0 is never written and reads as 0, so the caller's next load fails its check.
 */
function valueAfter(at: usize): usize {
  const colon = skip(at + 1);
  return load<u8>(colon) == COLON ? skip(colon + 1) : 0;
}

/** The address after white space. */
function skip(at: usize): usize {
  while (true) {
    const character = load<u8>(at);
    if (character > 0x20) return at;
    if (character != 0x20 && character != 0x0a && character != 0x0d && character != 0x09) return at;
    at++;
  }
}

/** The first character that is not plain: the quote, an escape, or not ASCII. */
function plainEnd(at: usize): usize {
  while (true) {
    const text = v128.load(at);
    const special = v128.or(
      v128.or(i8x16.eq(text, i8x16.splat(QUOTE)), i8x16.eq(text, i8x16.splat(BACKSLASH))),
      i8x16.lt_s(text, i8x16.splat(0x20)),
    );
    const found = i8x16.bitmask(special);
    if (found != 0) return at + ctz(found);
    at += 16;
  }
}
