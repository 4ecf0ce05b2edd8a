// What becomes of a results file: figures in a page whose prose stays, and a chart that stands alone.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { drawChart } from "../../bench/report/chart.ts";
import { drawGrowth } from "../../bench/report/growthChart.ts";
import type { Summary } from "../../bench/tools/load.ts";
import { renderFigures, replaceFigures } from "../../bench/report/report.ts";
import { findResults, type PeerRow, type Results } from "../../bench/report/results.ts";

const summary: Summary = {
  id: "page",
  group: "page",
  title: "read 1000 records",
  recordBytes: 1024,
  connections: 4,
  requestsPerSecond: 600,
  recordsPerSecond: 600_000,
  megabytesPerSecond: 614.4,
  p50Ms: 1.5,
  p99Ms: 4,
  spread: 0.05,
  rounds: 5,
  exchanges: 3000,
  observed: {},
  ownLoad: 0.2,
};

const run = {
  ended: "2036-01-02T03:04:05.000Z",
  command: "npm run bench -- peers",
  commit: "0123456789ab",
  machine: { cpu: "A <fast> one", cores: 2, memoryGigabytes: 8, kernel: "Linux 9", load: 0.1 },
  versions: { millrace: "0.1.0", redis: "7.0.15" },
  hash: "0123456789abcdef",
};

const rows: PeerRow[] = [
  { ...summary, subject: "millrace" },
  { ...summary, subject: "redis", recordsPerSecond: 300_000, megabytesPerSecond: 307.2 },
];

const results: Results = {
  peers: { ...run, rows, durability: { millrace: "synced", redis: "synced" }, missing: {} },
};

test("figures go between their markers, and nothing else of the page changes", () => {
  const before = "# Page\n\n<!-- figures: peers -->\nold\n<!-- end -->\n\nProse.\n";
  const after = replaceFigures(before, renderFigures(results));
  expect(after).toMatch(/^# Page\n\n<!-- figures: peers -->\n[^]*<!-- end -->\n\nProse\.\n$/);
  expect(after).not.toContain("old");
  expect(after).toContain("| read 1000 records | 4 | redis |");
  expect(after).toContain("2036-01-02, commit 0123456789ab; A <fast> one, 2 cores, 8 GB");
  expect(replaceFigures(after, renderFigures(results))).toBe(after);
});

test("a section without results keeps what it has", () => {
  const before = "<!-- figures: http -->\nearlier\n<!-- end -->\n";
  expect(replaceFigures(before, renderFigures(results))).toBe(before);
});

test("Millrace does twice as much as half of it", () => {
  const { peers, aims } = renderFigures(results);
  expect(peers).toMatch(/\| redis .*\| 2\.00 \|/);
  expect(aims).toContain("2.00 times redis");
});

test("the chart has a bar for each, of a length that says how much, and fetches nothing", () => {
  const chart = drawChart(results);
  const bars = [...chart.matchAll(/<rect class="([\w ]+)" .* width="([\d.]+)"/g)];
  expect(bars.map(([, kind]) => kind)).toEqual(["bar ours", "bar"]);
  expect(Number(bars[0]![2])).toBeCloseTo(2 * Number(bars[1]![2]), 0);
  expect(chart).toContain("A &lt;fast> one");
  expect(chart).not.toMatch(/href|script|url\(|@import|@font-face/);
});

test("a chart of a file without peers is refused", () => {
  expect(() => drawChart({})).toThrow("npm run bench -- peers");
});

test("the chart of growth has a line for each request, level for what does not grow", () => {
  const requests = [
    { title: "page", size: 1, serverCpuMs: 1 },
    { title: "page", size: 100, serverCpuMs: 1 },
    { title: "scan", size: 1, serverCpuMs: 1 },
    { title: "scan", size: 100, serverCpuMs: 10 },
    { title: "floor", serverCpuMs: 0.1 },
  ];
  const grown = requests.map((each) => Object.assign({}, summary, each, { group: "segments" }));
  const chart = drawGrowth({ growth: { ...run, rows: grown, states: [] } });
  const lines = [...chart.matchAll(/<polyline class="(\w+)" points="([^"]+)"/g)].map(
    ([, kind, points = ""]) => {
      const [first = 0, last = 0] = points.split(" ").map((point) => Number(point.split(",")[1]));
      return [kind, Math.sign(first - last)];
    },
  );
  expect(lines).toEqual([
    ["line", 0],
    ["line", 1],
    ["floor", 0],
  ]);
  expect(() => drawGrowth({})).toThrow("npm run bench -- growth");
});

test("the newest results are found by their day, and other files are not taken for them", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-results-"));
  try {
    expect(() => findResults(folder)).toThrow("no results");
    const names = ["2036-01-02.json", "2036-01-10.json", "2036-01-11-distance.json", "notes.json"];
    for (const name of names) writeFileSync(join(folder, name), "{}");
    expect(findResults(folder)).toBe(join(folder, "2036-01-10.json"));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
