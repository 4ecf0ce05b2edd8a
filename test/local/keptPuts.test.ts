// What the front keeps of puts: a manifest says what a body holds; the body is given out once, or its chunk is
// written once; nothing is kept beyond its time or the budget; and memory that is being written is no other put's.

import { createHash } from "node:crypto";
import { afterEach, expect, test, vi } from "vitest";
import type { KeptPuts, Use } from "../../local/keptPuts.ts";
import type { PutManifest } from "../../worker/engine/putManifest.ts";
import { keyFilterOf } from "../../worker/shard/keyIndexer.ts";
import { bodyOf, engine, partsOf, putsWith } from "./put-requests.ts";

const body = bodyOf(500);
const packed = engine.packBody([body], {
  format: "json",
  recordsMax: 500,
  streamName: true,
  streamArn: true,
})!;

afterEach(() => {
  vi.useRealTimers();
});

test("the manifest says what the body holds", () => {
  const { id, manifest } = take(putsWith());
  expect(manifest).toEqual({
    id,
    bodyBytes: body.length,
    streamName: "s",
    largestBytes: 1007,
    head: Buffer.from(packed.chunk.subarray(0, 56)).toString("base64"),
    keys: Buffer.from(keyFilterOf(packed.chunk)!).toString("base64"),
  });
  const bodyHash = createHash("sha256").update(body).digest("hex");
  expect(take(putsWith({ hashes: true })).manifest).toMatchObject({ bodyHash });
});

test.each([
  ["a chunk that is no segment", bodyOf(300)],
  ["what the general reader reads", Buffer.from(body.toString().replace('"s"', '"s\\u0061"'))],
  ["too many records", bodyOf(501)],
  ["no JSON", body.subarray(0, -1)],
])("there is no manifest of %s", (_, body) => {
  const puts = putsWith();
  const { freeBytes } = puts.room;
  expect(puts.take(partsOf(body), () => {})).toBeUndefined();
  expect(puts.room.freeBytes).toBe(freeBytes);
});

test("a failure of the engine is logged, and the body passes", () => {
  const lines: string[] = [];
  const puts = putsWith({
    engine: () => {
      throw new Error("no such file");
    },
    log: (line) => lines.push(line),
  });
  expect(puts.take([body], () => {})).toBeUndefined();
  expect(lines).toEqual(["millrace: a put could not be packed: no such file"]);
});

test("a body is given out once", () => {
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { id, uses } = take(puts);
  expect(puts.room.freeBytes).toBe(freeBytes - body.length - packed.chunk.length);
  const { status, parts = [], sent } = puts.serve(id);
  expect(status).toBe(200);
  expect(Buffer.concat(parts).equals(body)).toBe(true);
  expect(puts.serve(id).status).toBe(410);
  expect(uses).toEqual(["fetched"]);
  expect(puts.room.freeBytes).toBeLessThan(freeBytes);
  sent?.();
  expect(puts.room.freeBytes).toBe(freeBytes);
});

test("a chunk is written once; one that was not written is kept, and the body stays", async () => {
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { id, uses } = take(puts);
  await expect(puts.stage(id, () => Promise.reject(new Error("full")))).rejects.toThrow("full");
  let written = Buffer.alloc(0);
  await puts.stage(id, async (chunk) => {
    written = Buffer.from(chunk);
  });
  expect(written.equals(packed.chunk)).toBe(true);
  expect(uses).toEqual(["staged"]);
  expect(puts.room.freeBytes).toBe(freeBytes - body.length);
  await expect(puts.stage(id, async () => {})).rejects.toThrow("not kept any more");
  const { status, parts = [], sent } = puts.serve(id);
  expect([status, Buffer.concat(parts).equals(body)]).toEqual([200, true]);
  sent?.();
  expect(puts.room.freeBytes).toBe(freeBytes);
});

test("a chunk that is being written is not written over, also if it was dropped", async () => {
  const puts = putsWith();
  const { id } = take(puts);
  let buffer: ArrayBufferLike | undefined;
  await puts.stage(id, async (chunk) => {
    puts.drop(id);
    for (const letter of ["b", "c"]) puts.take([bodyOf(500, letter)], () => {});
    await Promise.resolve();
    expect(Buffer.from(chunk).equals(packed.chunk)).toBe(true);
    buffer = chunk.buffer;
  });
  // Now it is another one's.
  expect(buffer?.byteLength).toBe(0);
});

test("no more is kept than the budget has", () => {
  const bytes = body.length + packed.chunk.length;
  const puts = putsWith({ keptBytes: 2 * bytes });
  const first = take(puts);
  take(puts);
  expect(puts.take([body], () => {})).toBeUndefined();
  puts.drop(first.id);
  puts.drop(first.id);
  expect(puts.room.freeBytes).toBe(bytes);
  take(puts);
  expect(puts.room.freeBytes).toBe(0);
});

test("nothing is kept for longer than its time", () => {
  vi.useFakeTimers();
  const puts = putsWith({ keptMs: 1000 });
  const { freeBytes } = puts.room;
  const [first] = [take(puts), vi.advanceTimersByTime(600)];
  const [second] = [take(puts), vi.advanceTimersByTime(399)];
  expect(puts.room.freeBytes).toBe(freeBytes - 2 * (body.length + packed.chunk.length));
  vi.advanceTimersByTime(1);
  expect(puts.serve(first.id).status).toBe(410);
  vi.advanceTimersByTime(600);
  expect(puts.serve(second.id).status).toBe(410);
  expect(puts.room.freeBytes).toBe(freeBytes);
  expect(vi.getTimerCount()).toBe(0);
});

function take(puts: KeptPuts): { id: string; manifest: PutManifest; uses: Use[] } {
  const uses: Use[] = [];
  const kept = puts.take(partsOf(body), (use) => void uses.push(use));
  if (kept === undefined) throw new Error("the body was not kept");
  return { id: kept.id, manifest: JSON.parse(kept.manifest.toString()), uses };
}
