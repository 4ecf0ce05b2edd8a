// Packs records into a chunk. JavaScript writes the payload (key, client info, data of each record,
// one after the other) at PACK_PAYLOAD and a row of lengths per record into TABLE. Header and
// columns are then written directly in front of the payload, which never moves. The chunk is not
// stamped: first index, times and checksums are 0.
import {
  INPUT,
  INPUT_BYTES,
  PACK_PAYLOAD,
  PACK_RECORDS_MAX,
  PACK_ROW_BYTES,
  TABLE,
} from "./layout";
import { HEADER_BYTES, storeEntry, widthOf, writeHeader } from "./record";

/** Returns the address of the chunk; `count` rows, at least 1 and at most PACK_RECORDS_MAX. */
export function packRows(count: u32): usize {
  assert(count > 0 && count <= PACK_RECORDS_MAX, "no records, or too many");
  let payloadBytes: u32 = 0;
  let stride: u32 = u32.MAX_VALUE;
  let keyMin: u32 = u32.MAX_VALUE;
  let keyMax: u32 = 0;
  let infoMin: u32 = u32.MAX_VALUE;
  let infoMax: u32 = 0;
  const last = TABLE + count * PACK_ROW_BYTES;
  for (let row = TABLE; row < last; row += PACK_ROW_BYTES) {
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
  const endWidth = widthOf(payloadBytes - stride * count);
  const keyWidth = widthOf(keyMax - keyMin);
  const infoWidth = widthOf(infoMax - infoMin);
  const infos = PACK_PAYLOAD - count * infoWidth;
  const keys = infos - count * keyWidth;
  const ends = keys - count * endWidth;

  const address = ends - HEADER_BYTES;
  assert(address >= INPUT, "no room for the columns");
  assert(PACK_PAYLOAD + payloadBytes <= INPUT + INPUT_BYTES, "a payload outside of the window");
  writeHeader(address, count, payloadBytes, stride, keyMin, keyMax, infoMin, infoMax);
  let excess: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const row = TABLE + i * PACK_ROW_BYTES;
    const key = load<u32>(row);
    const info = load<u32>(row, 4);
    excess += key + info + load<u32>(row, 8) - stride;
    storeEntry(ends + i * endWidth, endWidth, excess);
    storeEntry(keys + i * keyWidth, keyWidth, key - keyMin);
    storeEntry(infos + i * infoWidth, infoWidth, info - infoMin);
  }
  return address;
}
