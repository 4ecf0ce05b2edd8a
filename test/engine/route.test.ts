// Records sent to shards: every record is in the chunk of the route that its hash, or whoever placed it,
// says, in its order; and each chunk is what packing those records alone gives.

import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { batchOf, partsOf, type RecordPut, selectBatch } from "../../worker/engine/recordBatch.ts";
import { packRecords } from "../reference/pack.ts";
import { hashKeys } from "../reference/render.ts";
import { builds } from "./builds.ts";
import { expectBytes } from "./expect-bytes.ts";
import { fuzz } from "./fuzz.ts";
import type { Random } from "./random.ts";
import { sampleRecords } from "./samples.ts";

const SPACE = 2n ** 128n;
const encoder = new TextEncoder();
const nothing = new Uint8Array(0);
const first = (): number => 0;

describe.each(builds)("routes, $name build", ({ engine }) => {
  fuzz("records go where their hashes belong, into the chunks that they alone make", (random) => {
    const puts = samplePuts(random);
    const starts = sampleStarts(random);
    const place = (shard: number): number => shard % starts.length;
    const { routes, chunks } = engine.packRouted(batchOf(puts), wordsOf(starts), place);
    const expected = puts.map((put) =>
      put.shard === undefined ? routeOf(starts, hashOf(put)) : place(put.shard),
    );
    expect([...routes]).toEqual(expected);
    const used = [...new Set(expected)].toSorted((a, b) => a - b);
    expect(chunks.map(({ route }) => route)).toEqual(used);
    for (const { route, chunk, count } of chunks) {
      const ours = puts.filter((_, i) => expected[i] === route);
      expect(count).toBe(ours.length);
      expectBytes(chunk, packRecords(ours));
    }
  });

  test("a hash that is a route's first belongs to it, one less to the route before", () => {
    const starts = [0n, 1n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 127n, SPACE - 1n];
    const hashes = [...starts, ...starts.slice(1).map((start) => start - 1n)];
    const puts = hashes.map((hash) => hashed("k", hash));
    const { routes } = engine.packRouted(batchOf(puts), wordsOf(starts), first);
    expect([...routes]).toEqual([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4]);
  });

  test("a record that names its shard is placed by its number and hash", () => {
    const put = { ...plain("k"), shard: 41 };
    const seen: [number, string][] = [];
    const starts = wordsOf([0n, 2n ** 127n]);
    engine.packRouted(batchOf([plain("a"), put]), starts, (shard, hash) => {
      seen.push([shard, Buffer.from(hash).toString("hex")]);
      return 1;
    });
    expect(seen).toEqual([[41, Buffer.from(hashKeys([put.key])).toString("hex")]]);
  });

  test("as many routes and records as there may be, each record alone", () => {
    const count = engine.raw.PACK_RECORDS_MAX.value as number;
    const width = SPACE / BigInt(count);
    const starts = Array.from({ length: count }, (_, i) => width * BigInt(i));
    const puts = starts.map((start, i) => hashed(`${i}`, start));
    const batch = batchOf(puts.toReversed());
    const { routes, chunks } = engine.packRouted(batch, wordsOf(starts), first);
    expect([...routes]).toEqual(starts.map((_, i) => count - 1 - i));
    expect(chunks.length).toBe(count);
    for (const i of [0, 1, count - 1]) expectBytes(chunks[i]!.chunk, packRecords([puts[i]!]));
  });

  test("a record beyond the window is routed like any other", () => {
    const put = { ...plain("a large one"), data: new Uint8Array(3_000_000).fill(7) };
    const starts = wordsOf([0n, hashOf(put)]);
    const { routes, chunks } = engine.packRouted(batchOf([put]), starts, first);
    expect([...routes]).toEqual([1]);
    expectBytes(chunks[0]!.chunk, packRecords([put]));
  });

  test("what does not fit is refused", () => {
    const half = { ...plain("k"), data: new Uint8Array(engine.packBytesMax / 2) };
    const one = batchOf([plain("k")]);
    const whole = wordsOf([0n]);
    const tooMany = new Uint32Array((engine.raw.ROUTES_MAX.value + 1) * 4);
    expect(() => engine.packRouted(batchOf([half, half]), whole, first)).toThrow(RangeError);
    expect(() => engine.packRouted(batchOf([]), whole, first)).toThrow(RangeError);
    expect(() => engine.packRouted(one, wordsOf([]), first)).toThrow(RangeError);
    expect(() => engine.packRouted(one, tooMany, first)).toThrow(RangeError);
  });
});

describe("batches", () => {
  fuzz("parts have all records in order, as many as their bounds allow", (random) => {
    const puts = samplePuts(random);
    const [countMax, bytesMax] = [random.between(1, 10), random.between(1, 500)];
    const columnBytes = random.below(8);
    let seen = 0;
    for (const part of partsOf(batchOf(puts), countMax, bytesMax, columnBytes)) {
      expect(part.first).toBe(seen);
      expect(part.count).toBeLessThanOrEqual(countMax);
      const bytes = part.payload.length + part.count * columnBytes;
      if (part.count > 1) expect(bytes).toBeLessThanOrEqual(bytesMax);
      const next = puts[seen + part.count];
      if (next !== undefined && part.count < countMax) {
        expect(bytes + sizeOf(next) + columnBytes).toBeGreaterThan(bytesMax);
      }
      const whole = batchOf(puts.slice(seen, seen + part.count));
      expectBytes(part.payload, whole.payload);
      expect([...part.rows]).toEqual([...whole.rows]);
      seen += part.count;
    }
    expect(seen).toBe(puts.length);
  });

  fuzz("a selection is the batch of the selected records", (random) => {
    const puts = samplePuts(random);
    const which = puts.map((_, i) => i).filter(() => random.chance(0.5));
    const selected = selectBatch(batchOf(puts), which);
    const whole = batchOf(which.map((i) => puts[i]!));
    expect(selected.count).toBe(which.length);
    expect([...selected.rows]).toEqual([...whole.rows]);
    expectBytes(selected.payload, whole.payload);
    const hashes = which.map((_, at) => selected.hashes?.[at]);
    expect(hashes).toEqual(which.map((i) => puts[i]!.hash));
  });
});

function samplePuts(random: Random): RecordPut[] {
  return sampleRecords(random).map(({ key, info, data }) => {
    const put: RecordPut = { key, info, data };
    if (random.chance(0.2)) put.hash = random.bytes(16);
    if (random.chance(0.2)) put.shard = random.below(5000);
    return put;
  });
}

/** First hashes of routes, ascending; the first is 0. */
function sampleStarts(random: Random): bigint[] {
  const more = Array.from({ length: random.below(20) }, () =>
    BigInt(`0x${Buffer.from(random.bytes(16)).toString("hex")}`),
  );
  return [0n, ...new Set(more)].toSorted((a, b) => (a < b ? -1 : Number(a > b)));
}

function routeOf(starts: readonly bigint[], hash: bigint): number {
  return starts.findLastIndex((start) => start <= hash);
}

function hashOf({ key, hash }: RecordPut): bigint {
  return BigInt(`0x${Buffer.from(hash ?? hashKeys([key])).toString("hex")}`);
}

function bytesOf(hash: bigint): Uint8Array {
  return Buffer.from(hash.toString(16).padStart(32, "0"), "hex");
}

function wordsOf(starts: readonly bigint[]): Uint32Array {
  const shifts = [96n, 64n, 32n, 0n];
  return Uint32Array.from(
    starts.flatMap((start) => shifts.map((shift) => Number((start >> shift) & 0xffffffffn))),
  );
}

function plain(key: string): RecordPut {
  return { key: encoder.encode(key), info: nothing, data: encoder.encode("data") };
}

function hashed(key: string, hash: bigint): RecordPut {
  return { ...plain(key), hash: bytesOf(hash) };
}

function sizeOf({ key, info, data }: RecordPut): number {
  return key.length + info.length + data.length;
}
