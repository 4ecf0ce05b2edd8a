// `npm run bench`: the engine by itself, then Millrace over HTTP; on request, its peers in the same
// run, or Workers at a distance from their shards. Everything is on this machine and on loopback,
// prints tables, and ends with a file under bench/results.
//
//   npm run bench [-- engine|http|peers|platform|distance|all] [--quick] [--seconds N] [--data DIR]
//
//   --quick      everything once and small, nothing saved
//   --seconds N  time measured over HTTP, in all (30), and with the peers (60)
//   --data DIR   where the servers keep their data, on a disk (build/)

import { parseArgs } from "node:util";
import { stop as stopEsbuild } from "esbuild";
import { benchDistance } from "./distance/distance.ts";
import { saveDistance } from "./distance/report.ts";
import { distanceTables } from "./distance/tables.ts";
import { benchEngine } from "./engine/engine.ts";
import { engineTables } from "./engine/tables.ts";
import { benchHttp } from "./http/http.ts";
import { httpTables } from "./http/tables.ts";
import type { Summary } from "./tools/load.ts";
import { sinkOf } from "./tools/measure.ts";
import { benchPeers } from "./peers/peers.ts";
import { listPromises, peersTable } from "./peers/tables.ts";
import { benchPlatform, platformTable } from "./platform/platform.ts";
import { endProgress, startProgress } from "./tools/progress.ts";
import { asPart, describeRun, type Results, saveResults } from "./report/results.ts";
import { printTable } from "./report/textTable.ts";

const kinds = ["engine", "http", "peers", "platform", "distance", "all"] as const;
type Kind = (typeof kinds)[number];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    seconds: { type: "string" },
    data: { type: "string" },
  },
});
const wanted = readKinds(positionals);
const seconds = values.seconds === undefined ? undefined : readSeconds(values.seconds);
const { quick } = values;
const where = values.data === undefined ? {} : { dataParent: values.data };
const progress = startProgress();
const results: Results = {};

if (wanted.has("engine")) {
  const bench = await benchEngine({ quick }, progress);
  endProgress();
  engineTables(bench).forEach(printTable);
  console.log(`\nresults ${bench.hash}, calls ${sinkOf()}`);
  results.engine = asPart(bench);
}
if (wanted.has("http")) {
  const bench = await benchHttp({ quick, seconds: seconds ?? 30, ...where }, progress);
  endProgress();
  httpTables(bench.rows).forEach(printTable);
  printNotes(bench);
  results.http = asPart(bench);
}
if (wanted.has("peers")) {
  const bench = await benchPeers({ quick, seconds: seconds ?? 60, ...where }, progress);
  endProgress();
  printTable(peersTable(bench.rows));
  console.log(`\n${listPromises(bench).join("\n")}`);
  printNotes(bench);
  results.peers = asPart(bench);
}
if (wanted.has("platform")) {
  const bench = await benchPlatform({ quick }, progress);
  endProgress();
  printTable(platformTable(bench));
  results.platform = asPart(bench);
}
if (wanted.has("distance")) {
  const bench = await benchDistance({ quick, ...where }, progress);
  endProgress();
  distanceTables(bench.rows).forEach(printTable);
  console.log(`\nresults ${bench.hash}`);
  if (!quick) console.log(`saved in ${saveDistance(asPart(bench))}`);
}
await stopEsbuild();
const { machine, versions, commit } = describeRun();
console.log(`\n${machine.cpu}, ${machine.cores} cores, ${machine.memoryGigabytes} GB`);
console.log(`${machine.kernel}, load ${machine.load}, commit ${commit}`);
console.log(Object.entries(versions).flat().join(" "));
const hasParts = Object.keys(results).length > 0;
if (!quick && hasParts) console.log(`saved in ${saveResults(results)}`);

function printNotes({ rows, hash }: { rows: readonly Summary[]; hash: string }): void {
  const busiest = Math.max(...rows.map(({ ownLoad }) => ownLoad));
  console.log("\ncpu ms: processor time of the server for one request");
  console.log(`making the load took at most ${Math.round(busiest * 100)}% of a core`);
  console.log(`results ${hash}`);
}

function readKinds(names: string[]): Set<Kind> {
  const [name = "default", ...rest] = names;
  const kind = kinds.find((each) => each === name);
  if (rest.length > 0 || (kind === undefined && name !== "default")) {
    console.error(`bench: there are ${kinds.join(", ")}, not ${names.join(" ")}`);
    process.exit(2);
  }
  if (kind === "all") return new Set(["engine", "http", "peers", "platform", "distance"]);
  return new Set(kind === undefined ? ["engine", "http"] : [kind]);
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (seconds >= 1 && seconds <= 3600) return seconds;
  console.error(`bench: --seconds ${text} is no number from 1 to 3600`);
  process.exit(2);
}
