// The parts of a run, each with what it prints and what it leaves in a file. A part's figures are saved
// when the part is done, so that a failure of a later one does not lose them. A part that fails is one
// line; the others still run.

import { benchDistance } from "./distance/distance.ts";
import { saveDistance } from "./distance/report.ts";
import { distanceTables } from "./distance/tables.ts";
import { benchEngine } from "./engine/engine.ts";
import { engineTables } from "./engine/tables.ts";
import type { BenchFlags, Kind } from "./flags.ts";
import { benchGrowth } from "./growth/growth.ts";
import { growthTables } from "./growth/tables.ts";
import { benchHttp } from "./http/http.ts";
import { httpTables } from "./http/tables.ts";
import { benchPeers } from "./peers/peers.ts";
import { listPromises, peersTable } from "./peers/tables.ts";
import { benchPlatform, platformTable } from "./platform/platform.ts";
import { asPart, type Commit, saveResults } from "./report/results.ts";
import { printTable, type Table } from "./report/textTable.ts";
import { benchScan } from "./scan/scan.ts";
import { scanTables } from "./scan/tables.ts";
import type { Summary } from "./tools/load.ts";
import { sinkOf } from "./tools/measure.ts";
import { endProgress, type Progress } from "./tools/progress.ts";

export interface PartReport {
  tables: Table[];
  notes: string[];
  /** Writes the figures to their file; returns its path. */
  save: () => string;
}

export interface Part {
  name: string;
  run: (progress: Progress) => Promise<PartReport>;
}

/** The parts that are wanted, in the order in which they run. */
export function listParts(flags: BenchFlags, commit: Commit): Part[] {
  const { quick } = flags;
  const where = flags.data === undefined ? {} : { dataParent: flags.data };
  const all: Record<Kind, Part["run"]> = {
    async engine(progress) {
      const bench = await benchEngine({ quick }, progress);
      const notes = [`results ${bench.hash}, calls ${sinkOf()}`];
      const save = () => saveResults({ engine: asPart(bench, commit) });
      return { tables: engineTables(bench), notes, save };
    },
    async http(progress) {
      const bench = await benchHttp({ quick, seconds: flags.seconds ?? 30, ...where }, progress);
      const save = () => saveResults({ http: asPart(bench, commit) });
      return { tables: httpTables(bench.rows), notes: notesOf(bench), save };
    },
    async peers(progress) {
      const bench = await benchPeers({ quick, seconds: flags.seconds ?? 60, ...where }, progress);
      const save = () => saveResults({ peers: asPart(bench, commit) });
      const notes = [...listPromises(bench), "", ...notesOf(bench)];
      return { tables: [peersTable(bench.rows)], notes, save };
    },
    async platform(progress) {
      const bench = await benchPlatform({ quick }, progress);
      const save = () => saveResults({ platform: asPart(bench, commit) });
      return { tables: [platformTable(bench)], notes: [], save };
    },
    async distance(progress) {
      const bench = await benchDistance({ quick, ...where }, progress);
      const save = () => saveDistance(asPart(bench, commit));
      return { tables: distanceTables(bench.rows), notes: [`results ${bench.hash}`], save };
    },
    async scan(progress) {
      const bench = await benchScan({ quick, ...where }, progress);
      const notes = [`calls ${sinkOf()}`];
      return {
        tables: scanTables(bench),
        notes,
        save: () => saveResults({ scan: asPart(bench, commit) }),
      };
    },
    async growth(progress) {
      const bench = await benchGrowth({ quick, ...where }, progress);
      const save = () => saveResults({ growth: asPart(bench, commit) });
      return { tables: growthTables(bench), notes: [], save };
    },
  };
  const wanted = Object.entries(all).filter(([name]) => flags.kinds.has(name as Kind));
  return wanted.map(([name, run]) => ({ name, run }));
}

/** Runs the parts and prints what they report. Returns the names of those that failed. */
export async function runParts(
  parts: readonly Part[],
  { keep, progress }: { keep: boolean; progress: Progress },
): Promise<string[]> {
  const failed: string[] = [];
  for (const { name, run } of parts) {
    try {
      const { tables, notes, save } = await run(progress);
      endProgress();
      tables.forEach(printTable);
      if (notes.length > 0) console.log(`\n${notes.join("\n")}`);
      if (keep) console.log(`\n${name}: saved in ${save()}`);
    } catch (error) {
      endProgress();
      console.error(`bench: ${name}: ${lineOf(error)}`);
      failed.push(name);
    }
  }
  return failed;
}

function notesOf({ rows, hash }: { rows: readonly Summary[]; hash: string }): string[] {
  const busiest = Math.max(...rows.map(({ ownLoad }) => ownLoad));
  return [
    "cpu ms: processor time of the server for one request; spread: of the rounds, – with one round",
    `making the load took at most ${Math.round(busiest * 100)}% of a core`,
    `results ${hash}`,
  ];
}

/** What went wrong, on one line; of a server that does not start, what it printed last. */
function lineOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const lines = text.split("\n").map((line) => line.trim());
  const said = lines.filter((line) => line !== "" && !line.startsWith("at "));
  return said.length > 1 ? `${said[0]} ${said.at(-1)}` : (said[0] ?? "failed without a reason");
}
