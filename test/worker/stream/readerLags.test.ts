// How far behind readers were is told for a minute, and the furthest behind of those that look the same.

import { expect, test } from "vitest";
import { lagReadersMax } from "../../../worker/limits.ts";
import { ReaderLags } from "../../../worker/stream/readerLags.ts";
import type { Page } from "../../../worker/stream/reader.ts";

const startMs = 1_700_000_000_000;
const kinesis = { dialect: "kinesis" } as const;

/** A page that leaves its reader so many records behind, the last of which arrived then. */
function page(behindRecords: number, lastTimeMs?: number): Page {
  return {
    runs: [],
    next: { segment: 0, index: 100 - behindRecords },
    lastSegment: 0,
    view: {
      nextIndex: 100,
      lastTimeMs: startMs,
      firstIndex: 0,
      firstSegment: 0,
      segment: 0,
      tieredSegment: 0,
      tailIndex: 0,
      retentionMs: 86_400_000,
      floorMs: 0,
    },
    lastTimeMs,
  };
}

test("a reader at the end is not behind, however old the last record is", () => {
  const lags = new ReaderLags();
  lags.note("shard", kinesis, page(0, startMs - 5000), startMs);
  expect(lags.of("shard", startMs)).toEqual([
    { dialect: "kinesis", behindMs: 0, behindRecords: 0 },
  ]);
});

test("a reader that is behind is so by the age of its last record, or of the newest without one", () => {
  const lags = new ReaderLags();
  lags.note("a", kinesis, page(7, startMs - 5000), startMs);
  lags.note("b", kinesis, page(7), startMs + 20);
  expect(lags.of("a", startMs)).toEqual([{ dialect: "kinesis", behindMs: 5000, behindRecords: 7 }]);
  expect(lags.of("b", startMs + 20)).toEqual([
    { dialect: "kinesis", behindMs: 20, behindRecords: 7 },
  ]);
});

test("of readers that look the same the furthest behind counts, for half a minute to a minute", () => {
  const lags = new ReaderLags();
  lags.note("shard", kinesis, page(50, startMs - 9000), startMs);
  lags.note("shard", kinesis, page(0), startMs + 1000);
  const behind = () => lags.of("shard", startMs + 31_000)[0]?.behindRecords;
  expect(behind()).toBe(50);
  lags.note("shard", kinesis, page(0), startMs + 31_000);
  expect(behind()).toBe(50);
  lags.note("shard", kinesis, page(0), startMs + 62_000);
  expect(lags.of("shard", startMs + 62_000)).toEqual([
    { dialect: "kinesis", behindMs: 0, behindRecords: 0 },
  ]);
});

test("a lag before a pause of a minute is not counted after it", () => {
  const lags = new ReaderLags();
  lags.note("shard", kinesis, page(50, startMs), startMs);
  lags.note("shard", kinesis, page(1, startMs), startMs + 60_000);
  expect(lags.of("shard", startMs + 60_000)[0]?.behindRecords).toBe(1);
});

test("whoever stopped reading is not told any more", () => {
  const lags = new ReaderLags();
  lags.note("shard", kinesis, page(50, startMs), startMs);
  expect(lags.of("shard", startMs + 59_999)).toHaveLength(1);
  expect(lags.of("shard", startMs + 60_000)).toEqual([]);
});

test("consumers are told apart, and so many that memory has a bound", () => {
  const lags = new ReaderLags();
  for (let i = 0; i < lagReadersMax + 10; i++) {
    lags.note("shard", { dialect: "kinesis", consumer: `c-${i}` }, page(i, startMs), startMs);
  }
  expect(lags.of("shard", startMs)).toHaveLength(lagReadersMax);
  const late = { dialect: "kinesis", consumer: "late" } as const;
  lags.note("shard", late, page(3, startMs), startMs + 60_000);
  expect(lags.of("shard", startMs + 60_000)).toEqual([
    { ...late, behindMs: 60_000, behindRecords: 3 },
  ]);
});
