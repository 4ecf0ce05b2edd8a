// Reads a PutRecords request in CBOR (RFC 8949) into payload and rows, see putRecord.ts. The
// members are those of the JSON request (putJson.ts); Data and ClientInfo are byte strings. Maps
// and lists may have a definite length or end with a break, as the AWS SDKs for JavaScript and Java
// send them. Texts are plain ASCII of definite length. Each name occurs at most once. It gives up
// on every other body, and the general reader then reads that body, as for JSON.
import { OUTPUT, RESULT } from "./layout";
import {
  CLIENT_IN,
  DATA,
  FO,
  HAS_DATA,
  HAS_INFO,
  HAS_KEY,
  ME,
  N,
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
  STREAM_ARN,
  STREAM_NAME,
} from "./putRecord";

const BYTES: u32 = 2;
const TEXT: u32 = 3;
const ARRAY: u32 = 4;
const MAP: u32 = 5;
const BREAK: u8 = 0xff;
/** The length of an item that ends with a break. */
const OPEN: u32 = u32.MAX_VALUE;

// "Records", which JSON compares with its quote; see putNames.ts.
const RECO: u32 = 0x6f636552;
const ORDS: u32 = 0x7364726f;

// The reader's position, and the head that it read last; u32 each in RESULT.
const AT: usize = RESULT + 32;
const LENGTH: usize = RESULT + 36;
const END: usize = RESULT + 40;

/**
 * Reads the `bytes` bytes in OUTPUT; returns the number of records, 0 if it gives up. `members` are
 * those that the dialect has (putRecord.ts); that file also tells what RESULT holds.
 */
export function readPutCbor(bytes: u32, members: u32, recordsMax: u32): u32 {
  const end = OUTPUT + bytes;
  beginBody(bytes, recordsMax);
  store<u32>(AT, <u32>OUTPUT);
  store<u32>(END, <u32>end);
  if (!readHead(MAP)) return 0;
  const length = load<u32>(LENGTH);
  for (let i: u32 = 0; i < length; i++) {
    if (length == OPEN && atBreak()) break;
    if (!readMember(members, recordsMax)) return 0;
  }
  return load<u32>(AT) == <u32>end ? recordCount() : 0;
}

/** Returns false to give up, like all functions below. */
function readMember(members: u32, recordsMax: u32): bool {
  if (!readHead(TEXT)) return false;
  const length = load<u32>(LENGTH);
  const name = take(length);
  if (name == 0) return false;
  const first = load<u64>(name);
  if (length == 7 && <u32>first == RECO && load<u32>(name, 3) == ORDS) {
    return recordCount() == 0 && readRecords(members, recordsMax);
  }
  if (length == 10 && first == STREAM_NA && load<u16>(name, 8) == ME) {
    return (members & STREAM_NAME) != 0 && readText(RESULT);
  }
  if (length == 9 && first == STREAM_AR && load<u8>(name, 8) == N) {
    return (members & STREAM_ARN) != 0 && readText(RESULT + 8);
  }
  return false;
}

/** Stores where the text is; false if one is stored already. */
function readText(noted: usize): bool {
  if (load<u32>(noted) != 0 || !readHead(TEXT)) return false;
  const length = load<u32>(LENGTH);
  const from = take(length);
  if (from == 0 || !isAscii(from, length)) return false;
  store<u32>(noted, <u32>from);
  store<u32>(noted, length, 4);
  return true;
}

function readRecords(members: u32, recordsMax: u32): bool {
  if (!readHead(ARRAY)) return false;
  const length = load<u32>(LENGTH);
  for (let i: u32 = 0; i < length; i++) {
    if (length == OPEN && atBreak()) break;
    if (i == recordsMax || !readRecord(members)) return false;
  }
  return true;
}

function readRecord(members: u32): bool {
  if (!readHead(MAP)) return false;
  const length = load<u32>(LENGTH);
  const start = payloadEnd();
  let keyBytes: u32 = 0;
  let infoBytes: u32 = 0;
  let dataBytes: u32 = 0;
  let has: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    if (length == OPEN && atBreak()) break;
    if (!readHead(TEXT)) return false;
    const nameBytes = load<u32>(LENGTH);
    const name = take(nameBytes);
    if (name == 0) return false;
    const member = memberOf(name, nameBytes);
    if (member == 0 || (has & member) != 0) return false;
    has |= member;
    if (!readHead(member == HAS_KEY ? TEXT : BYTES)) return false;
    const bytes = load<u32>(LENGTH);
    const from = take(bytes);
    if (from == 0 || start + keyBytes + infoBytes + dataBytes + bytes > PAYLOAD_LIMIT) return false;
    if (member == HAS_KEY) {
      if (bytes > KEY_BYTES_MAX || !isAscii(from, bytes)) return false;
      insertBytes(start, from, bytes, infoBytes + dataBytes);
      keyBytes = bytes;
    } else if (member == HAS_INFO) {
      if (bytes > INFO_BYTES_MAX || (members & CLIENT_INFO) == 0) return false;
      insertBytes(start + keyBytes, from, bytes, dataBytes);
      infoBytes = bytes;
    } else {
      memory.copy(start + keyBytes + infoBytes, from, bytes);
      dataBytes = bytes;
    }
  }
  if ((has & HAS_DATA) == 0) return false;
  if (keyBytes == 0 && (members & KEYLESS) == 0) return false;
  addRecord(keyBytes, infoBytes, dataBytes, 0);
  return true;
}

/** The bit of a record's member, or 0. */
function memberOf(name: usize, bytes: u32): u32 {
  if (bytes == 4) return load<u32>(name) == DATA ? HAS_DATA : 0;
  const first = load<u64>(name);
  if (bytes == 12 && first == PARTITIO && load<u32>(name, 8) == N_KEY) return HAS_KEY;
  return bytes == 10 && first == CLIENT_IN && load<u16>(name, 8) == FO ? HAS_INFO : 0;
}

/**
 * Reads the head of an item that must have this major type; LENGTH is its length. After the body
 * there are bytes of an earlier call: `take` compares lengths with the end of the body.
 */
function readHead(major: u32): bool {
  const at = load<u32>(AT);
  if (at >= load<u32>(END)) return false;
  const first: u32 = load<u8>(at);
  if (first >> 5 != major) return false;
  const info = first & 31;
  let next: u32 = at + 1;
  let length = info;
  if (info >= 24) {
    if (info == 24) {
      length = load<u8>(next);
      next += 1;
    } else if (info == 25) {
      length = bswap<u16>(load<u16>(next));
      next += 2;
    } else if (info == 26) {
      length = bswap<u32>(load<u32>(next));
      next += 4;
      if (length == OPEN) return false;
    } else if (info == 31 && major >= ARRAY) {
      length = OPEN;
    } else return false;
  }
  store<u32>(AT, next);
  store<u32>(LENGTH, length);
  return true;
}

/** Skips `bytes` bytes; returns their address, or 0 if the body ends before. */
function take(bytes: u32): usize {
  const at = load<u32>(AT);
  const end = load<u32>(END);
  if (at > end || bytes > end - at) return 0;
  store<u32>(AT, at + bytes);
  return at;
}

/** Skips a break. */
function atBreak(): bool {
  const at = load<u32>(AT);
  if (at >= load<u32>(END) || load<u8>(at) != BREAK) return false;
  store<u32>(AT, at + 1);
  return true;
}

/** Reads up to 15 bytes past the text. */
function isAscii(from: usize, bytes: u32): bool {
  const end = from + bytes;
  let all = i8x16.splat(0);
  while (from + 16 <= end) {
    all = v128.or(all, v128.load(from));
    from += 16;
  }
  let rest: u32 = 0;
  for (; from < end; from++) rest |= load<u8>(from);
  return i8x16.bitmask(all) == 0 && rest < 0x80;
}
