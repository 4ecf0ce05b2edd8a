// Finding records without reading them: walk, scan, find by time and fit, each against the
// reference over every place of a small chunk, and at the edges of a large one.

import { describe, expect, test } from "vitest";
import { findTime, fitRecords, scanChunk, walkChunk } from "../reference/operations.ts";
import { packChunk } from "../reference/pack.ts";
import { arrivalOrdinals, payloadBytes, type ModelChunk } from "../reference/record.ts";
import { builds } from "./builds.ts";
import { expectBytes } from "./expect-bytes.ts";

const START_MS = 1_500_000_000_000;

// Arrivals that repeat, touch and jump; sizes that differ from record to record.
const arrivals = [0, 0, 0, 1, 2, 2, 1000, 1000, 1000, 1000, 86_400_000];
const chunk: ModelChunk = {
  firstIndex: 40,
  timeOrdinal: 7,
  records: arrivals.map((afterMs, i) => ({
    timeMs: START_MS + afterMs,
    key: new TextEncoder().encode("key".repeat(i % 4)),
    info: new Uint8Array(i % 3),
    data: new Uint8Array((i * 13) % 31),
  })),
};
const bytes = packChunk(chunk);
const count = chunk.records.length;

// More records than one table of walked rows holds, so that a walk takes several calls.
const manyBytes = packChunk({
  firstIndex: 0,
  timeOrdinal: 0,
  records: Array.from({ length: 20_000 }, (_, i) => ({
    timeMs: START_MS + Math.floor(i / 7),
    key: new Uint8Array(i % 2).fill(107),
    info: new Uint8Array(0),
    data: new Uint8Array(i % 5),
  })),
});

describe.each(builds)("lookup, $name build", ({ engine }) => {
  test("walk: every range gives the reference's rows", () => {
    for (let from = 0; from < count; from++)
      for (let to = from + 1; to <= count; to++)
        expect([...engine.walk(bytes, from, to)]).toEqual(walkChunk(bytes, from, to));
  });

  test("walk: rows lead to the bytes of each record", () => {
    const rows = engine.walk(bytes, 0, count);
    for (const [i, { key, info, data }] of chunk.records.entries()) {
      const [start, keyBytes, infoBytes, dataBytes] = rows.subarray(i * 5, i * 5 + 4);
      expect([keyBytes, infoBytes, dataBytes]).toEqual([key.length, info.length, data.length]);
      const record = bytes.subarray(start, start! + keyBytes! + infoBytes! + dataBytes!);
      expect(Buffer.compare(record, Buffer.concat([key, info, data]))).toBe(0);
    }
  });

  test("walk and scan: more records than one table holds", () => {
    for (const [from, to] of [
      [0, 20_000],
      [1, 19_999],
      [8191, 8193],
      [19_999, 20_000],
    ] as const) {
      expectBytes(bytesOf(engine.walk(manyBytes, from, to)), rowsOf(manyBytes, from, to));
      expect(engine.scan(manyBytes, from, to)).toEqual(scanChunk(manyBytes, from, to));
    }
  });

  test("scan: every range gives the reference's totals", () => {
    for (let from = 0; from < count; from++)
      for (let to = from + 1; to <= count; to++)
        expect(engine.scan(bytes, from, to)).toEqual(scanChunk(bytes, from, to));
  });

  test("findTime: at, before and after every arrival", () => {
    const ordinals = arrivalOrdinals(chunk);
    for (const [i, { timeMs }] of chunk.records.entries()) {
      expect(engine.findTime(bytes, timeMs, ordinals[i]!)).toBe(i);
      for (const ms of [timeMs - 1, timeMs, timeMs + 1])
        for (const ordinal of [0, ordinals[i]! - 1, ordinals[i]!, ordinals[i]! + 1, 999_999])
          if (ordinal >= 0)
            expect([ms, ordinal, engine.findTime(bytes, ms, ordinal)]).toEqual([
              ms,
              ordinal,
              findTime(bytes, ms, ordinal),
            ]);
    }
  });

  test.each([
    [0, 0, 0],
    [START_MS - 2 ** 33, 0, 0],
    [START_MS, 0, 0],
    [START_MS, 7, 0],
    [START_MS, 8, 1],
    [START_MS, 10, 3],
    [START_MS + 1, 1, 4],
    [START_MS + 999, 2 ** 32 - 1, 6],
    [START_MS + 86_400_000, 0, 10],
    [START_MS + 86_400_000, 1, 11],
    [START_MS + 2 ** 32 - 1, 0, 11],
    [START_MS + 2 ** 32, 0, 11],
    [START_MS + 2 ** 33 + 1, 0, 11],
    [2 ** 53 - 1, 0, 11],
  ])("findTime: %d ms, ordinal %d is record %d", (timeMs, ordinal, record) => {
    expect(findTime(bytes, timeMs, ordinal)).toBe(record);
    expect(engine.findTime(bytes, timeMs, ordinal)).toBe(record);
  });

  test("findTime: among 20,000 records, seven to a millisecond", () => {
    for (const i of [0, 1, 6, 7, 8, 9_999, 10_000, 19_993, 19_999])
      expect(engine.findTime(manyBytes, START_MS + Math.floor(i / 7), i % 7)).toBe(i);
    expect(engine.findTime(manyBytes, START_MS + Math.floor(19_999 / 7), 7)).toBe(20_000);
  });

  test("fit: every start with every bound", () => {
    const total = chunk.records.reduce((sum, record) => sum + payloadBytes(record), 0);
    for (let from = 0; from < count; from++)
      for (const countMax of [1, 2, count, 10_000])
        for (let bytesMax = 0; bytesMax <= total + 1; bytesMax++)
          expect(engine.fit(bytes, from, countMax, bytesMax)).toBe(
            fitRecords(bytes, from, countMax, bytesMax),
          );
  });

  test.each([
    [0, 0, 1],
    [0, 1, 1],
    [19_999, 10_000, 20_000],
    [0, 20_000, 20_000],
    [5, 10_000, 10_005],
  ])("fit: from record %d at most %d ends at %d", (from, countMax, to) => {
    expect(engine.fit(manyBytes, from, countMax, 10 * 2 ** 20)).toBe(to);
  });

  test.each([
    [0, 0],
    [4, 3],
    [-1, 3],
    [0, count + 1],
  ])("records %d to %d are refused", (from, to) => {
    expect(() => engine.walk(bytes, from, to)).toThrow(RangeError);
    expect(() => engine.scan(bytes, from, to)).toThrow(RangeError);
  });
});

function rowsOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return bytesOf(Uint32Array.from(walkChunk(bytes, from, to)));
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
