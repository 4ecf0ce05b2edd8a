// What the engine is as a WASM module: it asks nothing of its host, its memory never grows, its
// exports are those that worker/engine/engine.ts names, and no call leaves a trace that another can see.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Engine } from "../../worker/engine/engine.ts";
import { batchOf } from "../../worker/engine/recordBatch.ts";
import { packChunk } from "../reference/pack.ts";
import { builds } from "./builds.ts";
import { expectBytes } from "./expect-bytes.ts";
import { Random } from "./random.ts";
import { sampleChunk, sampleRange, sampleShard } from "./samples.ts";

describe.each(builds)("module, $name build", ({ module, engine }) => {
  test("imports nothing", () => {
    expect(WebAssembly.Module.imports(module)).toEqual([]);
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

  test("its memory never grows", () => {
    const { memory } = engine.raw;
    expect(() => memory.grow(1)).toThrow(RangeError);
    expect(memory.buffer.byteLength).toBeLessThanOrEqual(8 * 2 ** 20);
  });

  test("its windows lie apart, inside the memory", () => {
    const { INPUT, INPUT_BYTES, OUTPUT, OUTPUT_BYTES, TABLE, TABLE_BYTES, RESULT } = engine.raw;
    const windows: [number, number][] = [
      [INPUT.value, INPUT_BYTES.value],
      [OUTPUT.value, OUTPUT_BYTES.value],
      [TABLE.value, TABLE_BYTES.value],
      [RESULT.value, 64],
    ];
    const ordered = windows.toSorted(([a], [b]) => a - b);
    for (const [i, [start, length]] of ordered.entries()) {
      const next = ordered[i + 1]?.[0] ?? engine.raw.memory.buffer.byteLength;
      expect(start + length).toBeLessThanOrEqual(next);
    }
  });

  test("operations in any order, twice, over whatever others left behind: the same answers", () => {
    const random = new Random(8);
    const operations = Array.from({ length: 300 }, () => makeOperation(random));
    const fresh = operations.map((run) => run(engine));
    const other = new Engine(module);
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
function makeOperation(random: Random): (engine: Engine) => Uint8Array {
  const chunk = sampleChunk(random);
  const bytes = packChunk(chunk);
  const { records } = chunk;
  const [from, to] = sampleRange(random, records.length);
  const shard = sampleShard(random);
  const parts = packChunk({ ...chunk, firstIndex: 0, timeOrdinal: 0 });
  return random.pick<(engine: Engine) => Uint8Array>([
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
