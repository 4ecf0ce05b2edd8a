// Reads a PutRecords request in JSON straight into what packs it: keys and data one after the other
// at PACK_PAYLOAD and a row of lengths for each record in TABLE, as packRows takes them. It reads
// what clients send, and only when nothing in it needs a second look:
//
//   { "StreamName" and "StreamARN": texts, "Records": [ { "Data": base64, "PartitionKey": text } ] }
//
// in any order and with any white space, each name at most once, texts of plain ASCII without
// escapes. It gives up on everything else, and the general reader has the last word: so whatever is
// read here must mean the same there, and what is wrong with a body is said there alone.
import { INPUT, INPUT_BYTES, OUTPUT, PACK_PAYLOAD, RESULT, TABLE } from "./layout";
import { decodeBase64, decodedEnd } from "./unbase64";

const RECORDS_MAX: u32 = 500;
const KEY_BYTES_MAX: u32 = 256;
const ROW_BYTES: u32 = 12;

const QUOTE: u8 = 0x22;
const COMMA: u8 = 0x2c;
const COLON: u8 = 0x3a;
const OPEN_LIST: u8 = 0x5b;
const BACKSLASH: u8 = 0x5c;
const CLOSE_LIST: u8 = 0x5d;
const OPEN: u8 = 0x7b;
const CLOSE: u8 = 0x7d;

// Names and the quote after them, eight characters and the rest.
const RECORDS: u64 = ((<u64>0x22736472) << 32) | 0x6f636552;
const STREAM_NA: u64 = ((<u64>0x614e6d61) << 32) | 0x65727453;
const STREAM_AR: u64 = ((<u64>0x52416d61) << 32) | 0x65727453;
const ME: u16 = 0x656d;
const N_QUOTE: u16 = 0x224e;
const DATA: u32 = 0x61746144;
const PARTITIO: u64 = ((<u64>0x6f697469) << 32) | 0x74726150;
const N_KEY: u32 = 0x79654b6e;

/** Where the payload ends that has been read so far, and how many records it is. */
let payloadEnd: usize = 0;
let recordCount: u32 = 0;

/**
 * Reads the `bytes` bytes in OUTPUT; returns the number of records, 0 for giving up. RESULT has
 * address and length of StreamName and of StreamARN, 0 and 0 when absent, and the payload's end.
 */
export function readPutBody(bytes: u32): u32 {
  const end = OUTPUT + bytes;
  // No text goes on past it, and no structure.
  store<u8>(end, 0);
  memory.fill(RESULT, 0, 20);
  payloadEnd = PACK_PAYLOAD;
  recordCount = 0;
  let at = skip(OUTPUT);
  if (load<u8>(at) != OPEN) return 0;
  do {
    at = skip(at + 1);
    at = readMember(at);
    if (at == 0) return 0;
    at = skip(at);
  } while (load<u8>(at) == COMMA);
  if (load<u8>(at) != CLOSE || skip(at + 1) != end) return 0;
  store<u32>(RESULT, <u32>payloadEnd, 16);
  return recordCount;
}

/** Returns the address after the member, or 0, like all that follow. */
function readMember(at: usize): usize {
  if (load<u8>(at) != QUOTE) return 0;
  const name = load<u64>(at, 1);
  if (name == RECORDS) {
    const value = valueAfter(at + 8);
    return recordCount == 0 && load<u8>(value) == OPEN_LIST ? readRecords(value) : 0;
  }
  if (name == STREAM_NA && load<u16>(at, 9) == ME && load<u8>(at, 11) == QUOTE) {
    return readText(valueAfter(at + 11), RESULT);
  }
  if (name == STREAM_AR && load<u16>(at, 9) == N_QUOTE) {
    return readText(valueAfter(at + 10), RESULT + 8);
  }
  return 0;
}

/** Notes where the text is, unless one is noted already. */
function readText(at: usize, noted: usize): usize {
  if (load<u8>(at) != QUOTE || load<u32>(noted) != 0) return 0;
  const end = plainEnd(at + 1);
  if (load<u8>(end) != QUOTE) return 0;
  store<u32>(noted, <u32>(at + 1));
  store<u32>(noted, <u32>(end - at - 1), 4);
  return end + 1;
}

function readRecords(at: usize): usize {
  do {
    at = skip(at + 1);
    if (recordCount == RECORDS_MAX || load<u8>(at) != OPEN) return 0;
    at = readRecord(at);
    if (at == 0) return 0;
    at = skip(at);
  } while (load<u8>(at) == COMMA);
  return load<u8>(at) == CLOSE_LIST ? at + 1 : 0;
}

/** The key stands before the data, whichever is told first. */
function readRecord(at: usize): usize {
  const start = payloadEnd;
  const limit = INPUT + INPUT_BYTES;
  let keyBytes: u32 = 0;
  let dataBytes: u32 = 0;
  let hasData = false;
  do {
    at = skip(at + 1);
    if (load<u8>(at) != QUOTE) return 0;
    if (load<u32>(at, 1) == DATA && load<u8>(at, 5) == QUOTE) {
      at = valueAfter(at + 5);
      if (hasData || load<u8>(at) != QUOTE) return 0;
      at = decodeBase64(start + keyBytes, at + 1, limit);
      if (at == 0) return 0;
      dataBytes = <u32>(decodedEnd - start - keyBytes);
      hasData = true;
    } else if (load<u64>(at, 1) == PARTITIO && load<u32>(at, 9) == N_KEY) {
      if (load<u8>(at, 13) != QUOTE) return 0;
      const from = valueAfter(at + 13) + 1;
      if (keyBytes != 0 || load<u8>(from - 1) != QUOTE) return 0;
      at = plainEnd(from);
      keyBytes = <u32>(at - from);
      if (load<u8>(at) != QUOTE || keyBytes == 0 || keyBytes > KEY_BYTES_MAX) return 0;
      if (start + keyBytes + dataBytes > limit) return 0;
      memory.copy(start + keyBytes, start, dataBytes);
      memory.copy(start, from, keyBytes);
    } else return 0;
    at = skip(at + 1);
  } while (load<u8>(at) == COMMA);
  if (load<u8>(at) != CLOSE || keyBytes == 0 || !hasData) return 0;
  const row = TABLE + recordCount * ROW_BYTES;
  store<u32>(row, keyBytes);
  store<u32>(row, 0, 4);
  store<u32>(row, dataBytes, 8);
  payloadEnd = start + keyBytes + dataBytes;
  recordCount++;
  return at + 1;
}

/** Where the value stands after the name whose last quote is at `at`; without one 0, where nothing is. */
function valueAfter(at: usize): usize {
  const colon = skip(at + 1);
  return load<u8>(colon) == COLON ? skip(colon + 1) : 0;
}

/** Past white space. */
function skip(at: usize): usize {
  while (true) {
    const character = load<u8>(at);
    if (character > 0x20) return at;
    if (character != 0x20 && character != 0x0a && character != 0x0d && character != 0x09) return at;
    at++;
  }
}

/** The first character that is no plain one of a text: its quote, an escape, or what is not ASCII. */
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
