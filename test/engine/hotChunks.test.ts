// Chunks in the engine's memory: each has its place for itself until it is given back, and whatever is
// read of it there is what would be read of it elsewhere.

import { describe, expect, test } from "vitest";
import type { Engine, RecordPrinter } from "../../worker/engine/engine.ts";
import { HotChunks } from "../../worker/engine/hotChunks.ts";
import type { RecordRun } from "../../worker/engine/printer.ts";
import { readHeader } from "../../worker/engine/chunk.ts";
import { packChunk } from "../reference/pack.ts";
import { builds } from "./builds.ts";
import { Random } from "./random.ts";
import { sampleChunk } from "./samples.ts";

const unit = 65_536;
const nothing = new Uint8Array(0);

test("places are given first to last, and given again when they are free", () => {
  const memory = new Uint8Array(7 * unit);
  const hot = new HotChunks(memory, unit);
  const take = (bytes: number, letter: number) => hot.take(new Uint8Array(bytes).fill(letter));
  const [a, b, c] = [take(unit, 1), take(unit + 1, 2), take(2 * unit, 3)];
  expect([a, b, c].map((chunk) => chunk?.byteOffset)).toEqual([unit, 2 * unit, 4 * unit]);
  expect(take(1, 4)).toBeUndefined();
  hot.release(b!);
  expect(take(2 * unit + 1, 5)).toBeUndefined();
  expect(take(2 * unit, 6)?.byteOffset).toBe(2 * unit);
  expect(take(1, 7)).toBeUndefined();
  expect([a, c].map((chunk) => [chunk?.length, chunk?.at(0), chunk?.at(-1)])).toEqual([
    [unit, 1, 1],
    [2 * unit, 3, 3],
  ]);
  for (const chunk of [a, c]) hot.release(chunk!);
  expect(take(1, 8)?.byteOffset).toBe(unit);
});

test("no two chunks overlap, whatever comes and goes", () => {
  const random = new Random(7);
  const memory = new Uint8Array(40 * unit);
  const hot = new HotChunks(memory, 3 * unit);
  const kept = new Map<Uint8Array, number>();
  let refused = 0;
  for (let step = 1; step <= 2000; step++) {
    const letter = step % 256;
    const chunk = hot.take(new Uint8Array(1 + random.below(6 * unit)).fill(letter));
    if (chunk === undefined) refused++;
    else kept.set(chunk, letter);
    for (const [each, expected] of kept) {
      expect(each[0] === expected && each.at(-1) === expected).toBe(true);
      if (random.below(chunk === undefined ? 3 : 9) > 0) continue;
      hot.release(each);
      kept.delete(each);
    }
  }
  expect(refused).toBeGreaterThan(100);
  expect(memory.subarray(39 * unit).every((byte) => byte === 0)).toBe(true);
});

describe.each(builds)("$name build", ({ engine, start }) => {
  const hotEngine = start(40 * unit);
  const random = new Random(3);
  const cold = Array.from({ length: 4 }, () => packChunk(sampleChunk(random)));
  const hot = cold.map((chunk) => hotEngine.hotChunks!.take(chunk)!);
  /** The second one as a part of a buffer that is longer than the engine's memory. */
  const far = new Uint8Array(14 * 2 ** 20 + cold[1]!.length).subarray(14 * 2 ** 20);
  far.set(cold[1]!);

  test.each(["kinesisJson", "kinesisCbor", "v3ioJson", "yandexJson", "yandexCbor"] as const)(
    "%s: the text and its length are the same",
    (name) => {
      const [printer, hotPrinter] = [printerOf(engine, name), printerOf(hotEngine, name)];
      const texts = [
        [...printer.print(nothing, runsOf(cold), nothing)].map((part) => part.slice()),
        [...hotPrinter.print(nothing, runsOf(hot), nothing)].map((part) => part.slice()),
        // One of each, in turn: what is read in place and what is not do not disturb each other.
        [...hotPrinter.print(nothing, runsOf([hot[0]!, far, hot[2]!, cold[3]!]), nothing)].map(
          (part) => part.slice(),
        ),
      ].map((parts) => Buffer.concat(parts).toString("latin1"));
      expect(texts[1] === texts[0]).toBe(true);
      expect(texts[2] === texts[0]).toBe(true);
      for (const [i, chunk] of hot.entries()) {
        const { count } = readHeader(chunk);
        const measured = hotPrinter.measureRecords(chunk, 0, count);
        expect(measured).toBe(printer.measureRecords(cold[i]!, 0, count));
      }
    },
  );

  test("times, bounds and parts of it are the same", () => {
    for (const [i, chunk] of hot.entries()) {
      const { count, timeMs } = readHeader(chunk);
      expect(hotEngine.findTime(chunk, timeMs + 1, 0)).toBe(
        engine.findTime(cold[i]!, timeMs + 1, 0),
      );
      expect(hotEngine.fit(chunk, 0, count, 1000)).toBe(engine.fit(cold[i]!, 0, count, 1000));
      expect(Buffer.from(hotEngine.slice(chunk, count - 1, count))).toEqual(
        Buffer.from(engine.slice(cold[i]!, count - 1, count)),
      );
      expect(Buffer.from(chunk).equals(cold[i]!)).toBe(true);
    }
  });
});

function printerOf(
  engine: Engine,
  name: "kinesisJson" | "kinesisCbor" | "v3ioJson" | "yandexJson" | "yandexCbor",
): RecordPrinter {
  const shard = { createdMs: 1_700_000_000_000, index: 3 };
  return engine.printer(
    name === "kinesisJson" || name === "kinesisCbor"
      ? { name, shard, encrypted: [{ fromMs: 5 }] }
      : { name },
  );
}

/** All records of the chunks, those of each in two runs. */
function runsOf(chunks: readonly Uint8Array[]): RecordRun[] {
  return chunks.flatMap((chunk) => {
    const { count } = readHeader(chunk);
    const half = Math.ceil(count / 2);
    const first = { chunk, from: 0, to: half };
    return half < count ? [first, { chunk, from: half, to: count }] : [first];
  });
}
