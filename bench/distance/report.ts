// The file of a run, bench/results/<date>-distance.json, and its figures in docs/DISTANCE.md, between
// the page's markers.
//
//   node bench/distance/report.ts [--results bench/results/<date>-distance.json]

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DistanceResults } from "./distance.ts";
import { distanceTables } from "./tables.ts";
import { root } from "../tools/process.ts";
import { replaceFigures } from "../report/report.ts";
import { markdownTable } from "../report/textTable.ts";
import { readFlags, resultsFlag } from "../tools/flags.ts";

const page = join(root, "docs", "DISTANCE.md");
const resultsFolder = join(root, "bench", "results");
const suffix = "-distance.json";

/** Returns the file's path. A later run of the same day replaces it. */
export function saveDistance(results: DistanceResults, folder = resultsFolder): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${results.ended.slice(0, 10)}${suffix}`);
  writeFileSync(file, `${JSON.stringify(results, roundNumber, 2)}\n`);
  return file;
}

export function renderDistance(results: DistanceResults): string {
  const { machine, versions, commit, ended, command } = results;
  const { cpu, cores, memoryGigabytes, kernel, load } = machine;
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const run =
    `\`${command}\`, ${ended.slice(0, 10)}, commit ${commit}; ${cpu}, ${cores} cores, ` +
    `${memoryGigabytes} GB, ${kernel}, load ${load}; ${names.join(", ")}.`;
  return [run, ...distanceTables(results.rows).map(markdownTable)].join("\n\n");
}

/** The newest file. Throws when there is none. */
function findDistance(): string {
  const names = existsSync(resultsFolder) ? readdirSync(resultsFolder) : [];
  const newest = names
    .filter((name) => name.endsWith(suffix))
    .toSorted()
    .at(-1);
  if (newest === undefined) throw new Error("no results: npm run bench -- distance");
  return join(resultsFolder, newest);
}

/** Five digits are more than any of the numbers is worth. */
function roundNumber(_: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(5)) : value;
}

if (import.meta.main) {
  const { results: file = findDistance() } = readFlags("bench/distance/report.ts", resultsFlag);
  const results = JSON.parse(readFileSync(file, "utf8")) as DistanceResults;
  const figures = { distance: renderDistance(results) };
  writeFileSync(page, replaceFigures(readFileSync(page, "utf8"), figures));
  execFileSync(join(root, "node_modules", ".bin", "oxfmt"), [page]);
  console.log(page);
}
