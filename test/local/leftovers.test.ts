// What a kill in the middle of a put leaves in the bucket's folder is removed; objects stay, whatever
// their names.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { removeLeftovers } from "../../local/leftovers.ts";

test("bodies that were never whole go, and nothing else", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-leftovers-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const shard = join(folder, "segments", "a-0");
  mkdirSync(shard, { recursive: true });
  const objects = ["0", "1", "10.tmp", ".hidden", "0.10833.0.tmp"];
  for (const name of [...objects, ".0.10833.0.tmp", ".12.7.31.tmp"]) {
    writeFileSync(join(shard, name), name);
  }
  removeLeftovers(folder);
  expect(readdirSync(shard).toSorted()).toEqual(objects.toSorted());
});

test("a folder that is not there has none", () => {
  expect(() => removeLeftovers(join(tmpdir(), "millrace-no-such-folder"))).not.toThrow();
});
