// Records too large for the engine's windows. A chunk beyond the window holds exactly one
// record, up to ten megabytes of data, and every operation takes it like any other chunk; text
// that does not fit the output window comes in pieces and joins without a seam.

import { describe, expect, test } from "vitest";
import type { EngineProbe } from "../support/engineProbe.ts";
import type { TextParts } from "../../worker/engine/printer.ts";
import { batchOf } from "../../worker/engine/recordBatch.ts";
import { stampChunk, verifyBody } from "../../worker/engine/chunk.ts";
import { findTime, fitRecords, scanChunk, walkChunk } from "../reference/operations.ts";
import { packChunk } from "../reference/pack.ts";
import type { ModelChunk } from "../reference/record.ts";
import {
  renderKinesisCbor,
  renderKinesisJson,
  renderV3ioJson,
  renderYandexCbor,
  renderYandexJson,
} from "../reference/render.ts";
import { builds } from "./builds.ts";
import { expectBytes } from "./expect-bytes.ts";
import { packByEngine } from "./pack-by-engine.ts";
import { Random } from "./random.ts";

const SHARD = { createdMs: 1_542_776_258_000, index: 4095 };
const TIME_MS = 1_545_084_650_987;
const MIB = 2 ** 20;
const random = new Random(7);
const data = random.bytes(10 * MIB);

describe.each(builds)("large records, $name build", ({ engine }) => {
  const edges = [engine.packBytesMax, engine.windowBytes - 56, engine.windowBytes, 3 * MIB];
  const sizes = edges.flatMap((edge) => [-1, 0, 1, 16].map((delta) => edge + delta));

  test.each([MIB, 2 * MIB, ...sizes, 10 * MIB - 1, 10 * MIB])("data of %d bytes", (dataBytes) => {
    expectSameAnswers(engine, makeChunk("key", "info", dataBytes));
  });

  test("a long key full of escapes and client info beside 10 MiB, and neither", () => {
    expectSameAnswers(engine, makeChunk('"\\\u0001😀'.repeat(64), "sixteen bytes ok", 10 * MIB));
    expectSameAnswers(engine, makeChunk("", "", 10 * MIB));
  });

  test("a full window of records renders in pieces", () => {
    for (const dataBytes of [0, 1, 30, 1000, 60_000]) {
      const recordBytes = dataBytes + 2;
      const count = Math.min(8000, Math.floor(engine.packBytesMax / recordBytes));
      const records = Array.from({ length: count }, (_, i) => ({
        key: random.bytes(2).map((byte) => byte & 0x7f),
        info: new Uint8Array(0),
        data: data.subarray(i, i + dataBytes),
        timeMs: TIME_MS,
      }));
      const chunk = { firstIndex: 2 ** 32 - 10, timeOrdinal: 0, records };
      const bytes = packByEngine(engine, chunk);
      expectBytes(bytes, packChunk(chunk));
      expectSameText(engine, bytes, 0, count);
    }
  });

  test("keys of escapes alone, six characters each, beyond the output window", () => {
    for (const keyBytes of [300, 1000, 1024]) {
      const bytes = packByEngine(engine, makeEscapes(keyBytes, 2000));
      expectSameText(engine, bytes, 0, 2000);
      expectSameText(engine, bytes, 1, 1999);
    }
  });

  test("a page that fits the output window to the last byte is one part; a longer one is whole in two", () => {
    const printer = engine.kinesisCbor(SHARD);
    const chunk = packByEngine(engine, makeChunk("key", "", MIB));
    const records = printer.render(chunk, 0, 1);
    const ranges = [0, 1, 2].map(() => ({ chunk, from: 0, to: 1 }));
    const room = engine.raw.OUTPUT_BYTES.value - 3 * records.length;
    const head = data.subarray(0, room - 100);
    const foot = data.subarray(0, 100);
    const whole = new Uint8Array(Buffer.concat([head, records, records, records, foot]));
    expectParts(engine, printer.print(head, ranges, foot), whole, 1);
    const longer = data.subarray(0, 101);
    const wholeLonger = new Uint8Array(Buffer.concat([head, records, records, records, longer]));
    expectParts(engine, printer.print(head, ranges, longer), wholeLonger, 2);
    const pushed = new Uint8Array(Buffer.concat([longer, head, records, records, records, foot]));
    expectParts(
      engine,
      printer.print(pushed.subarray(0, head.length + 101), ranges, foot),
      pushed,
      2,
    );
  });

  test("a piece ends inside the output window: what lies around it is untouched", () => {
    for (const keyBytes of [300, 1000, 1024]) {
      const bytes = packByEngine(engine, makeEscapes(keyBytes, 2000));
      const { raw } = engine;
      const [output, end] = [raw.OUTPUT.value, raw.OUTPUT.value + raw.OUTPUT_BYTES.value];
      const table = windowOf(engine, raw.TABLE, raw.TABLE_BYTES).fill(0xa5);
      const [tableBefore, address] = [table.slice(), engine.load(bytes)];
      const input = windowOf(engine, raw.INPUT, raw.INPUT_BYTES);
      const inputBefore = input.slice();
      for (let from = 0; from < 8; from++) {
        // The beginning of the window is taken, so that a piece ends at its end with any format.
        const at = end - 200_000;
        expect(raw.renderKinesis(address, from, 2000, 1, output, 0, 0, 0, 0)).toBeLessThan(end);
        expect(raw.renderKinesis(address, from, 2000, 1, at, 0, 0, 1, 0)).toBeLessThan(end);
        expect(raw.renderKinesisCbor(address, from, 2000, at, 0, 0, 1, 0)).toBeLessThan(end);
        expect(raw.renderV3io(address, from, 2000, 1, output)).toBeLessThan(end);
        expect(raw.renderV3io(address, from, 2000, 1, at)).toBeLessThan(end);
        expect(raw.renderYandex(address, from, 2000, 1, at)).toBeLessThan(end);
        expect(raw.renderYandexCbor(address, from, 2000, at)).toBeLessThan(end);
      }
      expectBytes(table, tableBefore);
      expectBytes(input, inputBefore);
    }
  });

  test("a text ends inside the page that it is printed into: what lies around it is untouched", () => {
    const { raw } = engine;
    const count: number = raw.PAGES_COUNT.value;
    const [bytesMax, stride] = [raw.PAGE_BYTES.value, raw.PAGE_STRIDE.value];
    const address = engine.load(packByEngine(engine, makeEscapes(1000, 2000)));
    const around = windowOf(engine, raw.OUTPUT, raw.OUTPUT_BYTES).fill(0xa5);
    const pages = new Uint8Array(raw.memory.buffer, raw.PAGES.value, count * stride);
    for (let i = 0; i < count; i++) {
      const start = raw.PAGES.value + i * stride;
      const end = start + bytesMax;
      const prints: ((at: number) => number)[] = [
        (at) => raw.renderKinesis(address, 0, 2000, 1, at, 0, 0, 1, 0),
        (at) => raw.renderKinesisCbor(address, 0, 2000, at, 0, 0, 1, 0),
        (at) => raw.renderV3io(address, 0, 2000, 1, at),
        (at) => raw.renderYandex(address, 0, 2000, 1, at),
        (at) => raw.renderYandexCbor(address, 0, 2000, at),
      ];
      for (const print of prints) {
        for (const at of [start, end - 20_000, end - 100, end]) {
          pages.fill(0x5a);
          const stopped = print(at);
          expect(stopped).toBeGreaterThanOrEqual(at);
          expect(stopped).toBeLessThanOrEqual(end);
          const before = pages.subarray(0, at - raw.PAGES.value);
          const behind = pages.subarray(end + raw.SLACK.value - raw.PAGES.value);
          for (const other of [before, behind])
            expect(other.findIndex((byte) => byte !== 0x5a)).toBe(-1);
        }
      }
    }
    expect(around.every((byte) => byte === 0xa5)).toBe(true);
  });
});

function makeChunk(key: string, info: string, dataBytes: number): ModelChunk {
  const encoder = new TextEncoder();
  const record = {
    key: encoder.encode(key),
    info: encoder.encode(info),
    data: data.subarray(0, dataBytes),
    timeMs: TIME_MS,
  };
  return { firstIndex: 2 ** 50 - 1, timeOrdinal: 12, records: [record] };
}

/** Records whose keys are all control characters. */
function makeEscapes(keyBytes: number, count: number): ModelChunk {
  const key = new Uint8Array(keyBytes).fill(1);
  const record = { key, info: new Uint8Array(0), data: new Uint8Array(0), timeMs: TIME_MS };
  return { firstIndex: 0, timeOrdinal: 0, records: Array.from({ length: count }, () => record) };
}

function windowOf(
  { raw }: EngineProbe,
  at: WebAssembly.Global,
  bytes: WebAssembly.Global,
): Uint8Array {
  return new Uint8Array(raw.memory.buffer, at.value, bytes.value);
}

function expectSameAnswers(engine: EngineProbe, chunk: ModelChunk): void {
  const bytes = engine.pack(batchOf(chunk.records));
  const { firstIndex, timeOrdinal } = chunk;
  stampChunk(bytes, { firstIndex, timeMs: TIME_MS, timeOrdinal });
  expectBytes(bytes, packChunk(chunk));
  expect(verifyBody(bytes, "0-any").count).toBe(1);
  expectBytes(engine.slice(bytes, 0, 1), bytes);
  expect([...engine.walk(bytes, 0, 1)]).toEqual(walkChunk(bytes, 0, 1));
  expect(engine.scan(bytes, 0, 1)).toEqual(scanChunk(bytes, 0, 1));
  expect(engine.fit(bytes, 0, 10_000, MIB)).toBe(fitRecords(bytes, 0, 10_000, MIB));
  for (const [ms, ordinal] of [
    [TIME_MS, 12],
    [TIME_MS, 13],
    [TIME_MS - 1, 0],
    [TIME_MS + 1, 0],
  ] as const)
    expect(engine.findTime(bytes, ms, ordinal)).toBe(findTime(bytes, ms, ordinal));
  expectSameText(engine, bytes, 0, 1);
}

function expectSameText(engine: EngineProbe, bytes: Uint8Array, from: number, to: number): void {
  const kinesis = engine.renderKinesisJson(bytes, from, to, SHARD);
  expectBytes(kinesis, renderKinesisJson(bytes, from, to, SHARD));
  expect(engine.measureKinesisJson(bytes, from, to)).toBe(kinesis.length);
  const cbor = engine.renderKinesisCbor(bytes, from, to, SHARD);
  expectBytes(cbor, renderKinesisCbor(bytes, from, to, SHARD));
  expect(engine.measureKinesisCbor(bytes, from, to)).toBe(cbor.length);
  const v3io = engine.renderV3ioJson(bytes, from, to);
  expectBytes(v3io, renderV3ioJson(bytes, from, to));
  expect(engine.measureV3ioJson(bytes, from, to)).toBe(v3io.length);
  const yandex = engine.yandexJson().render(bytes, from, to);
  expectBytes(yandex, renderYandexJson(bytes, from, to));
  expect(engine.yandexJson().measureRecords(bytes, from, to)).toBe(yandex.length);
  const yandexCbor = engine.yandexCbor().render(bytes, from, to);
  expectBytes(yandexCbor, renderYandexCbor(bytes, from, to));
  expect(engine.yandexCbor().measureRecords(bytes, from, to)).toBe(yandexCbor.length);
}

/** The text is so many parts, though somebody else uses the engine after each of them. */
function expectParts(
  engine: EngineProbe,
  parts: TextParts,
  whole: Uint8Array,
  count: number,
): void {
  const texts: Uint8Array[] = [];
  for (const part of parts) {
    texts.push(part.slice());
    engine.encodeBase64(whole.subarray(0, 1000));
  }
  expectBytes(new Uint8Array(Buffer.concat(texts)), whole);
  expect(texts.length).toBe(count);
}
