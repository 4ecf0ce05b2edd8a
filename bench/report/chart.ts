// Draws docs/bench.svg from a results file: Millrace and its peers as horizontal bars, a group for each
// contest.
//
//   node bench/report/chart.ts [--results bench/results/<date>.json]

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tools/process.ts";
import { findResults, floorSubject, type PeerRow, type Results, readResults } from "./results.ts";
import { drawImage, drawText, margin, width } from "./svg.ts";
import { formatNumber } from "./textTable.ts";
import { readFlags, resultsFlag } from "../tools/flags.ts";

interface Group {
  contest: string;
  title: string;
  unit: string;
  value: (row: PeerRow) => number;
}

const groups: Group[] = [
  {
    contest: "page",
    title: "Reading pages of 1000 records of 1 KiB, 4 connections",
    unit: "MB/s",
    value: (row) => row.megabytesPerSecond,
  },
  {
    contest: "batch",
    title: "Writing 500 records of 1 KiB at once, 4 connections",
    unit: "MB/s",
    value: (row) => row.megabytesPerSecond,
  },
  {
    contest: "single",
    title: "Writing a record of 1 KiB, 64 connections",
    unit: "records/s",
    value: (row) => row.recordsPerSecond,
  },
  {
    contest: "idle",
    title: "Polling with nothing new, 64 connections",
    unit: "polls/s",
    value: (row) => row.requestsPerSecond,
  },
];

const nameWidth = 130;
const valueWidth = 130;
const barHeight = 16;
const barStep = 22;
const titleHeight = 30;
/** Throws when the file has no run with peers. */
export function drawChart({ peers }: Results): string {
  if (peers === undefined) throw new Error("no run with peers: npm run bench -- peers");
  const parts: string[] = [];
  let y = margin;
  for (const group of groups) {
    const rows = peers.rows.filter(
      ({ group: contest, subject }) => contest === group.contest && subject !== floorSubject,
    );
    if (rows.length === 0) continue;
    parts.push(drawGroup(group, rows, y));
    y += titleHeight + rows.length * barStep + margin;
  }
  const { machine, ended, durability, versions } = peers;
  const promises = Object.entries(durability).filter(([name]) => name !== floorSubject);
  const notes = [
    `${ended.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores; interleaved rounds, medians`,
    ...promises.map(([name, promise]) => `${name} ${versions[name]}: ${promise}`),
  ];
  const lines = notes.map((note, i) => drawText(margin, y + 12 + i * 15, "note", note));
  const height = y + notes.length * 15 + margin;
  return drawImage("Millrace and its peers", height, [...parts, ...lines]);
}

function drawGroup({ title, unit, value }: Group, rows: readonly PeerRow[], top: number): string {
  const most = Math.max(...rows.map(value));
  const barsWidth = width - 2 * margin - nameWidth - valueWidth;
  const bars = rows.map((row, i) => {
    const y = top + titleHeight + i * barStep;
    const length = Math.max(1, (value(row) / most) * barsWidth);
    const x = margin + nameWidth;
    const kind = row.subject.startsWith("millrace") ? "bar ours" : "bar";
    const figure = `${formatNumber(value(row))} ${unit}`;
    return [
      drawText(margin, y + barHeight - 4, "", row.subject),
      `<rect class="${kind}" x="${x}" y="${y}" width="${length.toFixed(1)}" ` +
        `height="${barHeight}" rx="2"/>`,
      drawText(x + length + 6, y + barHeight - 4, "", figure),
    ].join("\n");
  });
  return [drawText(margin, top + 16, "title", title), ...bars].join("\n");
}

if (import.meta.main) {
  const file = join(root, "docs", "bench.svg");
  const { results = findResults() } = readFlags("bench/report/chart.ts", resultsFlag);
  writeFileSync(file, drawChart(readResults(results)));
  console.log(file);
}
