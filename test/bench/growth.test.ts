// The growth benchmark in its small form: every request of an axis is measured at every size, and what is written beside
// a server is what a server would have written. No time is looked at.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Axis } from "../../bench/growth/loads.ts";
import { benchGrowth, fill } from "../../bench/growth/growth.ts";
import { growthTables } from "../../bench/growth/tables.ts";
import { checkFolder } from "../../command/doctor/folder.ts";

test("each request is measured at each size, and the floors once", async () => {
  const bench = await benchGrowth({ quick: true, axes: ["segments"] }, () => {});
  const sizesOf = (title: string) =>
    bench.rows.filter((row) => row.title === title).map(({ size }) => size);
  for (const title of [
    "page",
    "poll, nothing new",
    "put a record",
    "seek by time",
    "scan by key",
  ]) {
    expect([title, sizesOf(title)]).toEqual([title, [1, 20]]);
  }
  expect(sizesOf("floor: an empty Worker")).toEqual([undefined]);
  expect(bench.states.map(({ size }) => size)).toEqual([1, 20]);
  const [table] = growthTables(bench);
  expect(table?.rows.map(([request]) => request)).toContain("start, ms");
});

test.each<[Axis, number, object]>([
  ["segments", 20, { streams: 1, shards: 1, bodies: 20 }],
  ["streams", 30, { streams: 32, shards: 1 }],
])("a folder with made-up %s is sound", async (axis, size, counts) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-growth-"));
  try {
    await fill(folder, axis, size);
    const findings = checkFolder(folder, () => {});
    expect([...findings.problems, ...findings.notes]).toEqual([]);
    expect(findings.counts).toMatchObject(counts);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
