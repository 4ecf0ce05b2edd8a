// What must hold of arguments. The debug build checks it and stops with a message; the release build has
// none of this, because asconfig.json sets noAssert and every check stands behind it. Callers in
// JavaScript check what comes from outside (worker/engine/memory.ts, checkRange); a failure here is
// a mistake in the code, never in a request.
import { HOT, INPUT, INPUT_BYTES, OUTPUT, OUTPUT_BYTES } from "./layout";
import { Chunk, HEADER_BYTES, MAGIC, VERSION, VERSION_BOUND } from "./record";

/** A chunk in INPUT, or behind HOT: its header is sound, and its columns end within the window. */
export function assertChunk(chunk: Chunk): void {
  if (!ASC_NO_ASSERT) {
    const address = changetype<usize>(chunk);
    const isHot = address >= HOT;
    const inputEnd: u64 = isHot ? (<u64>memory.size()) << 16 : INPUT + INPUT_BYTES;
    assert(address >= INPUT && address + HEADER_BYTES <= inputEnd, "a chunk elsewhere");
    assert(chunk.magic == MAGIC, "no chunk");
    assert(chunk.version == VERSION || chunk.version == VERSION_BOUND, "an unknown version");
    assert(chunk.count > 0, "a chunk without records");
    assert(chunk.endWidth <= 4 && chunk.timeWidth <= 4, "an end or time too wide");
    assert(chunk.keyWidth <= 2 && chunk.infoWidth <= 1, "a key or info too wide");
    const entryBytes: u64 = chunk.endWidth + chunk.keyWidth + chunk.infoWidth + chunk.timeWidth;
    const columnsAt: u64 = address + HEADER_BYTES;
    assert(columnsAt + chunk.count * entryBytes <= inputEnd, "columns outside of the window");
  }
}

/** Records `from` to `to` (excluded) of a chunk, at least one. */
export function assertRange(chunk: Chunk, from: u32, to: u32): void {
  if (!ASC_NO_ASSERT) {
    assertChunk(chunk);
    assert(from < to, "a range without records");
    assert(to <= chunk.count, "a range outside of the chunk");
  }
}

/** So many bytes from `at` on are in OUTPUT. */
export function assertOutput(at: usize, bytes: u64): void {
  if (!ASC_NO_ASSERT) {
    assert(
      at >= OUTPUT && <u64>at + bytes <= OUTPUT + OUTPUT_BYTES,
      "outside of the output window",
    );
  }
}

/** What a step wrote from `from` to `to` is within the bound that was looked at before it. */
export function assertWritten(from: usize, to: usize, bytesMax: u32): void {
  if (!ASC_NO_ASSERT) assert(to >= from && to - from <= bytesMax, "a record beyond its bound");
}
