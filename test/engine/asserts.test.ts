// The debug build stops with a message where a call does not keep to what the engine asks of it, whichever
// export it goes to. The release build has no such checks.

import { describe, expect, test } from "vitest";
import type { EngineExports } from "../../worker/engine/exports.ts";
import { batchOf } from "../../worker/engine/recordBatch.ts";
import { packChunk } from "../reference/pack.ts";
import { builds } from "./builds.ts";
import { Random } from "./random.ts";
import { sampleChunk } from "./samples.ts";

const [debug, release] = builds;
const random = new Random(41);
const bytes = packChunk({ ...sampleChunk(random), firstIndex: 0, timeOrdinal: 0 });
const count = new DataView(bytes.buffer, bytes.byteOffset).getUint32(12, true);

/** The chunk in the input window; returns its address. */
function lay({ memory, INPUT }: EngineExports, change?: (chunk: DataView) => void): number {
  new Uint8Array(memory.buffer).set(bytes, INPUT.value);
  change?.(new DataView(memory.buffer, INPUT.value));
  return INPUT.value;
}

/** Words in TABLE. */
function setRows({ memory, TABLE }: EngineExports, rows: readonly number[]): void {
  new Uint32Array(memory.buffer, TABLE.value).set(rows);
}

const ranged: [
  name: string,
  (raw: EngineExports, chunk: number, from: number, to: number) => void,
][] = [
  ["walkRecords", (raw, chunk, from, to) => raw.walkRecords(chunk, from, to)],
  ["scanRecords", (raw, chunk, from, to) => raw.scanRecords(chunk, from, to)],
  ["measureKinesis", (raw, chunk, from, to) => raw.measureKinesis(chunk, from, to, 0)],
  ["measureKinesisCbor", (raw, chunk, from, to) => raw.measureKinesisCbor(chunk, from, to, 0)],
  ["measureV3io", (raw, chunk, from, to) => raw.measureV3io(chunk, from, to)],
  ["measureYandex", (raw, chunk, from, to) => raw.measureYandex(chunk, from, to)],
  ["measureYandexCbor", (raw, chunk, from, to) => raw.measureYandexCbor(chunk, from, to)],
  ["renderKinesis", (raw, c, from, to) => raw.renderKinesis(c, from, to, 0, out(raw), 1, 0, 0, 0)],
  [
    "renderKinesisCbor",
    (raw, c, from, to) => raw.renderKinesisCbor(c, from, to, out(raw), 1, 0, 0, 0),
  ],
  ["renderV3io", (raw, chunk, from, to) => raw.renderV3io(chunk, from, to, 0, out(raw))],
  ["renderYandex", (raw, chunk, from, to) => raw.renderYandex(chunk, from, to, 0, out(raw))],
  ["renderYandexCbor", (raw, chunk, from, to) => raw.renderYandexCbor(chunk, from, to, out(raw))],
  [
    "mergeRanges",
    (raw, chunk, from, to) => {
      setRows(raw, [chunk, from, to]);
      raw.mergeRanges(raw.TABLE.value, 1);
    },
  ],
];

function out({ OUTPUT }: EngineExports): number {
  return OUTPUT.value;
}

describe.each(ranged)("%s, debug build", (_name, run) => {
  const { raw } = debug!.start();

  test("takes all records of a chunk", () => {
    expect(() => run(raw, lay(raw), 0, count)).not.toThrow();
  });

  test("takes no record that the chunk does not have", () => {
    expect(() => run(raw, lay(raw), 0, count + 1)).toThrow(/outside of the chunk/);
  });

  test("takes no empty range", () => {
    expect(() => run(raw, lay(raw), 1, 1)).toThrow(/without records/);
  });

  test.each([
    ["other bytes", (chunk: DataView) => chunk.setUint32(0, 0), /no chunk/],
    ["a width of five", (chunk: DataView) => chunk.setUint8(5, 5), /too wide/],
    ["a key's width of three", (chunk: DataView) => chunk.setUint8(6, 3), /too wide/],
    [
      "more records than the window",
      (chunk: DataView) => chunk.setUint32(12, 2 ** 31, true),
      /window/,
    ],
  ])("takes no %s", (_what, change, message) => {
    expect(() => run(raw, lay(raw, change), 0, 1)).toThrow(message);
  });
});

describe("asserts, debug build", () => {
  const { raw } = debug!.start();

  test.each<[string, () => void, RegExp]>([
    ["a record to locate", () => raw.locateRecord(lay(raw), count), /outside of the chunk/],
    ["a record to fit from", () => raw.fitRecords(lay(raw), count, 1, 1), /outside of the chunk/],
    ["a chunk elsewhere", () => raw.findTime(raw.OUTPUT.value, 0n, 0), /elsewhere/],
    ["no records to pack", () => raw.packRows(0), /no records/],
    ["one record too many", () => raw.packRows(raw.PACK_RECORDS_MAX.value + 1), /too many/],
    ["one route too many", () => raw.routeRecords(1, raw.ROUTES_MAX.value + 1), /too many/],
    ["no routes", () => raw.packRoutes(1, 0), /no routes/],
    ["keys of too many records", () => raw.hashRecords(raw.PACK_RECORDS_MAX.value + 1), /too many/],
    ["a body as long as the window", () => raw.readPutJson(raw.OUTPUT_BYTES.value, 0, 1), /window/],
    ["a CBOR body of that length", () => raw.readPutCbor(raw.OUTPUT_BYTES.value, 0, 1), /window/],
    ["bodies of too many records", () => raw.readPutJson(2, 0, 100_000), /more records/],
    ["text longer than its window", () => raw.encodeText(raw.INPUT_BYTES.value + 1), /window/],
    ["an index that is none", () => raw.encodeLocation(0, 0.5), /no index/],
    ["an index of 2^50", () => raw.encodeLocation(0, 2 ** 50), /no index/],
    ["numbers beyond the window", () => raw.printSequences(2 ** 20, 56, 0, 1, 0, 0, 1), /window/],
    ["a number beyond its text", () => raw.printSequences(1, 56, 1, 1, 0, 0, 1), /outside/],
    ["merging no ranges", () => raw.mergeRanges(raw.TABLE.value, 0), /rows elsewhere/],
    ["rows elsewhere", () => raw.mergeRanges(raw.INPUT.value, 1), /rows elsewhere/],
  ])("%s", (_what, run, message) => {
    expect(run).toThrow(message);
  });

  test("a route that is not there", () => {
    setRows(raw, [0, 0, 0, 2]);
    expect(() => raw.packRoutes(1, 2)).toThrow(/a route that is not there/);
  });

  test("a key longer than its column can say", () => {
    setRows(raw, [2 ** 16, 0, 0, 0]);
    expect(() => raw.packRows(1)).toThrow(/a key too long/);
  });

  test("payload that ends outside of the window", () => {
    setRows(raw, [0, 0, raw.INPUT_BYTES.value, 0]);
    expect(() => raw.packRows(1)).toThrow(/a payload outside/);
  });

  test("chunks to be merged whose indexes have a gap", () => {
    const chunk = lay(raw);
    setRows(raw, [chunk, 0, 1, chunk, 0, 1]);
    expect(() => raw.mergeRanges(raw.TABLE.value, 2)).toThrow(/a gap/);
  });

  test("the message says where", () => {
    expect(() => raw.packRows(0)).toThrow(/\(assembly\/pack\.ts:\d+\)$/);
  });
});

test.each(builds)("$name: printNumbers refuses what its window cannot hold", ({ engine }) => {
  const none = new Uint8Array(0);
  const print = (count: number, before = none): Uint8Array =>
    engine.printNumbers({ createdMs: 0, index: 0 }, 0, count, 0, before, none);
  const { value: windowBytes } = engine.raw.OUTPUT_BYTES;
  const most = Math.floor(windowBytes / 56);
  expect(print(most)).toHaveLength(most * 56);
  expect(() => print(most + 1)).toThrow(RangeError);
  expect(() => print(0)).toThrow(RangeError);
  expect(print(1, new Uint8Array(windowBytes - 56))).toHaveLength(windowBytes);
  expect(() => print(1, new Uint8Array(windowBytes - 55))).toThrow(RangeError);
});

test("the release build has none of it", () => {
  const { raw, module } = { raw: release!.engine.raw, module: release!.module };
  expect(() => raw.encodeLocation(0, 0.5)).not.toThrow();
  expect(WebAssembly.Module.imports(module)).toEqual([]);
  expect(
    release!.engine.pack(
      batchOf([{ key: bytes.subarray(0, 3), info: bytes.subarray(0, 0), data: bytes }]),
    ),
  ).toBeInstanceOf(Uint8Array);
});
