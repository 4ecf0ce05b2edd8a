// The keeper of the bucket's files: it answers when files are synced and hold what is expected, and when they
// are gone, says what stood in the way, and never leaves its folder.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import type { KeptPuts } from "../../local/keptPuts.ts";
import { keepFiles } from "../../local/keeper.ts";
import { bindChunk } from "../../worker/engine/chunk.ts";
import { keyFilterOf } from "../../worker/shard/keyIndexer.ts";
import { programBytesMax } from "../../worker/limits.ts";
import { compileSelection } from "../../worker/scan/selection.ts";
import { bodyKind } from "../engine/put-bodies.ts";
import { packChunk } from "../reference/pack.ts";
import { bodyOf, engine, partsOf, putsWith } from "./put-requests.ts";

const root = join(import.meta.dirname, "..", "..");

test("confirms many files, and names the one that is not there", async () => {
  const { call } = bucketWith("segments/a-0/0", "segments/a-0/1", "segments/b-0/0");
  const [first, second, third, missing] = [
    "segments/a-0/0",
    "segments/a-0/1",
    "segments/b-0/0",
    "segments/a-0/2",
  ].map((key) => objectOf(key, key));
  expect(await call("confirm", [first, second, third])).toBe(200);
  expect(await call("confirm", [])).toBe(200);
  expect(await call("confirm", [first, missing])).toBe(500);
});

test("confirms no file that holds other bytes than were put", async () => {
  const { call, folder } = bucketWith("segments/a-0/0");
  const key = "segments/a-0/0";
  const text = Buffer.alloc(700_000, "a segment, of which more than one part is read ").toString();
  const write = (contents: string) => writeFileSync(join(folder, key), contents);
  write(text);
  expect(await call("confirm", [objectOf(key, text)])).toBe(200);
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

test("makes the filters of the segments that it has read", async () => {
  const uid = "2-16e5bc0a7ae5408a85df27ba25272fd7-0";
  const keys = [0, 1, 2, 3].map((n) => `segments/${uid}/${n}`);
  const { folder } = bucketWith(...keys);
  const segment = segmentOf(uid, ["a", "b"]);
  const large = segmentOf(uid, ["x".repeat(3_000_000)]);
  const contents = [segment, segment, large, Buffer.alloc(100, "no segment")];
  for (const [i, bytes] of contents.entries()) writeFileSync(join(folder, keys[i]!), bytes);
  const objects = contents.map((bytes, i) => ({
    key: keys[i]!,
    bytes: bytes.length,
    head: Buffer.from(bytes.subarray(0, 56)).toString("base64"),
    restCrc: crc32(bytes.subarray(56)),
    isOnlyCopy: i === 1,
  }));
  const body = Buffer.from(JSON.stringify(objects));
  const reply = await keepFiles(folder)({ path: "confirm", body });
  const filter = Buffer.from(keyFilterOf(segment)!).toString("base64");
  expect(JSON.parse(String(reply.body))).toEqual({ filters: [filter, null, null, null] });
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

test("writes chunks that the front keeps into folders that it makes", async () => {
  const puts = putsWith();
  const { call, folder } = bucketWith("a", puts);
  const letters = ["a", "b", "c", "d", "e", "f"];
  const bodies = letters.map((letter, i) => ({
    id: puts.take(partsOf(bodyOf(500, letter)), () => {})!.id,
    key: `staged/${letter}-0/${i % 2 === 0 ? "more/" : ""}${i}`,
  }));
  expect(await call("stage", order(bodies))).toBe(204);
  for (const [i, { key }] of bodies.entries()) {
    const expected = engine.packBody([bodyOf(500, letters[i])], kind)!.chunk;
    expect(readFileSync(join(folder, key)).equals(expected), key).toBe(true);
  }
  expect(await call("stage", order(bodies.slice(0, 1)))).toBe(500);
  expect(await call("stage", order([]))).toBe(204);
});

test("writes over what a commit that failed has left, and keeps a chunk that it cannot write", async () => {
  const puts = putsWith();
  const { call, folder } = bucketWith("segments/a-0/0", puts);
  writeFileSync(join(folder, "segments/a-0/0"), Buffer.alloc(2_000_000, 1));
  const { id } = puts.take([bodyOf(500)], () => {})!;
  const [blocked, key] = ["segments/a-0/0/1", "segments/a-0/0"];
  expect(await call("stage", order([{ id, key: blocked }]))).toBe(500);
  expect(await call("stage", order([{ id, key: "segments/a-0" }]))).toBe(500);
  expect(await call("stage", order([{ id, key }]))).toBe(204);
  const { length } = engine.packBody([bodyOf(500)], kind)!.chunk;
  expect(readFileSync(join(folder, key)).length).toBe(length);
});

test("makes a folder again that was deleted, by it or by somebody else", async () => {
  const puts = putsWith();
  const { call, folder } = bucketWith("a", puts);
  const stage = async (key: string) => {
    const { id } = puts.take([bodyOf(500)], () => {})!;
    return await call("stage", order([{ id, key }]));
  };
  expect(await stage("segments/a-0/0")).toBe(204);
  expect(await call("delete", ["segments/a-0/"])).toBe(204);
  expect(await stage("segments/a-0/1")).toBe(204);
  rmSync(join(folder, "segments"), { recursive: true });
  expect(await stage("segments/a-0/2")).toBe(204);
  expect(readdirSync(join(folder, "segments", "a-0"))).toEqual(["2"]);
});

test("of a file that is the only copy, length and head are compared", async () => {
  const { call, folder } = bucketWith("segments/a-0/0");
  const text = `${"h".repeat(56)}body`;
  const object = { ...objectOf("segments/a-0/0", text), isOnlyCopy: true };
  const confirmed = async (text: string) => {
    writeFileSync(join(folder, object.key), text);
    return await call("confirm", [object]);
  };
  expect(await confirmed(text)).toBe(200);
  for (const other of ["", text.slice(1), `${text}.`, `x${text.slice(1)}`]) {
    expect([other, await confirmed(other)]).toEqual([other, 500]);
  }
  rmSync(join(folder, object.key));
  expect(await call("confirm", [object])).toBe(500);
});

test("gives files their heads and their names, also in new folders; repeating that changes nothing", async () => {
  const { call, folder } = bucketWith("staged/a/0", putsWith());
  for (const i of [0, 1])
    writeFileSync(join(folder, `staged/a/${i}`), `${"-".repeat(56)}body ${i}`);
  const adoptions = [0, 1].map((i) => adoptionOf(i, "ab"[i]));
  const adopt = async () => {
    expect(await call("stage", order([], adoptions))).toBe(204);
    for (const i of [0, 1]) {
      const text = readFileSync(join(folder, `segments/a-0/${i}`), "utf8");
      expect(text).toBe(`${"ab"[i]!.repeat(56)}body ${i}`);
    }
    expect(readdirSync(join(folder, "staged/a"))).toEqual(["0", "1"]);
  };
  await adopt();
  await adopt();
  // Of something that was there before under the name.
  rmSync(join(folder, "segments/a-0/0"));
  writeFileSync(join(folder, "segments/a-0/0"), "something else");
  await adopt();
  // So it may be found: with the new name alone, and without the head.
  rmSync(join(folder, "staged/a/1"));
  expect(await call("stage", order([], adoptions))).toBe(204);
  writeFileSync(join(folder, "segments/a-0/1"), `${"-".repeat(56)}body 1`);
  expect(await call("stage", order([], adoptions))).toBe(204);
  expect(readFileSync(join(folder, "segments/a-0/1"), "utf8")).toBe(`${"b".repeat(56)}body 1`);
  expect(await call("stage", order([], [adoptionOf(2)]))).toBe(500);
  expect(existsSync(join(folder, "segments/a-0/2"))).toBe(false);
});

test("adopts before it writes: without the adoption that fails, the same order can be given again", async () => {
  const puts = putsWith();
  const { call, folder } = bucketWith("staged/a/0", puts);
  const bodies = ["a", "b"].map((letter, i) => {
    const { id } = puts.take([bodyOf(500, letter)], () => {})!;
    return { id, key: `staged/a/${i + 1}` };
  });
  expect(await call("stage", order(bodies, [adoptionOf(0), adoptionOf(9)]))).toBe(500);
  expect(readdirSync(join(folder, "segments/a-0"))).toEqual(["0"]);
  expect(readdirSync(join(folder, "staged/a"))).toEqual(["0"]);
  expect(await call("stage", order(bodies, [adoptionOf(0)]))).toBe(204);
  expect(readdirSync(join(folder, "staged/a"))).toEqual(["0", "1", "2"]);
});

test("refuses to write or adopt what is not whole, or outside, and without what the front keeps", async () => {
  const puts = putsWith();
  const { call, folder } = bucketWith("a", puts);
  const { id } = puts.take([bodyOf(500)], () => {})!;
  const sound = { id, key: "staged/a/0" };
  const bodies = [
    null,
    { ...sound, id: 1 },
    { ...sound, key: undefined },
    { ...sound, key: "../outside" },
    { ...sound, key: "segments/" },
  ];
  for (const each of bodies)
    expect([each, await call("stage", order([each]))]).toEqual([each, 400]);
  const orders = [sound, [sound], { bodies: [sound] }, { adoptions: [] }, null];
  for (const each of orders) expect([each, await call("stage", each)]).toEqual([each, 400]);
  const adoption = adoptionOf(0);
  const adoptions = [
    null,
    { ...adoption, from: undefined },
    { ...adoption, to: undefined },
    { ...adoption, from: "../a" },
    { ...adoption, to: "../b" },
    { ...adoption, to: "b/" },
    { ...adoption, head: undefined },
    { ...adoption, head: Buffer.alloc(55).toString("base64") },
    { ...adoption, head: Buffer.alloc(57).toString("base64") },
  ];
  for (const each of adoptions)
    expect([each, await call("stage", order([], [each]))]).toEqual([each, 400]);
  const body = Buffer.from(JSON.stringify(order([sound])));
  expect((await keepFiles(folder)({ path: "stage", body })).status).toBe(400);
});

const order = (bodies: readonly unknown[], adoptions: readonly unknown[] = []) => ({
  bodies,
  adoptions,
});

const kind = bodyKind("kinesis", "json");

function adoptionOf(i: number, letter = "a") {
  const head = Buffer.alloc(56, letter).toString("base64");
  return { from: `staged/a/${i}`, to: `segments/a-0/${i}`, head };
}

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

/** A folder with such files, which hold their names. */
function bucketWith(...keys: (string | KeptPuts)[]) {
  const parent = mkdtempSync(join(tmpdir(), "millrace-keeper-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, "bucket");
  for (const key of keys.filter((each) => typeof each === "string")) {
    mkdirSync(join(folder, key, ".."), { recursive: true });
    writeFileSync(join(folder, key), key);
  }
  const puts = keys.find((each) => typeof each !== "string");
  const keep = keepFiles(folder, undefined, puts);
  const call = async (work: string, body: unknown): Promise<number> => {
    return (await keep({ path: work, body: Buffer.from(JSON.stringify(body)) })).status;
  };
  return { call, folder };
}
