// Walks a chunk's columns for the renderers, and holds address and lengths of the current record.
// There is one cursor at a fixed place in memory, because a renderer has more values than the
// machine has registers. So only one walk can be active.
import { assertRange } from "./asserts";
import { CURSOR } from "./layout";
import { chunkAt, endOf, endsOf, infosOf, keysOf, maskOf, payloadOf, timesOf } from "./record";

@unmanaged
export class Cursor {
  /**
   * The current record: its payload's address, its three lengths, its arrival after the first
   * record.
   */
  start: usize;
  keyBytes: u32;
  infoBytes: u32;
  dataBytes: u32;
  delta: u32;
  /** Where the current record ends. */
  stop: usize;
  /** The columns: address, bytes and mask of an entry, and what an entry is added to. */
  ends: usize;
  keys: usize;
  infos: usize;
  times: usize;
  endWidth: u32;
  keyWidth: u32;
  infoWidth: u32;
  timeWidth: u32;
  endMask: u32;
  keyMask: u32;
  infoMask: u32;
  timeMask: u32;
  payload: usize;
  stride: u32;
  keyBytesMin: u32;
  infoBytesMin: u32;
}

/** The cursor at record `from`. */
export function openCursor(address: usize, from: u32): Cursor {
  const chunk = chunkAt(address);
  assertRange(chunk, from, from + 1);
  const cursor = changetype<Cursor>(CURSOR);
  cursor.ends = endsOf(chunk);
  cursor.keys = keysOf(chunk);
  cursor.infos = infosOf(chunk);
  cursor.times = timesOf(chunk);
  cursor.endWidth = chunk.endWidth;
  cursor.keyWidth = chunk.keyWidth;
  cursor.infoWidth = chunk.infoWidth;
  cursor.timeWidth = chunk.timeWidth;
  cursor.endMask = maskOf(chunk.endWidth);
  cursor.keyMask = maskOf(chunk.keyWidth);
  cursor.infoMask = maskOf(chunk.infoWidth);
  cursor.timeMask = maskOf(chunk.timeWidth);
  cursor.payload = payloadOf(chunk);
  cursor.stride = chunk.stride;
  cursor.keyBytesMin = chunk.keyBytesMin;
  cursor.infoBytesMin = chunk.infoBytesMin;
  cursor.stop = payloadOf(chunk) + endOf(chunk, from - 1);
  moveCursor(cursor, from);
  return cursor;
}

/** Moves to record `i`, the one after the current record. */
export function moveCursor(cursor: Cursor, i: u32): void {
  const start = cursor.stop;
  const end = load<u32>(cursor.ends + i * cursor.endWidth) & cursor.endMask;
  const key = load<u32>(cursor.keys + i * cursor.keyWidth) & cursor.keyMask;
  const info = load<u32>(cursor.infos + i * cursor.infoWidth) & cursor.infoMask;
  const stop = cursor.payload + cursor.stride * (i + 1) + end;
  cursor.start = start;
  cursor.keyBytes = cursor.keyBytesMin + key;
  cursor.infoBytes = cursor.infoBytesMin + info;
  cursor.dataBytes = <u32>(stop - start) - cursor.keyBytes - cursor.infoBytes;
  cursor.stop = stop;
  cursor.delta = load<u32>(cursor.times + i * cursor.timeWidth) & cursor.timeMask;
  if (!ASC_NO_ASSERT) {
    assert(start + cursor.keyBytes + cursor.infoBytes <= stop, "a record beyond its end");
  }
}
