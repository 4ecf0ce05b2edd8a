// The keeper of the bucket's files: it answers when files are synced and when they are gone, says what stood
// in the way, and never leaves its folder.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { keepFiles } from "../../local/keeper.ts";

test("syncs many files, and names the one that is not there", async () => {
  const { call } = bucketWith("segments/a-0/0", "segments/a-0/1", "segments/b-0/0");
  expect(await call("sync", ["segments/a-0/0", "segments/a-0/1", "segments/b-0/0"])).toBe(204);
  expect(await call("sync", [])).toBe(204);
  expect(await call("sync", ["segments/a-0/0", "segments/a-0/2"])).toBe(500);
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
