// How fast the engine is: every batch operation on records of three sizes, in place (the bytes
// are in WASM memory and stay there) and through worker/engine.ts (copied in and out), beside
// careful plain TypeScript doing the same (bench/plain) and beside copying the same data. The
// outputs of both are compared first, and hashed. `--quick` runs everything once, for a test.
//
//   node bench/engine.ts [--quick]

import { createHash } from "node:crypto";
import { cpus } from "node:os";
import { buildEngine } from "../local/build.ts";
import { compileEngine } from "../test/engine/compile.ts";
import { Engine } from "../worker/engine.ts";
import { type Contest, listBatchContests, listFindContests } from "./engine-contests.ts";
import { type Effort, measureSubjects, sinkOf, type Timing } from "./measure.ts";
import { formatBytes, formatNumber, formatRatio, formatSpread, printTable } from "./table.ts";
import { makeWorkload } from "./workload.ts";

interface Size {
  dataBytes: number;
  count: number;
}

const quick = process.argv.includes("--quick");
const effort: Effort = quick
  ? { warmMs: 0, sampleMs: 0, rounds: 1 }
  : { warmMs: 50, sampleMs: 9, rounds: 12 };
/** About a megabyte of each size; one raw walk takes at most 8,192 records. */
const sizes: Size[] = [
  { dataBytes: 100, count: quick ? 80 : 8000 },
  { dataBytes: 1024, count: quick ? 20 : 1000 },
  { dataBytes: 65_536, count: quick ? 4 : 16 },
];
const findCount = quick ? 100 : 10_000;

await buildEngine();
const engine = new Engine(compileEngine("engine.wasm"));
const batches = sizes.flatMap(({ dataBytes, count }) =>
  listBatchContests(engine, makeWorkload(engine, dataBytes, count)),
);
const finds = listFindContests(engine, makeWorkload(engine, 100, findCount));
const contests = [...batches, ...finds];
const results = hashOutputs(contests);
const timings = measureSubjects(
  contests.flatMap(({ subjects }) => subjects),
  effort,
);

const date = new Date().toISOString().slice(0, 10);
console.log(`engine, release build; ${date}, node ${process.version}, ${cpus()[0]?.model}`);
console.log(
  "GB/s of record data; Mrec/s: millions of records a second; x: times plain TypeScript\n",
);
printTable(
  "operation|record|in place|Mrec/s|plain|x|memcpy/|copies|Mrec/s|plain|x|spread".split("|"),
  batches.map(formatBatch),
);
console.log("\nnanoseconds a call\n");
printTable("find|in place|plain|x|copies|spread".split("|"), finds.map(formatFind));
console.log(`\nresults ${results}, calls ${sinkOf()}`);

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

function formatBatch(contest: Contest): string[] {
  const { title, record, recordCount, dataBytes } = contest;
  const found = timingsOf(contest);
  const [inPlace, plain, copies, plainCopies] = found.map(({ callNs }) => callNs);
  const memcpy = batches.find((other) => other.title === "memcpy" && other.record === record)!;
  const memcpyNs = (timingsOf(memcpy)[0]!.callNs * dataBytes) / memcpy.dataBytes;
  const speed = (ns?: number): string => formatNumber(dataBytes / (ns ?? NaN));
  const rate = (ns?: number): string => formatNumber((recordCount / (ns ?? NaN)) * 1000);
  return [
    title,
    formatBytes(record),
    speed(inPlace),
    rate(inPlace),
    speed(plain),
    formatRatio(plain, inPlace),
    formatRatio(memcpyNs, inPlace),
    speed(copies),
    rate(copies),
    speed(plainCopies),
    formatRatio(plainCopies, copies),
    formatSpread(found.map(({ spread }) => spread)),
  ];
}

function formatFind(contest: Contest): string[] {
  const found = timingsOf(contest);
  const [inPlace, plain, copies] = found.map(({ callNs }) => callNs);
  return [
    contest.title,
    formatNumber(inPlace),
    formatNumber(plain),
    formatRatio(plain, inPlace),
    formatNumber(copies),
    formatSpread(found.map(({ spread }) => spread)),
  ];
}

function timingsOf({ subjects }: Contest): Timing[] {
  return subjects.map(({ name }) => timings.get(name)!);
}
