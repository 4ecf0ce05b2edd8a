// What a kill in the middle of a put leaves in the bucket's folder is removed; objects stay, whatever
// their names.

import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { DatabaseSync } from "node:sqlite";
import { removeEmptyDatabases, removeLeftovers } from "../../local/leftovers.ts";

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

test("folders of the bucket that are empty go with them", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-leftovers-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const shard of ["a-0", "b-0"])
    mkdirSync(join(folder, "segments", shard), { recursive: true });
  writeFileSync(join(folder, "segments", "a-0", "0"), "");
  writeFileSync(join(folder, "segments", "b-0", ".0.1.0.tmp"), "");
  removeLeftovers(folder);
  expect(readdirSync(join(folder, "segments"))).toEqual(["a-0"]);
});

test("databases without a table go; one whose tables are in its log alone stays, as do other files", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-leftovers-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const open = (name: string) => {
    const database = new DatabaseSync(join(folder, name));
    database.exec("PRAGMA journal_mode = WAL");
    return database;
  };
  open(nameOf("a")).close();
  const stored = open(nameOf("b"));
  stored.exec("CREATE TABLE shard (id INTEGER)");
  stored.close();
  // As a killed process leaves it: a copy of what is open.
  const unfinished = open("open.sqlite");
  unfinished.exec("CREATE TABLE shard (id INTEGER)");
  for (const part of ["", "-wal"]) {
    copyFileSync(join(folder, `open.sqlite${part}`), join(folder, `${nameOf("c")}${part}`));
  }
  unfinished.close();
  rmSync(join(folder, "open.sqlite"));
  open("metadata.sqlite").close();
  writeFileSync(join(folder, nameOf("d")), "no database at all");
  removeEmptyDatabases(folder);
  const left = readdirSync(folder).filter((name) => name.endsWith(".sqlite"));
  expect(left.toSorted()).toEqual([nameOf("b"), nameOf("c"), nameOf("d"), "metadata.sqlite"]);
});

function nameOf(digit: string): string {
  return `${digit.repeat(64)}.sqlite`;
}
