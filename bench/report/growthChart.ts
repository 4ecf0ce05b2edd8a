// Draws docs/growth.svg from a results file: for each axis of bench/growth/growth.ts the processor time of a request over the
// size, both on logarithmic scales. A line that stays level is what is wanted.
//
//   node bench/report/growthChart.ts [--results bench/results/<date>.json]

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GrowthRow } from "../growth/growth.ts";
import type { Axis } from "../growth/loads.ts";
import { root } from "../tools/process.ts";
import { findResults, type Results, readResults } from "./results.ts";
import { drawImage, drawText, margin, width } from "./svg.ts";
import { formatNumber } from "./textTable.ts";
import { readFlags, resultsFlag } from "../tools/flags.ts";

const panelHeight = 230;
const titleHeight = 34;
const axisWidth = 60;
const labelWidth = 230;
/** Between the names of two lines. */
const labelStep = 14;

const titles: Record<Axis, string> = {
  segments: "Segments in a shard",
  shards: "Shards of a stream",
  streams: "Streams of an account",
};

/** Throws when the file has no such run. */
export function drawGrowth({ growth }: Results): string {
  if (growth === undefined) throw new Error("no run of growth: npm run bench -- growth");
  const panels = (Object.keys(titles) as Axis[]).flatMap((axis) => {
    const rows = growth.rows.filter(({ group, serverCpuMs }) => group === axis && serverCpuMs);
    return rows.some(({ size }) => size !== undefined) ? [{ axis, rows }] : [];
  });
  const parts = panels.map(({ axis, rows }, i) =>
    drawPanel(titles[axis], rows, margin + i * (panelHeight + titleHeight + margin * 2)),
  );
  const bottom = margin + panels.length * (panelHeight + titleHeight + margin * 2);
  const { machine, ended } = growth;
  const note = `${ended.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores; processor time of the server for a request, in ms`;
  const image = [...parts, drawText(margin, bottom, "note", note)];
  return drawImage("What a request costs as data grow", bottom + margin, image);
}

function drawPanel(title: string, rows: readonly GrowthRow[], top: number): string {
  const sizes = [...new Set(rows.flatMap(({ size }) => size ?? []))].toSorted((a, b) => a - b);
  const costs = rows.map(({ serverCpuMs = NaN }) => serverCpuMs);
  const [least, most] = [
    Math.floor(Math.log10(Math.min(...costs))),
    Math.ceil(Math.log10(Math.max(...costs))),
  ];
  const left = margin + axisWidth;
  const right = width - margin - labelWidth;
  const ceiling = top + titleHeight;
  const place = scale(Math.log10(sizes[0]!), Math.log10(sizes.at(-1)!), left, right);
  const level = scale(least, most, ceiling + panelHeight, ceiling);
  const x = (size: number) => place(Math.log10(size));
  const y = (row: GrowthRow | undefined) => level(Math.log10(row?.serverCpuMs ?? NaN));
  const parts = [drawText(margin, top + 16, "title", title)];
  for (let power = least; power <= most; power++) {
    const at = level(power).toFixed(1);
    parts.push(`<line class="grid" x1="${left}" x2="${right}" y1="${at}" y2="${at}"/>`);
    parts.push(drawText(margin, level(power) + 4, "note", `${formatNumber(10 ** power)} ms`));
  }
  for (const size of sizes) {
    parts.push(
      drawText(x(size) - 8, ceiling + panelHeight + 16, "note", size.toLocaleString("en")),
    );
  }
  const names: { title: string; y: number }[] = [];
  for (const name of new Set(rows.map((row) => row.title))) {
    const own = rows.filter((row) => row.title === name);
    const isFloor = own[0]?.size === undefined;
    const points = sizes.map((size) => {
      const row = isFloor ? own[0] : own.find((each) => each.size === size);
      return `${x(size).toFixed(1)},${y(row).toFixed(1)}`;
    });
    parts.push(`<polyline class="${isFloor ? "floor" : "line"}" points="${points.join(" ")}"/>`);
    names.push({
      title: name,
      y: y(isFloor ? own[0] : own.find(({ size }) => size === sizes.at(-1))),
    });
  }
  let above = -Infinity;
  for (const { title: name, y: at } of names.toSorted((a, b) => a.y - b.y)) {
    above = Math.max(at + 4, above + labelStep);
    parts.push(drawText(right + 8, above, "note", name));
  }
  return parts.join("\n");
}

function scale(from: number, to: number, first: number, last: number): (value: number) => number {
  const span = to === from ? 1 : to - from;
  return (value) => first + ((value - from) / span) * (last - first);
}

if (import.meta.main) {
  const file = join(root, "docs", "growth.svg");
  const { results = findResults() } = readFlags("bench/report/growthChart.ts", resultsFlag);
  writeFileSync(file, drawGrowth(readResults(results)));
  console.log(file);
}
