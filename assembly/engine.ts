// The engine's exports, in the order in which a batch of records meets them. All functions are pure
// over fixed memory. JavaScript writes bytes into INPUT and rows into TABLE, calls once per batch,
// and takes the result from OUTPUT, TABLE or RESULT. Between calls nothing is kept except the bytes
// in the windows. worker/engine/engine.ts is the only caller. It checks what it passes: a chunk's
// structure and checksums, and ranges within its count.
import { base64Bytes, encodeBase64 } from "./base64";
import { assertOutput } from "./asserts";
import {
  HOT,
  HOT_PAGE_BYTES,
  HOT_PAGE_STRIDE,
  INPUT,
  INPUT_BYTES,
  OUTPUT,
  OUTPUT_BYTES,
  PACK_PAYLOAD,
  PACK_RECORDS_MAX,
  PACK_ROW_BYTES,
  PAGE_BYTES,
  PAGE_STRIDE,
  PAGES,
  PAGES_COUNT,
  RESULT,
  RESULT_BYTES,
  ROUTES_MAX,
  RUNS,
  SLACK,
  TABLE,
  TABLE_BYTES,
} from "./layout";
import { decodeLocation, encodeLocation, LOCATION_BYTES } from "./location";
import {
  findTime,
  fitRecords,
  locateRecord,
  scanRecords,
  WALK_FIELDS,
  WALK_RECORDS_MAX,
  walkRecords,
} from "./lookup";
import { mergeRanges, RANGE_BYTES } from "./merge";
import { packRows } from "./pack";
import { readPutCbor } from "./putCbor";
import { readPutJson } from "./putJson";
import { CLIENT_INFO, KEYLESS, SHARD_ID, STREAM_ARN, STREAM_NAME } from "./putRecord";
import {
  BODY_CRC_AT,
  COUNT_AT,
  FIRST_INDEX_AT,
  HEADER_BYTES,
  HEADER_CRC_AT,
  ORDINAL_AT,
  PAYLOAD_BYTES_AT,
  STRIDE_AT,
  TIME_AT,
} from "./record";
import { measureKinesis, renderKinesis } from "./render/kinesis";
import { measureKinesisCbor, renderKinesisCbor } from "./render/kinesisCbor";
import { measureV3io, renderV3io } from "./render/v3io";
import { measureYandex, renderYandex } from "./render/yandex";
import { measureYandexCbor, renderYandexCbor } from "./render/yandexCbor";
import {
  HASH_BYTES,
  hashRecords,
  packRoutes,
  ROUTE_BYTES,
  ROUTES,
  routeRecords,
  RUN_BYTES,
} from "./route";
import { nextSequence, SEQUENCE_BYTES, startSequence, writeSequence } from "./sequence";

// The windows, and the numbers that JavaScript has to know of them.
export {
  HOT,
  HOT_PAGE_BYTES,
  HOT_PAGE_STRIDE,
  INPUT,
  INPUT_BYTES,
  OUTPUT,
  OUTPUT_BYTES,
  PACK_PAYLOAD,
  PACK_RECORDS_MAX,
  PACK_ROW_BYTES,
  PAGE_BYTES,
  PAGE_STRIDE,
  PAGES,
  PAGES_COUNT,
  RESULT,
  RESULT_BYTES,
  ROUTES,
  ROUTES_MAX,
  RUNS,
  SLACK,
  TABLE,
  TABLE_BYTES,
  WALK_FIELDS,
  WALK_RECORDS_MAX,
};
export { HASH_BYTES, LOCATION_BYTES, RANGE_BYTES, ROUTE_BYTES, RUN_BYTES, SEQUENCE_BYTES };
export { CLIENT_INFO, KEYLESS, SHARD_ID, STREAM_ARN, STREAM_NAME };
export {
  BODY_CRC_AT,
  COUNT_AT,
  FIRST_INDEX_AT,
  HEADER_BYTES,
  HEADER_CRC_AT,
  ORDINAL_AT,
  PAYLOAD_BYTES_AT,
  STRIDE_AT,
  TIME_AT,
};

export { readPutJson, readPutCbor, packRows, mergeRanges };
export { hashRecords, routeRecords, packRoutes };
export { locateRecord, findTime, fitRecords, walkRecords, scanRecords };
export { encodeLocation, decodeLocation };
export { measureKinesis, renderKinesis, measureKinesisCbor, renderKinesisCbor };
export { measureV3io, renderV3io };
export { measureYandex, renderYandex, measureYandexCbor, renderYandexCbor };

/** Writes the base64 of `bytes` bytes in INPUT to OUTPUT; returns the number of characters. */
export function encodeText(bytes: u32): u32 {
  assert(<usize>bytes <= INPUT_BYTES, "bytes outside of the window");
  assertOutput(OUTPUT, base64Bytes(bytes));
  return <u32>(encodeBase64(OUTPUT, INPUT, bytes) - OUTPUT);
}

/**
 * Repeats the text of `bytes` bytes at OUTPUT `count` times. Each copy gets, at `offset`, the next
 * sequence number of records that arrived together, from `index` on.
 */
export function printSequences(
  count: u32,
  bytes: u32,
  offset: u32,
  createdSecond: f64,
  shardIndex: u32,
  index: f64,
  arrivalSecond: f64,
): void {
  assert(count > 0 && offset + SEQUENCE_BYTES <= bytes, "no number, or outside of its text");
  assertOutput(OUTPUT, <u64>count * bytes);
  startSequence(OUTPUT + offset, <u64>createdSecond, shardIndex, <u64>index, <u64>arrivalSecond);
  const end = OUTPUT + count * bytes;
  for (let at = OUTPUT + bytes; at < end; at += bytes) {
    memory.copy(at, at - bytes, bytes);
    nextSequence(at + offset, 0);
    writeSequence(at + offset);
  }
}
