// The keeper of the bucket's files: it answers when files are synced and hold what is expected, and when they
// are gone, says what stood in the way, and never leaves its folder.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { keepFiles } from "../../local/keeper.ts";
import { bindChunk } from "../../worker/engine/chunk.ts";
import { programBytesMax } from "../../worker/limits.ts";
import { compileSelection } from "../../worker/scan/selection.ts";
import { packChunk } from "../reference/pack.ts";

const root = join(import.meta.dirname, "..", "..");

test("confirms many files, and names the one that is not there", async () => {
  const { call } = bucketWith("segments/a-0/0", "segments/a-0/1", "segments/b-0/0");
  const [first, second, third, missing] = [
    "segments/a-0/0",
    "segments/a-0/1",
    "segments/b-0/0",
    "segments/a-0/2",
  ].map((key) => objectOf(key, key));
  expect(await call("confirm", [first, second, third])).toBe(204);
  expect(await call("confirm", [])).toBe(204);
  expect(await call("confirm", [first, missing])).toBe(500);
});

test("confirms no file that holds other bytes than were put", async () => {
  const { call, folder } = bucketWith("segments/a-0/0");
  const key = "segments/a-0/0";
  const text = Buffer.alloc(700_000, "a segment, of which more than one part is read ").toString();
  const write = (contents: string) => writeFileSync(join(folder, key), contents);
  write(text);
  expect(await call("confirm", [objectOf(key, text)])).toBe(204);
  const others = [
    "",
    text.slice(0, 10),
    text.slice(0, -1),
    `${text}.`,
    `A${text.slice(1)}`,
    `${text.slice(0, 56)}?${text.slice(57)}`,
    `${text.slice(0, -1)}?`,
  ];
  for (const other of others) {
    write(other);
    expect([other.length, await call("confirm", [objectOf(key, text)])]).toEqual([
      other.length,
      500,
    ]);
  }
});

test("refuses a confirmation without what to expect", async () => {
  const { call } = bucketWith("segments/a-0/0");
  const { key, bytes, head, restCrc } = objectOf("segments/a-0/0", "segments/a-0/0");
  const wrong = [
    null,
    key,
    { key: "../outside", bytes, head, restCrc },
    { key, head, restCrc },
    { key, bytes, restCrc },
    { key, bytes, head },
  ];
  for (const each of wrong) expect([each, await call("confirm", [each])]).toEqual([each, 400]);
});

test("deletes files, folders with all in them, and what is gone already", async () => {
  const { call, folder } = bucketWith("segments/a-0/0", "segments/a-0/1", "segments/b-0/0");
  const missing = ["segments/a-0/7", "segments/c-0/0"];
  expect(await call("delete", ["segments/a-0/0", ...missing])).toBe(204);
  expect(readdirSync(join(folder, "segments", "a-0"))).toEqual(["1"]);
  expect(await call("delete", ["segments/a-0/", "segments/c-0/"])).toBe(204);
  expect(readdirSync(join(folder, "segments"))).toEqual(["b-0"]);
});

test("refuses what is no key of its folder", async () => {
  const { call, folder } = bucketWith("segments/a-0/0");
  const outside = join(folder, "..", "outside");
  writeFileSync(outside, "");
  const wrong = [
    "../outside",
    "segments/../../outside",
    outside,
    "",
    "/",
    "a//b",
    ".",
    "segments/.",
  ];
  for (const key of wrong) expect([key, await call("delete", [key])]).toEqual([key, 400]);
  expect(await call("delete", "segments/a-0/0")).toBe(400);
  expect(await call("read", ["segments/a-0/0"])).toBe(400);
  expect(existsSync(outside)).toBe(true);
});

/** An object with this text, of which the first bytes are the head. */
function objectOf(key: string, text: string) {
  const bytes = Buffer.from(text);
  const head = bytes.subarray(0, 56).toString("base64");
  return { key, bytes: bytes.length, head, restCrc: crc32(bytes.subarray(56)) };
}

test("says of segments which are sound, and which may have a record that is selected", async () => {
  const uid = "2-16e5bc0a7ae5408a85df27ba25272fd7-0";
  const key = (n: number) => `segments/${uid}/${n}`;
  const { folder } = bucketWith(...[0, 1, 2, 3, 4].map(key));
  const write = (n: number, bytes: Uint8Array) => writeFileSync(join(folder, key(n)), bytes);
  const sound = segmentOf(uid, ["a", "b"]);
  const damaged = sound.slice();
  damaged[damaged.length - 1]! ^= 1;
  write(0, sound);
  write(1, segmentOf(uid, ["c"]));
  write(2, damaged);
  write(3, segmentOf(uid, [JSON.stringify("x".repeat(3_000_000))]));
  write(4, segmentOf(uid.replace("-0", "-1"), ["a"]));
  const keep = keepFiles(folder, join(root, "build", "scan.wasm"));
  const selection = compileSelection({ where: '{"data":["c"]}' })!;
  const program = Buffer.from(selection.program).toString("base64");
  const ask = (order: unknown, screening = keep) =>
    screening({ path: "screen", body: Buffer.from(JSON.stringify(order)) });
  const { body = "" } = await ask({ keys: [0, 1, 2, 3, 4, 5].map(key), uid, program });
  const facts = { firstIndex: 0, timeMs: 1000 };
  expect(JSON.parse(body)).toEqual([
    { ...facts, count: 2, payloadBytes: 4, lastTimeMs: 1001, isCandidate: false },
    { ...facts, count: 1, payloadBytes: 2, lastTimeMs: 1000, isCandidate: true },
    null,
    null,
    null,
    null,
  ]);
  const wrong = [
    null,
    [key(0)],
    { keys: ["../outside"], uid, program },
    { keys: [key(0)], uid },
    { keys: [key(0)], program },
    { keys: key(0), uid, program },
  ];
  for (const each of wrong) expect([each, (await ask(each)).status]).toEqual([each, 400]);
  const long = Buffer.alloc(programBytesMax + 1).toString("base64");
  expect((await ask({ keys: [key(0)], uid, program: long })).status).toBe(500);
  // Objects' databases are no segments.
  expect((await ask({ keys: [key(0)], uid, program }, keepFiles(folder))).status).toBe(400);
});

function segmentOf(uid: string, texts: readonly string[]): Uint8Array {
  const records = texts.map((text, i) => ({
    key: Buffer.from("k"),
    info: new Uint8Array(0),
    data: Buffer.from(text),
    timeMs: 1000 + i,
  }));
  const chunk = packChunk({ firstIndex: 0, timeOrdinal: 0, records });
  bindChunk(chunk, uid);
  return chunk;
}

function bucketWith(...keys: string[]) {
  const parent = mkdtempSync(join(tmpdir(), "millrace-keeper-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, "bucket");
  for (const key of keys) {
    mkdirSync(join(folder, key, ".."), { recursive: true });
    writeFileSync(join(folder, key), key);
  }
  const keep = keepFiles(folder);
  const call = async (work: string, body: unknown): Promise<number> => {
    return (await keep({ path: work, body: Buffer.from(JSON.stringify(body)) })).status;
  };
  return { call, folder };
}
