// What the engine is as a WASM module: it asks nothing of its host, its memory grows at the start or never, its
// exports are those that worker/engine/engine.ts names, and no call leaves a trace that another can see.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hashKeyBytes } from "../../worker/core/hashKey.ts";
import { CHUNK_HEADER_BYTES, chunkFields, columnBytesMax } from "../../worker/engine/chunk.ts";
import { LOCATION_BYTES, MERGE_ROW, SEQUENCE_DIGITS } from "../../worker/engine/engine.ts";
import { ROUTE_FIELDS, RUN_FIELDS } from "../../worker/engine/packer.ts";
import { batchOf, HASH_BYTES, PACK_ROW } from "../../worker/engine/recordBatch.ts";
import {
  bodyCacheBytesMax,
  chunkRecordsMax,
  engineBytes,
  frontBytesMax,
  isolatePendingBytesMax,
  pageMemoryBytesMax,
} from "../../worker/limits.ts";
import { packChunk } from "../reference/pack.ts";
import { type EngineProbe, WALK_FIELDS } from "../support/engineProbe.ts";
import { builds } from "./builds.ts";
import { expectBytes } from "./expect-bytes.ts";
import { Random } from "./random.ts";
import { sampleChunk, sampleRange, sampleShard } from "./samples.ts";

describe.each(builds)("module, $name build", ({ name, module, engine, start }) => {
  test("imports nothing but, to debug, what is told of a failed assert", () => {
    const imports = WebAssembly.Module.imports(module).map(({ name }) => name);
    expect(imports).toEqual(name === "debug" ? ["abort"] : []);
  });

  test("exports what worker/engine/exports.ts names, and nothing else", () => {
    const source = readFileSync(
      join(import.meta.dirname, "../../worker/engine/exports.ts"),
      "utf8",
    );
    const [, members] = /interface EngineExports \{\n(.*?)\n\}/s.exec(source)!;
    const named = [...members!.matchAll(/^ {2}(\w+)(:|\()/gm)].map(([, name]) => name);
    const exported = WebAssembly.Module.exports(module).map(({ name }) => name);
    expect(exported.toSorted(byName)).toEqual(named.toSorted(byName));
  });

  test("its memory is as large as said, and fits the isolate with what the other budgets allow", () => {
    const { memory, HOT } = engine.raw;
    expect(memory.buffer.byteLength).toBe(engineBytes);
    expect(HOT.value).toBe(engineBytes);
    const { PAGES_COUNT, HOT_PAGE_STRIDE, OUTPUT_BYTES, HOT_PAGE_BYTES } = engine.raw;
    expect(HOT_PAGE_BYTES.value).toBe(OUTPUT_BYTES.value);
    expect(HOT_PAGE_STRIDE.value - HOT_PAGE_BYTES.value).toBeGreaterThanOrEqual(65_536);
    const least = engineBytes + PAGES_COUNT.value * HOT_PAGE_STRIDE.value;
    expect(start(1).raw.memory.buffer.byteLength).toBe(least + 65_536);
    expect(start(frontBytesMax).raw.memory.buffer.byteLength).toBe(least + frontBytesMax);
    const budgets = isolatePendingBytesMax + pageMemoryBytesMax + bodyCacheBytesMax;
    expect(engineBytes + budgets).toBeLessThanOrEqual(104 * 2 ** 20);
  });

  test("its windows lie apart, inside the memory, those that are run past with slack between them", () => {
    const { raw } = engine;
    const slack = raw.SLACK.value;
    expect(slack).toBeGreaterThanOrEqual(64);
    const pages = Array.from(
      { length: raw.PAGES_COUNT.value },
      (_, i) => raw.PAGES.value + i * raw.PAGE_STRIDE.value,
    );
    const windows: [number, number][] = [
      [raw.INPUT.value, raw.INPUT_BYTES.value + slack],
      [raw.OUTPUT.value, raw.OUTPUT_BYTES.value + slack],
      [raw.TABLE.value, raw.TABLE_BYTES.value + slack],
      ...pages.map((page): [number, number] => [page, raw.PAGE_BYTES.value + slack]),
      [raw.RESULT.value, raw.RESULT_BYTES.value],
    ];
    const ordered = windows.toSorted(([a], [b]) => a - b);
    for (const [i, [from, length]] of ordered.entries()) {
      const next = ordered[i + 1]?.[0] ?? raw.memory.buffer.byteLength;
      expect(from + length).toBeLessThanOrEqual(next);
    }
  });

  test("its parts of a window lie apart, inside of it", () => {
    const { raw } = engine;
    const records = raw.PACK_RECORDS_MAX.value;
    const columns = raw.PACK_PAYLOAD.value - raw.INPUT.value;
    expect(columns).toBeGreaterThanOrEqual(raw.HEADER_BYTES.value + records * columnBytesMax);
    expect(raw.ROUTES.value - raw.OUTPUT.value).toBe(records * raw.HASH_BYTES.value);
    const routesEnd = raw.ROUTES.value + raw.ROUTES_MAX.value * raw.ROUTE_BYTES.value;
    expect(routesEnd).toBeLessThanOrEqual(raw.OUTPUT.value + raw.OUTPUT_BYTES.value);
    const tableEnd = raw.TABLE.value + raw.TABLE_BYTES.value;
    expect(raw.RUNS.value).toBeGreaterThanOrEqual(
      raw.TABLE.value + records * raw.PACK_ROW_BYTES.value,
    );
    expect(raw.RUNS.value + records * raw.RUN_BYTES.value).toBeLessThanOrEqual(tableEnd);
    expect(records).toBe(chunkRecordsMax);
  });

  test("JavaScript has the same sizes and places", () => {
    const { raw } = engine;
    const wordBytes = 4;
    const numbers: [WebAssembly.Global, number][] = [
      [raw.PACK_ROW_BYTES, PACK_ROW * wordBytes],
      [raw.RANGE_BYTES, MERGE_ROW * wordBytes],
      [raw.ROUTE_BYTES, ROUTE_FIELDS * wordBytes],
      [raw.RUN_BYTES, RUN_FIELDS * wordBytes],
      [raw.WALK_FIELDS, WALK_FIELDS],
      [raw.HASH_BYTES, HASH_BYTES],
      [raw.HASH_BYTES, hashKeyBytes],
      [raw.LOCATION_BYTES, LOCATION_BYTES],
      [raw.SEQUENCE_BYTES, SEQUENCE_DIGITS],
      [raw.HEADER_BYTES, CHUNK_HEADER_BYTES],
      [raw.COUNT_AT, chunkFields.count],
      [raw.FIRST_INDEX_AT, chunkFields.firstIndex],
      [raw.TIME_AT, chunkFields.time],
      [raw.ORDINAL_AT, chunkFields.ordinal],
      [raw.STRIDE_AT, chunkFields.stride],
      [raw.PAYLOAD_BYTES_AT, chunkFields.payloadBytes],
      [raw.BODY_CRC_AT, chunkFields.bodyCrc],
      [raw.HEADER_CRC_AT, chunkFields.headerCrc],
    ];
    expect(numbers.map(([, known]) => known)).toEqual(numbers.map(([{ value }]) => value));
  });

  test("operations in any order, twice, over whatever others left behind: the same answers", () => {
    const random = new Random(8);
    const operations = Array.from({ length: 300 }, () => makeOperation(random));
    const fresh = operations.map((run) => run(engine));
    const other = start();
    new Uint8Array(other.raw.memory.buffer, other.raw.INPUT.value).fill(0xff, 0, 2 ** 21);
    new Uint8Array(other.raw.memory.buffer, other.raw.OUTPUT.value).fill(0xff, 0, 2 ** 22);
    const order = operations.map((_, i) => i).toSorted(() => random.word() - 2 ** 31);
    for (const i of [...order, ...order.toReversed()])
      expectBytes(operations[i]!(other), fresh[i]!);
  });
});

function byName(a = "", b = ""): number {
  return a < b ? -1 : Number(a > b);
}

/** A random operation on random input; its answer as bytes. */
function makeOperation(random: Random): (engine: EngineProbe) => Uint8Array {
  const chunk = sampleChunk(random);
  const bytes = packChunk(chunk);
  const { records } = chunk;
  const [from, to] = sampleRange(random, records.length);
  const shard = sampleShard(random);
  const parts = packChunk({ ...chunk, firstIndex: 0, timeOrdinal: 0 });
  return random.pick<(engine: EngineProbe) => Uint8Array>([
    (engine) => engine.pack(batchOf(records.slice(from, to))),
    (engine) => engine.slice(bytes, from, to),
    (engine) => engine.merge([parts]),
    (engine) => new Uint8Array(engine.walk(bytes, from, to).buffer),
    (engine) => Buffer.from(JSON.stringify(engine.scan(bytes, from, to))),
    (engine) => Buffer.of(engine.findTime(bytes, records[from]!.timeMs, 1) & 0xff),
    (engine) => Buffer.of(engine.fit(bytes, from, 100, 3000) & 0xff),
    (engine) => Buffer.from(String(engine.measureKinesisJson(bytes, from, to))),
    (engine) => engine.renderKinesisJson(bytes, from, to, shard),
    (engine) => Buffer.from(String(engine.measureKinesisCbor(bytes, from, to))),
    (engine) => engine.renderKinesisCbor(bytes, from, to, shard),
    (engine) => Buffer.from(String(engine.measureV3ioJson(bytes, from, to))),
    (engine) => engine.renderV3ioJson(bytes, from, to),
    (engine) => engine.hashKeys(records.map(({ key }) => key)),
    (engine) => engine.encodeBase64(records[from]!.data),
    (engine) => engine.encodeLocation({ segment: from, index: chunk.firstIndex }),
    (engine) => Buffer.from(JSON.stringify(engine.decodeLocation(bytes.subarray(0, 16)) ?? null)),
  ]);
}
