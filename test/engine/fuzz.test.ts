// The engine against the reference on random chunks: every operation, and the laws that tie the
// operations together. Each round makes its chunk the way the service does, commit by commit.

import { describe, expect } from "vitest";
import { batchOf } from "../../worker/engine/recordBatch.ts";
import {
  findTime,
  fitRecords,
  mergeChunks,
  scanChunk,
  sliceChunk,
  walkChunk,
} from "../reference/operations.ts";
import { collect } from "../../worker/engine/printer.ts";
import { packChunk, packRecords } from "../reference/pack.ts";
import { parseUnstamped } from "../reference/parse.ts";
import { arrivalOrdinals, payloadBytes } from "../reference/record.ts";
import {
  base64,
  hashKeys,
  renderKinesisCbor,
  renderKinesisJson,
  renderV3ioJson,
  renderYandexCbor,
  renderYandexJson,
} from "../reference/render.ts";
import { builds } from "./builds.ts";
import { expectBytes } from "./expect-bytes.ts";
import { fuzz } from "./fuzz.ts";
import { packCommits } from "./pack-by-engine.ts";
import type { Random } from "./random.ts";
import { sampleChunk, sampleRange, sampleRecords, sampleShard } from "./samples.ts";

describe.each(builds)("engine and reference, $name build", ({ engine }) => {
  fuzz("pack", (random) => {
    const records = sampleRecords(random);
    const chunk = engine.pack(batchOf(records));
    expectBytes(chunk, packRecords(records));
    expect(parseUnstamped(chunk).length).toBe(records.length);
  });

  fuzz("packing, stamping and merging in any pieces is packing all at once", (random) => {
    const chunk = sampleChunk(random);
    const whole = packChunk(chunk);
    const parts = packCommits(engine, chunk, sampleCuts(random, chunk.records.length));
    expectBytes(engine.merge(parts), whole);
    expectBytes(mergeChunks(parts), whole);
    const joined = random.below(parts.length);
    const early = parts.slice(0, joined + 1);
    expectBytes(engine.merge([engine.merge(early), ...parts.slice(joined + 1)]), whole);
  });

  fuzz("slicing", (random) => {
    const bytes = packChunk(sampleChunk(random));
    const count = countOf(bytes);
    const [from, to] = sampleRange(random, count);
    const slice = engine.slice(bytes, from, to);
    expectBytes(slice, sliceChunk(bytes, from, to));
    const [a, b] = sampleRange(random, to - from);
    expectBytes(engine.slice(slice, a, b), engine.slice(bytes, from + a, from + b));
  });

  fuzz("slices in a row merge into what they were cut from", (random) => {
    const bytes = packChunk(sampleChunk(random));
    const count = countOf(bytes);
    const ends = [...sampleCuts(random, count), count].toSorted((a, b) => a - b);
    const slices = ends.map((end, i) => engine.slice(bytes, ends[i - 1] ?? 0, end));
    expectBytes(engine.merge(slices), bytes);
  });

  fuzz("walk and scan", (random) => {
    const bytes = packChunk(sampleChunk(random));
    const [from, to] = sampleRange(random, countOf(bytes));
    expect([...engine.walk(bytes, from, to)]).toEqual(walkChunk(bytes, from, to));
    expect(engine.scan(bytes, from, to)).toEqual(scanChunk(bytes, from, to));
  });

  fuzz("find by time", (random) => {
    const chunk = sampleChunk(random);
    const bytes = packChunk(chunk);
    const ordinals = arrivalOrdinals(chunk);
    const firstMs = chunk.records[0]!.timeMs;
    for (let search = 0; search < 8; search++) {
      const i = random.below(chunk.records.length);
      const near = chunk.records[i]!.timeMs + random.pick([-1, 0, 0, 0, 1]);
      const ms = Math.max(0, random.chance(0.8) ? near : firstMs + random.below(2 ** 33));
      const ordinal = Math.max(0, ordinals[i]! + random.pick([-1, 0, 0, 1, 1000]));
      expect(engine.findTime(bytes, ms, ordinal)).toBe(findTime(bytes, ms, ordinal));
    }
  });

  fuzz("fit", (random) => {
    const chunk = sampleChunk(random);
    const bytes = packChunk(chunk);
    const count = chunk.records.length;
    for (let trial = 0; trial < 8; trial++) {
      const [from, to] = sampleRange(random, count);
      const exact = chunk.records.slice(from, to).reduce((sum, r) => sum + payloadBytes(r), 0);
      const bytesMax = Math.max(0, exact + random.pick([-1, 0, 0, 1, 1_000_000]));
      const countMax = random.pick([1, to - from, count, 10_000]);
      const fitted = engine.fit(bytes, from, countMax, bytesMax);
      expect(fitted).toBe(fitRecords(bytes, from, countMax, bytesMax));
    }
  });

  fuzz("Kinesis JSON, as long as measured", (random) => {
    const bytes = packChunk(sampleChunk(random));
    const [from, to] = sampleRange(random, countOf(bytes));
    const shard = sampleShard(random);
    const text = engine.renderKinesisJson(bytes, from, to, shard);
    expectBytes(text, renderKinesisJson(bytes, from, to, shard));
    expect(engine.measureKinesisJson(bytes, from, to)).toBe(text.length);
  });

  fuzz("Kinesis CBOR, as long as measured", (random) => {
    const bytes = packChunk(sampleChunk(random));
    const [from, to] = sampleRange(random, countOf(bytes));
    const shard = sampleShard(random);
    const text = engine.renderKinesisCbor(bytes, from, to, shard);
    expectBytes(text, renderKinesisCbor(bytes, from, to, shard));
    expect(engine.measureKinesisCbor(bytes, from, to)).toBe(text.length);
  });

  fuzz("v3io JSON, as long as measured", (random) => {
    const bytes = packChunk(sampleChunk(random));
    const [from, to] = sampleRange(random, countOf(bytes));
    const text = engine.renderV3ioJson(bytes, from, to);
    expectBytes(text, renderV3ioJson(bytes, from, to));
    expect(engine.measureV3ioJson(bytes, from, to)).toBe(text.length);
  });

  fuzz("Yandex JSON and CBOR, as long as measured", (random) => {
    const bytes = packChunk(sampleChunk(random));
    const [from, to] = sampleRange(random, countOf(bytes));
    const json = engine.yandexJson().render(bytes, from, to);
    expectBytes(json, renderYandexJson(bytes, from, to));
    expect(engine.yandexJson().measureRecords(bytes, from, to)).toBe(json.length);
    const cbor = engine.yandexCbor().render(bytes, from, to);
    expectBytes(cbor, renderYandexCbor(bytes, from, to));
    expect(engine.yandexCbor().measureRecords(bytes, from, to)).toBe(cbor.length);
  });

  fuzz("rendering a slice is rendering that range", (random) => {
    const bytes = packChunk(sampleChunk(random));
    const [from, to] = sampleRange(random, countOf(bytes));
    const shard = sampleShard(random);
    const slice = engine.slice(bytes, from, to);
    const kinesis = engine.renderKinesisJson(slice, 0, to - from, shard);
    expectBytes(kinesis, engine.renderKinesisJson(bytes, from, to, shard));
    const cbor = engine.renderKinesisCbor(slice, 0, to - from, shard);
    expectBytes(cbor, engine.renderKinesisCbor(bytes, from, to, shard));
    const v3io = engine.renderV3ioJson(slice, 0, to - from);
    expectBytes(v3io, engine.renderV3ioJson(bytes, from, to));
  });

  fuzz("a page is its head, its records and its foot", (random) => {
    const shard = sampleShard(random);
    const ranges = Array.from({ length: random.between(0, 4) }, () => {
      const chunk = packChunk(sampleChunk(random));
      const [from, to] = sampleRange(random, countOf(chunk));
      return { chunk, from, to };
    });
    const head = random.bytes(random.below(200));
    const foot = random.bytes(random.below(40));
    const printer = random.pick([
      engine.kinesisJson(shard),
      engine.kinesisCbor(shard),
      engine.v3ioJson(),
      engine.yandexJson(),
      engine.yandexCbor(),
    ]);
    const records = ranges.flatMap(({ chunk, from, to }, i) => [
      i === 0 ? new Uint8Array(0) : printer.separator,
      printer.render(chunk, from, to),
    ]);
    const whole = new Uint8Array(Buffer.concat([head, ...records, foot]));
    expectBytes(collect(printer.print(head, ranges, foot)), whole);
    expect(printer.measure(head, ranges, foot)).toBe(whole.length);
  });

  fuzz("base64 and md5", (random) => {
    const data = random.bytes(random.below(5000)).subarray(random.below(16));
    expectBytes(engine.encodeBase64(data), base64(data));
    const keys = Array.from({ length: random.below(40) }, () => random.bytes(random.below(300)));
    expectBytes(engine.hashKeys(keys), hashKeys(keys));
  });
});

/** Places between records, none to all of them. */
function sampleCuts(random: Random, count: number): Set<number> {
  const density = random.pick([0, 0.1, 0.5, 1]);
  const places = Array.from({ length: count - 1 }, (_, i) => i + 1);
  return new Set(places.filter(() => random.chance(density)));
}

function countOf(chunk: Uint8Array): number {
  return Buffer.from(chunk).readUInt32LE(12);
}
