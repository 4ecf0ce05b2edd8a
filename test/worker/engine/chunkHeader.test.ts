// What a reader refuses of a chunk's header, by name: everything that it does not know, so that a later
// version may use what is reserved now.

import { describe, expect, test } from "vitest";
import { readHeader, stampChunk } from "../../../worker/engine/chunk.ts";
import { packRecords } from "../../reference/pack.ts";

const nothing = new Uint8Array(0);
const chunk = packRecords([{ key: Uint8Array.of(1), info: nothing, data: Uint8Array.of(2) }]);
stampChunk(chunk, { firstIndex: 7, timeMs: 8, timeOrdinal: 9 });

describe("a header", () => {
  test("as it is written is read", () => {
    expect(readHeader(chunk)).toMatchObject({ count: 1, firstIndex: 7, timeMs: 8, timeOrdinal: 9 });
  });

  test.each([
    ["bad magic", 0, 0],
    ["unknown version", 4, 0],
    ["unknown version", 4, 3],
    ["bad width", 5, 5],
    ["reserved bytes in use", 9, 1],
    ["reserved bytes in use", 10, 1],
    ["reserved bytes in use", 11, 1],
    ["reserved bytes in use", 43, 1],
    ["no records", 12, 0],
    ["index too large", 23, 1],
    ["time too large", 31, 1],
  ])("is refused: %s, byte %i is %i", (what, at, value) => {
    const changed = chunk.slice();
    changed[at] = value;
    expect(() => readHeader(changed)).toThrow(
      expect.objectContaining({ code: "corrupt", detail: { what } }),
    );
  });
});
