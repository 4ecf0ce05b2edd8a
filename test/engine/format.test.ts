// docs/FORMAT.md is executed: every `json chunk` block is packed by the reference and by both
// builds of the engine and must give the bytes of the `hex` block that follows it, and those
// bytes must read back as the same records. The same holds for locations.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeLocation, encodeLocation } from "../reference/location.ts";
import { bindChunk, CHUNK_HEADER_BYTES } from "../../worker/engine/chunk.ts";
import { printStaged, readStagedRow } from "../../worker/shard/logTable.ts";
import { bindBytes, packChunk } from "../reference/pack.ts";
import { parseChunk } from "../reference/parse.ts";
import { base64 } from "../reference/render.ts";
import { builds } from "./builds.ts";
import { type ChunkJson, fromHex, readChunkJson, toHex } from "./chunk-json.ts";
import { packByEngine } from "./pack-by-engine.ts";

interface Example {
  title: string;
  json: string;
  bytes: Uint8Array;
}

const document = readFileSync(join(import.meta.dirname, "../../docs/FORMAT.md"), "utf8");
const chunks = findExamples("chunk");
const locations = findExamples("location");
const [staged] = findExamples("staged");

test("the document has examples, and each has its bytes", () => {
  const blocks = [...document.matchAll(/^```json (chunk|location|staged)$/gm)];
  expect(blocks.length).toBeGreaterThanOrEqual(4);
  expect(chunks.length + locations.length + 1).toBe(blocks.length);
});

test("the row of a staged body has the header of the stored body before it, and a name", () => {
  const { id }: { id: string } = JSON.parse(staged!.json);
  const { bytes } = chunks.find(({ title }) => title.includes("as a shard stores it"))!;
  const head = bytes.slice(0, CHUNK_HEADER_BYTES);
  expect(toHex(printStaged({ id, head }))).toBe(toHex(staged!.bytes));
  const place = { firstIndex: 0, count: 1, firstMs: 0, lastMs: 0, lastOrdinal: 0, segment: 0 };
  expect(readStagedRow({ ...place, bytes: 500_000 }, staged!.bytes)).toEqual({ id, head });
  expect(readStagedRow({ ...place, bytes: staged!.bytes.length }, staged!.bytes)).toBeUndefined();
});

describe.each(chunks)("format: $title", ({ json, bytes }) => {
  const { uid, ...source }: ChunkJson & { uid?: string } = JSON.parse(json);
  const chunk = readChunkJson(source);

  test("the reference writes these bytes", () => {
    const packed = packChunk(chunk);
    expect(toHex(uid === undefined ? packed : bindBytes(packed, uid))).toBe(toHex(bytes));
  });

  test("the bytes read back as these records", () => {
    expect(parseChunk(bytes, uid)).toEqual(chunk);
  });

  test.each(builds)("the $name engine writes these bytes", ({ engine }) => {
    const packed = packByEngine(engine, chunk);
    if (uid !== undefined) bindChunk(packed, uid);
    expect(toHex(packed)).toBe(toHex(bytes));
  });
});

describe.each(locations)("format: $title", ({ json, bytes }) => {
  const location: { segment: number; index: number } = JSON.parse(json);

  test("the reference writes and reads these bytes", () => {
    expect(toHex(encodeLocation(location.segment, location.index))).toBe(toHex(bytes));
    expect(decodeLocation(bytes)).toEqual(location);
    expect(document).toContain(`\`${base64(bytes)}\``);
  });

  test.each(builds)("the $name engine writes and reads these bytes", ({ engine }) => {
    expect(toHex(engine.encodeLocation(location))).toBe(toHex(bytes));
    expect(engine.decodeLocation(bytes)).toEqual(location);
  });
});

test.each(builds)("format: the start of a shard is the documented text ($name)", ({ engine }) => {
  const start = "AQAAAAAAAAAAAAAAAAAAAA==";
  expect(document).toContain(start);
  expect(base64(encodeLocation(0, 0))).toBe(start);
  expect(base64(engine.encodeLocation({ segment: 0, index: 0 }))).toBe(start);
});

function findExamples(kind: "chunk" | "location" | "staged"): Example[] {
  const pattern = /^### Example: (.+)$[^#]*?^```json (\w+)\n([^`]*)^```\s+^```hex\n([^`]*)^```/gm;
  return [...document.matchAll(pattern)]
    .filter(([, , found]) => found === kind)
    .map(([, title, , json, hex]) => ({ title: title!, json: json!, bytes: readHex(hex!) }));
}

function readHex(block: string): Uint8Array {
  return fromHex(block.replaceAll(/#.*$/gm, ""));
}
