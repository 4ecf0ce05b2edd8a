// Measures scans: the engine in place beside plain TypeScript, the same bytes in files beside programs that search files,
// and a stream's history over HTTP beside reading all of it. Counts are compared before anything is timed.
//
//   npm run bench -- scan [--quick]

import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildEngine } from "../../local/build.ts";
import { Scanner } from "../../worker/engine/scanner.ts";
import { compileSelection } from "../../worker/scan/selection.ts";
import { compileEngine } from "../../test/engine/compile.ts";
import { makeDataFolder } from "../tools/process.ts";
import { type Effort, measureSubjects, type Subject } from "../tools/measure.ts";
import type { Progress } from "../tools/progress.ts";
import { contests, type ScanContest } from "./contests.ts";
import { listSearches } from "./files.ts";
import { benchHistory, type HistoryRow } from "./history.ts";
import type { PollRow } from "./polls.ts";
import { benchIndex, type IndexRow } from "./index.ts";
import { makeOrder, packOrders } from "./orders.ts";

export interface EngineScanRow {
  title: string;
  matches: number;
  /** Bytes of data a second. */
  engine: number;
  plain: number;
  spread: number;
}

export interface FileScanRow {
  title: string;
  program: string;
  /** Bytes of lines a second, median of the rounds; or what it takes to have the program. */
  speed: number | string;
}

export interface ScanBench {
  engine: EngineScanRow[];
  files: FileScanRow[];
  history: HistoryRow[];
  polls: PollRow[];
  index: IndexRow[];
}

const segmentOrders = 1000;
const fullEffort: Effort = { warmMs: 60, sampleMs: 10, rounds: 25 };
const quickEffort: Effort = { warmMs: 0, sampleMs: 0, rounds: 1 };

export async function benchScan(
  options: { quick: boolean; dataParent?: string },
  progress: Progress,
): Promise<ScanBench> {
  await buildEngine();
  progress("scan: engine");
  const engine = benchEngine(options.quick);
  progress("scan: files");
  const files = await benchFiles(options);
  progress("scan: history over HTTP");
  const { rows: history, polls } = await benchHistory(options, progress);
  progress("scan: filters of keys");
  const index = await benchIndex(options);
  return { engine, files, history, polls, index };
}

export function benchEngine(quick: boolean): EngineScanRow[] {
  const scanner = new Scanner(compileEngine("scan.wasm"));
  const orders = Array.from({ length: quick ? 50 : segmentOrders }, (_, i) => makeOrder(i));
  const chunk = packOrders(orders);
  const bytes = orders.reduce((sum, { data }) => sum + data.length, 0);
  const subjects = contests.flatMap((contest) =>
    subjectsOf(scanner, contest, chunk, orders.length),
  );
  const timings = measureSubjects(subjects, quick ? quickEffort : fullEffort);
  return contests.map(({ title, plain }) => {
    const [own, other] = [timings.get(title)!, timings.get(`${title}, plain`)!];
    return {
      title,
      matches: plain(chunk),
      engine: (bytes / own.callNs) * 1e9,
      plain: (bytes / other.callNs) * 1e9,
      spread: Math.max(own.spread, other.spread),
    };
  });
}

/** The scanner with the chunk in its memory, and plain TypeScript. Throws if they find different numbers. */
function subjectsOf(
  scanner: Scanner,
  { title, pattern, plain }: ScanContest,
  chunk: Uint8Array,
  count: number,
): Subject[] {
  const { program } = compileSelection({ where: JSON.stringify(pattern) })!;
  const found = scanner.select(program, chunk, 0, count, Infinity).count;
  if (found !== plain(chunk))
    throw new Error(`${title}: ${found} records, and ${plain(chunk)} in plain TypeScript`);
  let address = 0;
  return [
    {
      name: title,
      prepare: () => {
        scanner.loadProgram(program);
        address = scanner.loadRecords(chunk, 0, count);
      },
      run: () => scanner.raw.selectRecords(address, 0, count, 2 ** 32 - 1, 2 ** 30),
    },
    { name: `${title}, plain`, run: () => plain(chunk) },
  ];
}

export async function benchFiles({
  quick,
  dataParent,
}: {
  quick: boolean;
  dataParent?: string;
}): Promise<FileScanRow[]> {
  using folder = makeDataFolder(dataParent);
  const [lines, chunks] = [join(folder.path, "orders.ndjson"), join(folder.path, "orders.chunks")];
  const lengths: number[] = [];
  let bytes = 0;
  writeFileSync(lines, "");
  writeFileSync(chunks, "");
  for (let segment = 0; segment < (quick ? 1 : 200); segment++) {
    const orders = Array.from({ length: segmentOrders }, (_, i) =>
      makeOrder(segment * segmentOrders + i),
    );
    const text = orders.map(({ data }) => `${data.toString()}\n`).join("");
    const chunk = packOrders(orders);
    appendFileSync(lines, text);
    appendFileSync(chunks, chunk);
    lengths.push(chunk.length);
    bytes += text.length;
  }
  const searches = await listSearches(lines, chunks, lengths, {
    contains: programOf({ data: [{ contains: "express delivery" }] }),
    equals: programOf({ data: { status: ["failed"] } }),
    greater: programOf({ data: { amount: [{ numeric: [">", 990] }] } }),
  });
  const times = searches.map((): number[] => []);
  const counts = new Map<string, number>();
  for (let round = 0; round < (quick ? 1 : 5); round++) {
    for (const [i, { title, program, run }] of searches.entries()) {
      if (typeof run === "string") continue;
      const startMs = performance.now();
      const count = await run();
      times[i]!.push(performance.now() - startMs);
      const known = counts.get(title) ?? count;
      if (count !== known)
        throw new Error(`${title}: ${program} finds ${count} records, others ${known}`);
      counts.set(title, known);
    }
  }
  return searches.map(({ title, program, run }, i) => {
    const ordered = times[i]!.toSorted((a, b) => a - b);
    const medianMs = ordered[ordered.length >> 1];
    return {
      title,
      program,
      speed: medianMs === undefined ? String(run) : (bytes / medianMs) * 1000,
    };
  });
}

function programOf(pattern: object): Uint8Array {
  return compileSelection({ where: JSON.stringify(pattern) })!.program;
}
