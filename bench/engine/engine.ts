// Measures the engine: every batch operation on records of three sizes, in place (the bytes stay in
// WASM memory) and through worker/engine/engine.ts (copied in and out). For comparison: the same in
// careful plain TypeScript (bench/engine/plain), and copying the same data. The outputs of both are
// compared first, and hashed. Run by itself it prints its tables; `--quick` runs everything once,
// for a test.
//
//   node bench/engine/engine.ts [--quick]

import { createHash } from "node:crypto";
import { buildEngine } from "../../local/build.ts";
import { compileEngine } from "../../test/engine/compile.ts";
import { EngineProbe } from "../../test/support/engineProbe.ts";
import { type Contest, listBatchContests, listFindContests, listPutContests } from "./contests.ts";
import {
  type Effort,
  measureSubjects,
  sinkOf,
  type Subject,
  type Timing,
} from "../tools/measure.ts";
import type { EngineBench, EngineRow } from "../report/results.ts";
import { engineTables } from "./tables.ts";
import { printTable } from "../report/textTable.ts";
import { makeWorkload } from "../tools/workload.ts";
import { readFlags } from "../tools/flags.ts";

const fullEffort: Effort = { warmMs: 60, sampleMs: 6, rounds: 25 };
const quickEffort: Effort = { warmMs: 0, sampleMs: 0, rounds: 1 };

/** Room for the chunk of each workload. */
const hotBytes = 16 * 2 ** 20;

export async function benchEngine(
  { quick }: { quick: boolean },
  progress: (what: string) => void,
): Promise<EngineBench> {
  await buildEngine();
  const engine = new EngineProbe(compileEngine("engine.wasm"), {}, hotBytes);
  progress("engine: making records");
  const workloads = sizesOf(quick).map(({ dataBytes, count }) =>
    makeWorkload(engine, dataBytes, count),
  );
  const batches = workloads.flatMap((workload) => listBatchContests(engine, workload));
  const finds = listFindContests(engine, makeWorkload(engine, 100, quick ? 100 : 10_000));
  const contests = [...batches, ...finds];
  progress("engine: measuring");
  const effort = quick ? quickEffort : fullEffort;
  const timings = measureSubjects(subjectsOf(contests), effort);
  const puts = workloads.flatMap((workload) => listPutContests(engine, workload));
  for (const [name, timing] of measureSubjects(subjectsOf(puts), effort)) timings.set(name, timing);
  const hash = hashOutputs([...contests, ...puts]);
  return {
    batches: [...batches, ...puts].map((contest) => batchRow(contest, batches, timings)),
    finds: finds.map((contest) => findRow(contest, timings)),
    hash,
  };
}

function subjectsOf(contests: readonly Contest[]): Subject[] {
  return contests.flatMap(({ subjects }) => subjects);
}

/** About a megabyte of each size; one raw walk takes at most 8,192 records. */
function sizesOf(quick: boolean): { dataBytes: number; count: number }[] {
  return [
    { dataBytes: 100, count: quick ? 80 : 8000 },
    { dataBytes: 1024, count: quick ? 20 : 1000 },
    { dataBytes: 65_536, count: quick ? 4 : 16 },
  ];
}

/** Checks that all sides of each contest made the same bytes. */
function hashOutputs(contests: readonly Contest[]): string {
  const hash = createHash("sha256");
  for (const { title, outputs } of contests) {
    const [first, ...others] = outputs;
    for (const other of others)
      if (Buffer.compare(first!, other) !== 0) throw new Error(`${title}: outputs differ`);
    hash.update(first!);
  }
  return hash.digest("hex").slice(0, 16);
}

function batchRow(
  contest: Contest,
  batches: readonly Contest[],
  timings: Map<string, Timing>,
): EngineRow {
  const [inPlace, plain, copies, plainCopies] = callsOf(contest, timings);
  const isCopy = (other: Contest): boolean =>
    other.title === "memcpy" && other.record === contest.record;
  const memcpy = batches.find(isCopy)!;
  const [memcpyNs = NaN] = callsOf(memcpy, timings);
  return {
    ...commonOf(contest, timings),
    ...times({ inPlaceNs: inPlace, plainNs: plain, copiesNs: copies, plainCopiesNs: plainCopies }),
    memcpyNs: (memcpyNs * contest.dataBytes) / memcpy.dataBytes,
  };
}

function findRow(contest: Contest, timings: Map<string, Timing>): EngineRow {
  const [inPlace, plain, copies] = callsOf(contest, timings);
  return {
    ...commonOf(contest, timings),
    ...times({ inPlaceNs: inPlace, plainNs: plain, copiesNs: copies }),
  };
}

function commonOf(contest: Contest, timings: Map<string, Timing>) {
  const { title, record: recordBytes, recordCount, dataBytes } = contest;
  const own = contest.subjects.map(({ name }) => timings.get(name)!);
  const spread = Math.max(...own.map(({ spread }) => spread));
  const rounds = Math.min(...own.map(({ rounds }) => rounds));
  return { title, recordBytes, recordCount, dataBytes, spread, rounds };
}

function callsOf({ subjects }: Contest, timings: Map<string, Timing>): number[] {
  return subjects.map(({ name }) => timings.get(name)!.callNs);
}

/** Leaves out what was not measured. */
function times(found: Record<string, number | undefined>): Partial<EngineRow> {
  return Object.fromEntries(Object.entries(found).filter(([, ns]) => ns !== undefined));
}

if (import.meta.main) {
  const { quick } = readFlags("bench/engine/engine.ts", {
    quick: { isSwitch: true, what: "everything once with small data: no figure means anything" },
  });
  const bench = await benchEngine({ quick }, () => {});
  engineTables(bench).forEach(printTable);
  console.log(`\nresults ${bench.hash}, calls ${sinkOf()}`);
}
