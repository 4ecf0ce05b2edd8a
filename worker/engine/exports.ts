// The interface of the WASM module, as assembly/engine.ts exports it: addresses of windows, and
// functions over addresses and counts. worker/engine/engine.ts is its only user.

/** The exports of assembly/engine.ts. Addresses, lengths and counts are u32 unless said. */
export interface EngineExports {
  memory: WebAssembly.Memory;
  HOT: WebAssembly.Global;
  HOT_PAGE_BYTES: WebAssembly.Global;
  HOT_PAGE_STRIDE: WebAssembly.Global;
  INPUT: WebAssembly.Global;
  INPUT_BYTES: WebAssembly.Global;
  OUTPUT: WebAssembly.Global;
  OUTPUT_BYTES: WebAssembly.Global;
  TABLE: WebAssembly.Global;
  TABLE_BYTES: WebAssembly.Global;
  RESULT: WebAssembly.Global;
  RESULT_BYTES: WebAssembly.Global;
  PACK_PAYLOAD: WebAssembly.Global;
  PACK_RECORDS_MAX: WebAssembly.Global;
  PACK_ROW_BYTES: WebAssembly.Global;
  PAGE_BYTES: WebAssembly.Global;
  PAGE_STRIDE: WebAssembly.Global;
  PAGES: WebAssembly.Global;
  PAGES_COUNT: WebAssembly.Global;
  ROUTES: WebAssembly.Global;
  ROUTES_MAX: WebAssembly.Global;
  RUNS: WebAssembly.Global;
  SLACK: WebAssembly.Global;
  WALK_FIELDS: WebAssembly.Global;
  WALK_RECORDS_MAX: WebAssembly.Global;
  HASH_BYTES: WebAssembly.Global;
  LOCATION_BYTES: WebAssembly.Global;
  RANGE_BYTES: WebAssembly.Global;
  ROUTE_BYTES: WebAssembly.Global;
  RUN_BYTES: WebAssembly.Global;
  SEQUENCE_BYTES: WebAssembly.Global;
  CLIENT_INFO: WebAssembly.Global;
  KEYLESS: WebAssembly.Global;
  SHARD_ID: WebAssembly.Global;
  STREAM_ARN: WebAssembly.Global;
  STREAM_NAME: WebAssembly.Global;
  BODY_CRC_AT: WebAssembly.Global;
  COUNT_AT: WebAssembly.Global;
  FIRST_INDEX_AT: WebAssembly.Global;
  HEADER_BYTES: WebAssembly.Global;
  HEADER_CRC_AT: WebAssembly.Global;
  ORDINAL_AT: WebAssembly.Global;
  PAYLOAD_BYTES_AT: WebAssembly.Global;
  STRIDE_AT: WebAssembly.Global;
  TIME_AT: WebAssembly.Global;
  readPutJson(bytes: number, members: number, recordsMax: number): number;
  readPutCbor(bytes: number, members: number, recordsMax: number): number;
  hashRecords(count: number): void;
  routeRecords(count: number, routeCount: number): void;
  packRoutes(count: number, routeCount: number): number;
  packRows(count: number): number;
  mergeRanges(ranges: number, rangeCount: number): number;
  locateRecord(chunk: number, i: number): number;
  /** `timeMs` is a u64: a BigInt, once per search. */
  findTime(chunk: number, timeMs: bigint, ordinal: number): number;
  fitRecords(chunk: number, from: number, countMax: number, payloadBytesMax: number): number;
  walkRecords(chunk: number, from: number, to: number): void;
  scanRecords(chunk: number, from: number, to: number): void;
  encodeLocation(segment: number, index: number): void;
  decodeLocation(address: number): number;
  measureKinesis(chunk: number, from: number, to: number, encryptedCount: number): number;
  renderKinesis(
    chunk: number,
    from: number,
    to: number,
    comma: number,
    at: number,
    createdSecond: number,
    shardIndex: number,
    isEncrypted: number,
    isAhead: number,
  ): number;
  measureKinesisCbor(chunk: number, from: number, to: number, encryptedCount: number): number;
  renderKinesisCbor(
    chunk: number,
    from: number,
    to: number,
    at: number,
    createdSecond: number,
    shardIndex: number,
    isEncrypted: number,
    isAhead: number,
  ): number;
  measureV3io(chunk: number, from: number, to: number): number;
  renderV3io(chunk: number, from: number, to: number, comma: number, at: number): number;
  measureYandex(chunk: number, from: number, to: number): number;
  renderYandex(chunk: number, from: number, to: number, comma: number, at: number): number;
  measureYandexCbor(chunk: number, from: number, to: number): number;
  renderYandexCbor(chunk: number, from: number, to: number, at: number): number;
  encodeText(bytes: number): number;
  printSequences(
    count: number,
    bytes: number,
    offset: number,
    createdSecond: number,
    shardIndex: number,
    index: number,
    arrivalSecond: number,
  ): void;
}
