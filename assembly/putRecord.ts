// Shared by the readers of PutRecords bodies (putJson.ts, putCbor.ts). They produce records as
// pack.ts and route.ts take them: the payload at PACK_PAYLOAD and a row for each record in TABLE.
// In the payload a record's key comes before its client info and its data, in whatever order the
// body has them.
//
// RESULT, u32 each:
//
//   0, 4     StreamName: address in OUTPUT, bytes; 0 and 0 when absent
//   8, 12    StreamARN, the same
//   16       where the payload ends
//   20       records
//   24       where the bytes end that base64 was decoded to last
import {
  INPUT,
  INPUT_BYTES,
  OUTPUT_BYTES,
  PACK_PAYLOAD,
  PACK_RECORDS_MAX,
  PACK_ROW_BYTES,
  RESULT,
  TABLE,
} from "./layout";

/** Members that the bodies of a dialect may have beside Records, Data and PartitionKey. */
export const STREAM_NAME: u32 = 1;
export const STREAM_ARN: u32 = 2;
export const CLIENT_INFO: u32 = 4;
export const SHARD_ID: u32 = 8;
/** Records may have no key, or an empty one. */
export const KEYLESS: u32 = 16;

/** Kinesis: 256 characters; the readers take ASCII alone. v3io and Yandex: 256 bytes. */
export const KEY_BYTES_MAX: u32 = 256;
export const INFO_BYTES_MAX: u32 = 16;
export const SHARD_DIGITS_MAX: u32 = 9;

/** Payload may be written up to here. */
export const PAYLOAD_LIMIT: usize = INPUT + INPUT_BYTES;

/** For a body of so many bytes, which one more byte stands behind. */
export function beginBody(bytes: u32, recordsMax: u32): void {
  assert(<usize>bytes < OUTPUT_BYTES, "a body as long as the window");
  assert(recordsMax <= PACK_RECORDS_MAX, "more records than a pack takes");
  memory.fill(RESULT, 0, 28);
  store<u32>(RESULT, <u32>PACK_PAYLOAD, 16);
}

/** Where the next record's payload begins. */
export function payloadEnd(): usize {
  return load<u32>(RESULT, 16);
}

export function recordCount(): u32 {
  return load<u32>(RESULT, 20);
}

/**
 * Inserts `bytes` bytes at `from` before the `rest` bytes at `to`. The caller has checked that
 * there is room.
 */
export function insertBytes(to: usize, from: usize, bytes: u32, rest: u32): void {
  memory.copy(to + bytes, to, rest);
  memory.copy(to, from, bytes);
}

/**
 * Ends the record whose payload begins at `payloadEnd()`. `place` is the index of its shard plus
 * one, or 0.
 */
export function addRecord(keyBytes: u32, infoBytes: u32, dataBytes: u32, place: u32): void {
  const count = recordCount();
  assert(count < PACK_RECORDS_MAX, "too many records");
  assert(keyBytes <= KEY_BYTES_MAX && infoBytes <= INFO_BYTES_MAX, "a key or info too long");
  const row = TABLE + count * PACK_ROW_BYTES;
  store<u32>(row, keyBytes);
  store<u32>(row, infoBytes, 4);
  store<u32>(row, dataBytes, 8);
  store<u32>(row, place, 12);
  store<u32>(RESULT, <u32>payloadEnd() + keyBytes + infoBytes + dataBytes, 16);
  if (!ASC_NO_ASSERT) assert(payloadEnd() <= PAYLOAD_LIMIT, "a payload outside of the window");
  store<u32>(RESULT, count + 1, 20);
}
