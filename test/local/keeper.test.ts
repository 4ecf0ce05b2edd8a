// The keeper of the bucket's files: it answers when files are synced and hold what is expected, and when they
// are gone, says what stood in the way, and never leaves its folder.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { keepFiles } from "../../local/keeper.ts";

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
    const request = { method: "POST", body: JSON.stringify(body) };
    return (await keep(new Request(`http://keeper/${work}`, request))).status;
  };
  return { call, folder };
}
