// Golden bytes: chunks as a released version wrote them, and the replies it printed from them.
// The files in test/vectors are named for that version and never written again: every later
// version reads the same records from them and, while the format stays, writes the same. A chunk with a
// uid is the body that this shard stores.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bindChunk, verifyBody } from "../../worker/engine/chunk.ts";
import { bindBytes, packChunk } from "../reference/pack.ts";
import { parseChunk } from "../reference/parse.ts";
import { renderKinesisJson, renderV3ioJson, type ModelShard } from "../reference/render.ts";
import { builds } from "./builds.ts";
import { type ChunkJson, fromHex, readChunkJson } from "./chunk-json.ts";
import { expectBytes } from "./expect-bytes.ts";
import { packByEngine } from "./pack-by-engine.ts";

interface Vector {
  title: string;
  chunk: ChunkJson;
  uid?: string;
  hex: string;
  shard: ModelShard;
  kinesisJson: string;
  v3ioJson: string;
}

const FOLDER = join(import.meta.dirname, "../vectors");
const files = readdirSync(FOLDER).filter((name) => name.startsWith("chunks-"));
const vectors = files.flatMap((file) => {
  const listed: Vector[] = JSON.parse(readFileSync(join(FOLDER, file), "utf8"));
  return listed.map((vector) => Object.assign(vector, { file }));
});

test("there are golden chunks", () => expect(vectors.length).toBeGreaterThanOrEqual(5));

describe.each(vectors)("$file: $title", ({ uid, ...vector }) => {
  const chunk = readChunkJson(vector.chunk);
  const bytes = fromHex(vector.hex);
  const count = chunk.records.length;

  test("reads as its records, in the reference and in the Worker", () => {
    expect(parseChunk(bytes, uid)).toEqual(chunk);
    const { firstIndex } = chunk;
    const header = verifyBody(bytes, uid ?? "0-any");
    expect(header).toMatchObject({ isBound: uid !== undefined, firstIndex, count });
  });

  test("is what the reference writes and prints", () => {
    const packed = packChunk(chunk);
    expectBytes(uid === undefined ? packed : bindBytes(packed, uid), bytes);
    expect(renderKinesisJson(packed, 0, count, vector.shard)).toBe(vector.kinesisJson);
    expect(renderV3ioJson(packed, 0, count)).toBe(vector.v3ioJson);
  });

  test.each(builds)("is what the $name engine writes and prints", ({ engine }) => {
    const packed = packByEngine(engine, chunk);
    if (uid !== undefined) bindChunk(packed, uid);
    expectBytes(packed, bytes);
    expectBytes(engine.renderKinesisJson(bytes, 0, count, vector.shard), vector.kinesisJson);
    expectBytes(engine.renderV3ioJson(bytes, 0, count), vector.v3ioJson);
  });
});
