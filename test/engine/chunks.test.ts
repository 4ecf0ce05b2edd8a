// Packing, stamping, merging and slicing, claim by claim, on both builds of the engine: the
// bytes are those of the reference, widths change where the format says, and what cannot be
// done is refused.

import { describe, expect, test } from "vitest";
import type { Engine } from "../../worker/engine/engine.ts";
import { batchOf } from "../../worker/engine/recordBatch.ts";
import { stampChunk, verifyBody } from "../../worker/engine/chunk.ts";
import { mergeChunks, sliceChunk } from "../reference/operations.ts";
import { packChunk, packRecords, stampBytes } from "../reference/pack.ts";
import type { ModelChunk } from "../reference/record.ts";
import { builds } from "./builds.ts";
import { expectBytes } from "./expect-bytes.ts";
import { packByEngine, packCommits } from "./pack-by-engine.ts";
import { Random } from "./random.ts";
import type { SampleRecord } from "./samples.ts";

const WIDTH_AT = { ends: 5, keys: 6, infos: 7, times: 8 };
const HEADER_BYTES = 56;

describe.each(builds)("chunks, $name build", ({ engine }) => {
  describe("pack", () => {
    test.each([
      ["one record without anything", [makeRecord(0, 0, 0)]],
      ["one record with data alone", [makeRecord(0, 0, 100)]],
      ["one record with a key alone", [makeRecord(7, 0, 0)]],
      ["one record with client info alone", [makeRecord(0, 16, 0)]],
      ["many records of nothing", Array.from({ length: 100 }, () => makeRecord(0, 0, 0))],
      ["many records of one shape", Array.from({ length: 100 }, () => makeRecord(8, 0, 100))],
      [
        "records that all differ",
        Array.from({ length: 100 }, (_, i) => makeRecord(i, i % 17, i * 7)),
      ],
    ])("%s", (_, records) => {
      expectBytes(engine.pack(batchOf(records)), packRecords(records));
    });

    test("every pair of a short record and one of 0 to 80 bytes", () => {
      for (let bytes = 0; bytes <= 80; bytes++) {
        const records = [makeRecord(bytes % 5, 0, 3), makeRecord(1, 0, bytes), makeRecord(0, 2, 1)];
        expectBytes(engine.pack(batchOf(records)), packRecords(records));
      }
    });

    test.each([
      [0, 0],
      [1, 1],
      [255, 1],
      [256, 2],
      [65_535, 2],
      [65_536, 3],
      [1_900_000, 3],
    ])("a last end of %d takes %d bytes", (excess, width) => {
      expectWidth(engine, "ends", [makeRecord(0, 0, 5), makeRecord(0, 0, 5 + excess)], width);
    });

    test.each([
      [0, 0],
      [1, 1],
      [255, 1],
      [256, 2],
      [1023, 2],
      [65_535, 2],
    ])("keys %d bytes apart take %d bytes each", (excess, width) => {
      expectWidth(engine, "keys", [makeRecord(0, 0, 5), makeRecord(excess, 0, 5)], width);
    });

    test.each([
      [0, 0],
      [1, 1],
      [16, 1],
      [255, 1],
    ])("client infos %d bytes apart take %d bytes each", (excess, width) => {
      expectWidth(engine, "infos", [makeRecord(0, 0, 5), makeRecord(0, excess, 5)], width);
    });

    test("overhead is at most 8 bytes a record when a commit holds 10 or more", () => {
      const records = Array.from({ length: 10 }, (_, i) => makeRecord(i * 20, i, i * 100));
      const payload = records.reduce(
        (sum, r) => sum + r.key.length + r.info.length + r.data.length,
        0,
      );
      expect(engine.pack(batchOf(records)).length - payload - HEADER_BYTES).toBeLessThanOrEqual(80);
      const same = Array.from({ length: 10 }, () => makeRecord(10, 0, 100));
      expect(engine.pack(batchOf(same)).length - 10 * 110).toBe(HEADER_BYTES);
    });

    test("the bytes given may start at any address", () => {
      const { key, info, data } = makeRecord(21, 9, 77);
      for (let offset = 0; offset < 16; offset++) {
        const record = {
          key: shift(key, offset),
          info: shift(info, offset),
          data: shift(data, offset),
        };
        expectBytes(engine.pack(batchOf([record, record])), packRecords([record, record]));
      }
    });

    test("refuses no records, too many, and more than its window", () => {
      expect(() => engine.pack(batchOf([]))).toThrow(RangeError);
      const many = Array.from({ length: 100_000 }, () => makeRecord(0, 0, 0));
      expect(() => engine.pack(batchOf(many))).toThrow(RangeError);
      const half = makeRecord(0, 0, engine.windowBytes / 2);
      expect(() => engine.pack(batchOf([half, half]))).toThrow(RangeError);
    });
  });

  describe("stamp", () => {
    test.each([
      { firstIndex: 0, timeMs: 0, timeOrdinal: 0 },
      { firstIndex: 2 ** 32 - 1, timeMs: 2 ** 32, timeOrdinal: 1 },
      { firstIndex: 2 ** 32, timeMs: 1_500_000_000_000, timeOrdinal: 999_999 },
      { firstIndex: 2 ** 50 - 1, timeMs: 2 ** 53 - 1, timeOrdinal: 2 ** 32 - 1 },
    ])("index $firstIndex, time $timeMs, ordinal $timeOrdinal", (stamp) => {
      const records = [makeRecord(3, 0, 9), makeRecord(1, 2, 0)];
      const chunk = engine.pack(batchOf(records));
      stampChunk(chunk, stamp);
      expectBytes(chunk, stampBytes(packRecords(records), stamp));
      expect(verifyBody(chunk, "0-any")).toMatchObject({ ...stamp, count: 2, bytes: chunk.length });
    });
  });

  describe("merge", () => {
    const first = [makeRecord(3, 0, 9), makeRecord(1, 2, 0)];
    const second = [makeRecord(400, 0, 70_000)];
    const third = [makeRecord(0, 0, 0), makeRecord(0, 16, 0)];

    test("one chunk is itself", () => {
      const [chunk] = packCommits(engine, makeChunk([[first, 5]]));
      expectBytes(engine.merge([chunk!]), chunk!);
    });

    test.each([
      ["of one millisecond", [0, 0, 0]],
      ["of three milliseconds", [0, 1, 2]],
      ["a day apart", [0, 86_400_000, 2 * 86_400_000]],
    ])("chunks %s are one chunk of all their records", (_, [a, b, c]) => {
      const commits = [
        [first, a!],
        [second, b!],
        [third, c!],
      ] as const;
      const chunk = makeChunk(commits);
      const parts = packCommits(engine, chunk, new Set([2, 3]));
      expect(parts.length).toBe(3);
      expectBytes(engine.merge(parts), packChunk(chunk));
      expectBytes(engine.merge(parts), mergeChunks(parts));
      expectBytes(engine.merge([engine.merge(parts.slice(0, 2)), parts[2]!]), packChunk(chunk));
    });

    test.each([
      [0, 0],
      [1, 1],
      [255, 1],
      [256, 2],
      [65_535, 2],
      [65_536, 3],
      [2 ** 24 - 1, 3],
      [2 ** 24, 4],
      [2 ** 32 - 1, 4],
    ])("arrivals %d ms apart take %d bytes each", (stepMs, width) => {
      const chunk = makeChunk([
        [first, 0],
        [third, stepMs],
      ]);
      const merged = packByEngine(engine, chunk);
      expect(merged[WIDTH_AT.times]).toBe(width);
      expectBytes(merged, packChunk(chunk));
    });

    test("refuses arrivals 2^32 ms apart", () => {
      const parts = packCommits(
        engine,
        makeChunk([
          [first, 0],
          [third, 2 ** 32],
        ]),
      );
      expect(() => engine.merge(parts)).toThrow(RangeError);
    });

    test("refuses more than its window", () => {
      const half = [makeRecord(0, 0, engine.windowBytes / 2)];
      const parts = packCommits(
        engine,
        makeChunk([
          [half, 0],
          [half, 1],
          [half, 2],
        ]),
      );
      expect(() => engine.merge(parts)).toThrow(RangeError);
    });

    test("fills its window to the last byte", () => {
      const [left, right] = packCommits(
        engine,
        makeChunk([
          [first, 0],
          [second, 1],
        ]),
      );
      const room = engine.windowBytes - left!.length - right!.length;
      const records = [makeRecord(400, 0, 70_000 + room)];
      const chunk = makeChunk([
        [first, 0],
        [records, 1],
      ]);
      expectBytes(packByEngine(engine, chunk), packChunk(chunk));
    });
  });

  describe("slice", () => {
    const records = Array.from({ length: 12 }, (_, i) => makeRecord(i % 4, i % 3, (i * 37) % 50));
    const chunk = makeChunk([
      [records.slice(0, 3), 0],
      [records.slice(3, 4), 4],
      [records.slice(4, 9), 999],
      [records.slice(9), 1000],
    ]);
    const bytes = packChunk(chunk);

    test("every range is the chunk of those records alone", () => {
      for (let from = 0; from < records.length; from++)
        for (let to = from + 1; to <= records.length; to++)
          expectBytes(engine.slice(bytes, from, to), sliceChunk(bytes, from, to));
    });

    test("the whole range is the chunk", () => {
      expectBytes(engine.slice(bytes, 0, records.length), bytes);
    });

    test.each([
      [0, 0],
      [3, 3],
      [5, 4],
      [-1, 4],
      [0, 13],
      [12, 13],
      [Number.NaN, 2],
    ])("refuses records %d to %d of 12", (from, to) => {
      expect(() => engine.slice(bytes, from, to)).toThrow(RangeError);
      expect(() => sliceChunk(bytes, from, to)).toThrow(RangeError);
    });
  });
});

function makeRecord(keyBytes: number, infoBytes: number, dataBytes: number): SampleRecord {
  const random = new Random(keyBytes * 31 + infoBytes * 17 + dataBytes);
  return {
    key: random.bytes(keyBytes).map((byte) => 97 + (byte % 26)),
    info: random.bytes(infoBytes),
    data: random.bytes(dataBytes),
  };
}

/** A chunk of commits, each some records and the milliseconds after the first. */
function makeChunk(commits: readonly (readonly [SampleRecord[], number])[]): ModelChunk {
  const records = commits.flatMap(([records, afterMs]) =>
    records.map((record) => ({ ...record, timeMs: 1_500_000_000_000 + afterMs })),
  );
  return { firstIndex: 1000, timeOrdinal: 3, records };
}

function expectWidth(
  engine: Engine,
  column: keyof typeof WIDTH_AT,
  records: SampleRecord[],
  width: number,
): void {
  const chunk = engine.pack(batchOf(records));
  expect(chunk[WIDTH_AT[column]]).toBe(width);
  expectBytes(chunk, packRecords(records));
}

function shift(bytes: Uint8Array, offset: number): Uint8Array {
  const shifted = new Uint8Array(bytes.length + offset).subarray(offset);
  shifted.set(bytes);
  return shifted;
}
