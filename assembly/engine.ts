// The engine's exports, in the order a batch of records meets them. All functions are pure over
// fixed memory: JavaScript lays bytes into INPUT and rows into TABLE, calls once per batch, and
// takes the result from OUTPUT, TABLE or RESULT. Nothing is kept between calls but what the
// caller left in the windows. worker/engine/engine.ts is the only caller, and checks what it passes: a
// chunk's structure and checksums, and ranges within its count.
import { encodeBase64 } from "./base64";
import {
  INPUT,
  INPUT_BYTES,
  OUTPUT,
  OUTPUT_BYTES,
  PACK_PAYLOAD,
  PACK_RECORDS_MAX,
  PACK_ROW_BYTES,
  RESULT,
  ROUTES_MAX,
  RUNS,
  TABLE,
  TABLE_BYTES,
} from "./layout";
import { decodeLocation, encodeLocation } from "./location";
import {
  findTime,
  fitRecords,
  locateRecord,
  scanRecords,
  WALK_FIELDS,
  WALK_RECORDS_MAX,
  walkRecords,
} from "./lookup";
import { hashMd5 } from "./md5";
import { mergeRanges } from "./merge";
import { packRows } from "./pack";
import { readPutCbor } from "./putCbor";
import { readPutJson } from "./putJson";
import { measureKinesis, renderKinesis } from "./render/kinesis";
import { measureKinesisCbor, renderKinesisCbor } from "./render/kinesisCbor";
import { measureV3io, renderV3io } from "./render/v3io";
import { measureYandex, renderYandex } from "./render/yandex";
import { measureYandexCbor, renderYandexCbor } from "./render/yandexCbor";
import { hashRecords, packRoutes, ROUTES, routeRecords } from "./route";
import { nextSequence, startSequence, writeSequence } from "./sequence";

export {
  INPUT,
  INPUT_BYTES,
  OUTPUT,
  OUTPUT_BYTES,
  PACK_PAYLOAD,
  PACK_RECORDS_MAX,
  PACK_ROW_BYTES,
  RESULT,
  ROUTES,
  ROUTES_MAX,
  RUNS,
  TABLE,
  TABLE_BYTES,
  WALK_FIELDS,
  WALK_RECORDS_MAX,
};

export { readPutJson, readPutCbor, packRows, mergeRanges };
export { hashRecords, routeRecords, packRoutes };
export { locateRecord, findTime, fitRecords, walkRecords, scanRecords };
export { encodeLocation, decodeLocation };
export { measureKinesis, renderKinesis, measureKinesisCbor, renderKinesisCbor };
export { measureV3io, renderV3io };
export { measureYandex, renderYandex, measureYandexCbor, renderYandexCbor };

/** MD5 of `count` keys that stand one after the other in INPUT, their lengths (u32) in TABLE. */
export function hashKeys(count: u32): void {
  let from = INPUT;
  for (let i: u32 = 0; i < count; i++) {
    const bytes = load<u32>(TABLE + (i << 2));
    hashMd5(OUTPUT + (i << 4), from, bytes);
    from += bytes;
  }
}

/** Base64 of `bytes` bytes in INPUT to OUTPUT; returns the characters. */
export function encodeText(bytes: u32): u32 {
  return <u32>(encodeBase64(OUTPUT, INPUT, bytes) - OUTPUT);
}

/**
 * The text of `bytes` bytes at OUTPUT, `count` times over, with the sequence numbers of records that arrived
 * together, from `index` on, in the place `offset` of each.
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
  startSequence(OUTPUT + offset, <u64>createdSecond, shardIndex, <u64>index, <u64>arrivalSecond);
  const end = OUTPUT + count * bytes;
  for (let at = OUTPUT + bytes; at < end; at += bytes) {
    memory.copy(at, at - bytes, bytes);
    nextSequence(at + offset, 0);
    writeSequence(at + offset);
  }
}
