// What is said of a segment by its bytes alone: that a scan can pass over it. It is said of no byte that is damaged. The
// checksum is computed from bytes that are folded to a few, which must be right for every length.

import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { bindChunk, CHUNK_HEADER_BYTES } from "../../worker/engine/chunk.ts";
import { screenSegment } from "../../worker/engine/screen.ts";
import { compileSelection } from "../../worker/scan/selection.ts";
import { packChunk } from "../reference/pack.ts";
import { Random } from "./random.ts";
import { scanners } from "./scanBuilds.ts";

const uid = "2-16e5bc0a7ae5408a85df27ba25272fd7-0";

describe.each(scanners)("$name build", ({ scanner }) => {
  const { raw } = scanner;

  test("bytes that are folded have the checksum that they had", () => {
    const random = new Random(7);
    const [input, folded] = [raw.INPUT.value as number, raw.FOLDED.value as number];
    const memory = new Uint8Array(raw.memory.buffer);
    for (let i = 0; i < 120_000; i++) memory[input + i] = random.below(256);
    const lengths = [0, 1, 9599, 9600, 9601, 9615, 9616, 16_384, 25_983, 25_984, 26_000, 65_536];
    const others = Array.from({ length: 40 }, () => random.below(100_000));
    for (const length of [...lengths, ...others]) {
      for (const at of [input, input + CHUNK_HEADER_BYTES, input + 5]) {
        const count = raw.foldBytes(at, length);
        expect(count === 0).toBe(length < 9600);
        if (count === 0) continue;
        const sum = crc32(memory.subarray(folded, folded + count));
        expect([length, sum]).toEqual([length, crc32(memory.subarray(at, at + length))]);
      }
    }
  });

  test.each([20, 2000])("of %i records: none is selected, or one may be", (count) => {
    const chunk = segmentOf(count);
    const facts = { firstIndex: 7, count, timeMs: 5000, lastTimeMs: 5000 + count - 1 };
    const payloadBytes = screenSegment(scanner, programOf("none"), chunk, uid)!.payloadBytes;
    expect(screenSegment(scanner, programOf("none"), chunk, uid)).toEqual({
      ...facts,
      payloadBytes,
      isCandidate: false,
    });
    for (const name of ["n 0", `n ${count >> 1}`, `n ${count - 1}`]) {
      const screened = screenSegment(scanner, programOf(name), chunk, uid);
      expect(screened).toEqual({ ...facts, payloadBytes, isCandidate: true });
    }
  });

  test.each([20, 2000])("of %i records: nothing is said when a byte is damaged", (count) => {
    const chunk = segmentOf(count);
    const random = new Random(count);
    const places = [0, 4, 9, 47, 48, 49, chunk.length - 1];
    for (let i = 0; i < 60; i++) places.push(random.below(chunk.length));
    for (const place of places) {
      const damaged = chunk.slice();
      damaged[place] = damaged[place]! ^ (1 << random.below(8));
      expect([place, screenSegment(scanner, programOf("none"), damaged, uid)]).toEqual([
        place,
        undefined,
      ]);
    }
    for (const bytes of [0, 10, 48, chunk.length - 1]) {
      const short = chunk.subarray(0, bytes);
      expect(screenSegment(scanner, programOf("none"), short, uid)).toBeUndefined();
    }
    expect(
      screenSegment(scanner, programOf("none"), chunk, uid.replace("-0", "-1")),
    ).toBeUndefined();
  });

  test("a segment that would take too long is left to the scan", () => {
    const a = Array.from({ length: 64 }, (_, i) => ({ "equals-ignore-case": `a${i}` }));
    const { program } = compileSelection({ where: JSON.stringify({ data: { a } }) })!;
    const chunk = packBound([`{"a":[${'"b",'.repeat(50_000)}"b"]}`]);
    expect(screenSegment(scanner, program, chunk, uid)).toMatchObject({ isCandidate: true });
  });
});

function programOf(name: string): Uint8Array {
  return compileSelection({ where: JSON.stringify({ data: { name: [name] } }) })!.program;
}

function segmentOf(count: number): Uint8Array {
  return packBound(Array.from({ length: count }, (_, n) => JSON.stringify({ name: `n ${n}` })));
}

function packBound(texts: readonly string[]): Uint8Array {
  const records = texts.map((text, i) => ({
    key: Buffer.from(`key ${i}`),
    info: new Uint8Array(0),
    data: Buffer.from(text),
    timeMs: 5000 + i,
  }));
  const chunk = packChunk({ firstIndex: 7, timeOrdinal: 0, records });
  bindChunk(chunk, uid);
  return chunk;
}
