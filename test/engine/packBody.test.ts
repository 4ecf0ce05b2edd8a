// A body that is read and packed at once, in whatever parts it came: the chunk is the one that reading it whole and
// packing its records would make; and what makes no such chunk is left to others.

import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import type { Engine } from "../../worker/engine/engine.ts";
import type { PackedBody, PutBodyKind } from "../../worker/engine/packer.ts";
import { recordBytes } from "../../worker/engine/recordBatch.ts";
import { chunkBytesMax } from "../../worker/limits.ts";
import { builds } from "./builds.ts";
import { fuzz } from "./fuzz.ts";
import { bodyKind, damage, samplePut, writePut } from "./put-bodies.ts";
import type { Random } from "./random.ts";

const kind = bodyKind("kinesis", "json");
const meaning = Buffer.from(`"\\{}[],:= \n\0AZ/+0`);

describe.each(builds)("a body packed at once, $name build", ({ engine }) => {
  fuzz("is packed as if it was read first", (random) => {
    const sound = Buffer.from(writePut(random, samplePut(random, kind)));
    const body = random.chance(0.5) ? sound : damage(random, sound, meaning);
    const packed = engine.packBody(cut(random, body), kind);
    expect(packed).toEqual(packWhole(engine, body, kind));
    if (body === sound) expect(packed).toBeDefined();
  });

  test("the memory for the chunk may be given", () => {
    const memory = new Uint8Array(1000).fill(7);
    const packed = engine.packBody([bodyOf(10, 20)], kind, (bytes) => memory.subarray(0, bytes));
    expect(packed?.chunk.buffer).toBe(memory.buffer);
    expect(packed).toEqual(packWhole(engine, bodyOf(10, 20), kind));
    expect(packed?.largestBytes).toBe(21);
  });

  test("there is no more than one chunk takes, and no longer body than the window", () => {
    const most = chunkBytesMax - engine.packBody([bodyOf(1)], kind)!.chunk.length;
    expect(engine.packBody([bodyOf(most + 1)], kind)?.chunk.length).toBe(chunkBytesMax);
    expect(engine.packBody([bodyOf(most + 2)], kind)).toBeUndefined();
    expect(engine.packBody([bodyOf(engine.packBytesMax)], kind)).toBeUndefined();
    expect(engine.packBody([bodyOf(1), Buffer.alloc(4 << 20, " ")], kind)).toBeUndefined();
    expect(engine.packBody([], kind)).toBeUndefined();
    expect(engine.packBody([bodyOf(...Array<number>(500).fill(1))], kind)?.count).toBe(500);
    expect(engine.packBody([bodyOf(...Array<number>(501).fill(1))], kind)).toBeUndefined();
  });
});

/** A body of records with so many bytes of data. */
function bodyOf(...sizes: number[]): Buffer {
  const records = sizes.map((bytes) => ({
    Data: Buffer.alloc(bytes, 9).toString("base64"),
    PartitionKey: "k",
  }));
  return Buffer.from(JSON.stringify({ StreamName: "s", Records: records }));
}

function packWhole(engine: Engine, body: Uint8Array, kind: PutBodyKind): PackedBody | undefined {
  const text = engine.readPutBody(body, kind);
  if (text === undefined) return undefined;
  const { count, streamName, streamArn } = text;
  const sizes = Array.from({ length: count }, (_, i) => recordBytes(text, i));
  const chunk = new Uint8Array(engine.pack(text));
  return { count, streamName, streamArn, largestBytes: Math.max(...sizes), chunk };
}

function cut(random: Random, body: Uint8Array): Uint8Array[] {
  const places = Array.from({ length: random.below(6) }, () => random.below(body.length + 1));
  const ends = [...places.toSorted((a, b) => a - b), body.length];
  return ends.map((end, i) => body.subarray(i === 0 ? 0 : ends[i - 1], end));
}
