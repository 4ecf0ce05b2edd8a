// Sends records to the shards of their stream. The records are as for pack.ts: the payload at
// PACK_PAYLOAD, a row of lengths for each in TABLE. There are three steps: the hash of each key,
// the route of each hash, and a chunk for each route that has records. Between the steps JavaScript
// may replace a hash or a route. Records keep their order within a route.
import { assertOutput } from "./asserts";
import {
  COUNTS,
  ORDER,
  OUTPUT,
  PACK_PAYLOAD,
  PACK_RECORDS_MAX,
  PACK_ROW_BYTES,
  ROUTES_MAX,
  RUNS,
  TABLE,
} from "./layout";
import { hashMd5 } from "./md5";
import { endsOf, infosOf, keysOf, payloadOf, storeEntry, writeHeader } from "./record";

/** An MD5. */
export const HASH_BYTES: u32 = 16;
/** The first hash of a route, as words. */
export const ROUTE_BYTES: u32 = 16;
export const RUN_BYTES: u32 = 16;
const ORDER_BYTES: u32 = 8;

/** Address of the routes' first hashes, after the hashes of the largest batch. */
export const ROUTES: usize = OUTPUT + PACK_RECORDS_MAX * HASH_BYTES;

/** MD5 of the keys of `count` records, 16 bytes each at OUTPUT. */
export function hashRecords(count: u32): void {
  assert(count <= PACK_RECORDS_MAX, "too many records");
  let record = PACK_PAYLOAD;
  let hash = OUTPUT;
  const last = TABLE + count * PACK_ROW_BYTES;
  for (let row = TABLE; row < last; row += PACK_ROW_BYTES) {
    const key = load<u32>(row);
    hashMd5(hash, record, key);
    record += key + load<u32>(row, 4) + load<u32>(row, 8);
    hash += HASH_BYTES;
  }
}

/**
 * Writes into each row the last route that does not begin after the record's hash. The routes'
 * first hashes are at ROUTES in ascending order: four words each, the highest first. The first
 * route begins at 0.
 */
export function routeRecords(count: u32, routeCount: u32): void {
  assert(count <= PACK_RECORDS_MAX, "too many records");
  assert(routeCount > 0 && routeCount <= ROUTES_MAX, "no routes, or too many");
  let hash = OUTPUT;
  const last = TABLE + count * PACK_ROW_BYTES;
  for (let row = TABLE; row < last; row += PACK_ROW_BYTES) {
    const high = bswap<u64>(load<u64>(hash));
    const low = bswap<u64>(load<u64>(hash, 8));
    let route: u32 = 0;
    let end = routeCount;
    while (end - route > 1) {
      const middle = (route + end) >> 1;
      const start = ROUTES + middle * ROUTE_BYTES;
      const startHigh = rotl<u64>(load<u64>(start), 32);
      const startLow = rotl<u64>(load<u64>(start, 8), 32);
      if (startHigh > high || (startHigh == high && startLow > low)) end = middle;
      else route = middle;
    }
    store<u32>(row, route, 12);
    hash += HASH_BYTES;
  }
}

/**
 * Packs the records of each route into a chunk of its own, one after the other at OUTPUT; returns
 * the number of chunks. RUNS has a row for each: route, address, bytes, records. The rows contain
 * routes below `routeCount`.
 */
export function packRoutes(count: u32, routeCount: u32): u32 {
  assert(count <= PACK_RECORDS_MAX, "too many records");
  assert(routeCount > 0 && routeCount <= ROUTES_MAX, "no routes, or too many");
  sortByRoute(count, routeCount);
  let runs: u32 = 0;
  let address = OUTPUT;
  let from: u32 = 0;
  for (let route: u32 = 0; route < routeCount; route++) {
    const to = load<u32>(COUNTS + (route << 2));
    if (to == from) continue;
    const end = packOrdered(address, from, to);
    const run = RUNS + runs * RUN_BYTES;
    store<u32>(run, route);
    store<u32>(run, <u32>address, 4);
    store<u32>(run, <u32>(end - address), 8);
    store<u32>(run, to - from, 12);
    address = end;
    from = to;
    runs++;
  }
  return runs;
}

/** Fills ORDER. Afterwards COUNTS holds where the records of each route end in it. */
function sortByRoute(count: u32, routeCount: u32): void {
  memory.fill(COUNTS, 0, routeCount << 2);
  const last = TABLE + count * PACK_ROW_BYTES;
  for (let row = TABLE; row < last; row += PACK_ROW_BYTES) {
    if (!ASC_NO_ASSERT) assert(load<u32>(row, 12) < routeCount, "a route that is not there");
    const counted = COUNTS + (load<u32>(row, 12) << 2);
    store<u32>(counted, load<u32>(counted) + 1);
  }
  let before: u32 = 0;
  const countsEnd = COUNTS + (routeCount << 2);
  for (let counted = COUNTS; counted < countsEnd; counted += 4) {
    const records = load<u32>(counted);
    store<u32>(counted, before);
    before += records;
  }
  let record = PACK_PAYLOAD;
  for (let row = TABLE; row < last; row += PACK_ROW_BYTES) {
    const counted = COUNTS + (load<u32>(row, 12) << 2);
    const at = load<u32>(counted);
    store<u32>(counted, at + 1);
    const place = ORDER + at * ORDER_BYTES;
    store<u32>(place, <u32>row);
    store<u32>(place, <u32>record, 4);
    record += load<u32>(row) + load<u32>(row, 4) + load<u32>(row, 8);
  }
}

/** Packs the records `from` to `to` of ORDER into a chunk at `address`; returns where it ends. */
function packOrdered(address: usize, from: u32, to: u32): usize {
  let payloadBytes: u32 = 0;
  let stride: u32 = u32.MAX_VALUE;
  let keyMin: u32 = u32.MAX_VALUE;
  let keyMax: u32 = 0;
  let infoMin: u32 = u32.MAX_VALUE;
  let infoMax: u32 = 0;
  const first = ORDER + from * ORDER_BYTES;
  const last = ORDER + to * ORDER_BYTES;
  for (let place = first; place < last; place += ORDER_BYTES) {
    const row = load<u32>(place);
    const key = load<u32>(row);
    const info = load<u32>(row, 4);
    const bytes = key + info + load<u32>(row, 8);
    payloadBytes += bytes;
    stride = min(stride, bytes);
    keyMin = min(keyMin, key);
    keyMax = max(keyMax, key);
    infoMin = min(infoMin, info);
    infoMax = max(infoMax, info);
  }
  const count = to - from;
  const chunk = writeHeader(address, count, payloadBytes, stride, keyMin, keyMax, infoMin, infoMax);
  const endWidth: u32 = chunk.endWidth;
  const keyWidth: u32 = chunk.keyWidth;
  const infoWidth: u32 = chunk.infoWidth;
  let end = endsOf(chunk);
  let keyAt = keysOf(chunk);
  let infoAt = infosOf(chunk);
  let payload = payloadOf(chunk);
  if (!ASC_NO_ASSERT) assertOutput(payload, payloadBytes);
  let excess: u32 = 0;
  for (let place = first; place < last; place += ORDER_BYTES) {
    const row = load<u32>(place);
    const key = load<u32>(row);
    const info = load<u32>(row, 4);
    const bytes = key + info + load<u32>(row, 8);
    excess += bytes - stride;
    storeEntry(end, endWidth, excess);
    storeEntry(keyAt, keyWidth, key - keyMin);
    storeEntry(infoAt, infoWidth, info - infoMin);
    memory.copy(payload, load<u32>(place, 4), bytes);
    end += endWidth;
    keyAt += keyWidth;
    infoAt += infoWidth;
    payload += bytes;
  }
  return payload;
}
