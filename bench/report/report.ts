// Writes the figures of a results file into docs/PERFORMANCE.md, between its markers, and leaves the
// prose around them alone. Figures enter a page only this way.
//
//   node bench/report/report.ts [--results bench/results/<date>.json]

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aimsTable } from "./aims.ts";
import { engineTables } from "../engine/tables.ts";
import { growthTables } from "../growth/tables.ts";
import { httpTables } from "../http/tables.ts";
import { listPromises, peersTable } from "../peers/tables.ts";
import { platformTable } from "../platform/platform.ts";
import { root } from "../tools/process.ts";
import { findResults, type Results, type Run, readResults } from "./results.ts";
import { markdownTable } from "./textTable.ts";
import { readFlags, resultsFlag } from "../tools/flags.ts";

const page = join(root, "docs", "PERFORMANCE.md");

/** The text of each section of figures, by the name in its markers. */
export function renderFigures(results: Results): Record<string, string> {
  const { engine, http, peers, platform, growth } = results;
  return {
    aims: markdownTable(aimsTable(results)),
    engine: engine
      ? paragraphs([describe(engine), ...engineTables(engine).map(markdownTable)])
      : "",
    http: http ? paragraphs([describe(http), ...httpTables(http.rows).map(markdownTable)]) : "",
    peers: peers
      ? paragraphs([
          describe(peers),
          markdownTable(peersTable(peers.rows)),
          listPromises(peers)
            .map((line) => `- ${line}`)
            .join("\n"),
        ])
      : "",
    growth: growth
      ? paragraphs([describe(growth), ...growthTables(growth).map(markdownTable)])
      : "",
    platform: platform
      ? paragraphs([describe(platform), markdownTable(platformTable(platform))])
      : "",
  };
}

/** Replaces what stands between `<!-- figures: NAME -->` and `<!-- end -->`. */
export function replaceFigures(text: string, figures: Record<string, string>): string {
  return text.replace(
    /(<!-- figures: (\w+) -->\n)[^]*?(<!-- end -->)/g,
    (whole, begin: string, name: string, end: string) => {
      const figure = figures[name];
      return figure ? `${begin}\n${figure.trimEnd()}\n\n${end}` : whole;
    },
  );
}

function describe({ machine, versions, commit, ended, command }: Run): string {
  const { cpu, cores, memoryGigabytes, kernel, load } = machine;
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return (
    `\`${command}\`, ${ended.slice(0, 10)}, commit ${commit}; ${cpu}, ${cores} cores, ` +
    `${memoryGigabytes} GB, ${kernel}, load ${load}; ${names.join(", ")}.`
  );
}

function paragraphs(parts: readonly string[]): string {
  return parts.join("\n\n");
}

if (import.meta.main) {
  const flags = readFlags("bench/report/report.ts", resultsFlag);
  const results = readResults(flags.results ?? findResults());
  const before = readFileSync(page, "utf8");
  writeFileSync(page, replaceFigures(before, renderFigures(results)));
  // Tables are laid out like the rest of the repository.
  execFileSync(join(root, "node_modules", ".bin", "oxfmt"), [page]);
  console.log(page);
}
