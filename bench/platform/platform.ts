// Measures the cost of each step of a request in workerd on this machine: lower bounds that our
// code cannot improve. docs/PERFORMANCE.md has the conclusions.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildWorker } from "../../local/build.ts";
import { startRuntime } from "../../local/runtime.ts";
import { quantile } from "../tools/load.ts";
import { makeDataFolder } from "../tools/process.ts";
import type { Progress } from "../tools/progress.ts";
import type { PlatformBench } from "../report/results.ts";
import { formatNumber, formatRounds, formatSpread, type Table } from "../report/textTable.ts";

export async function benchPlatform(
  { quick }: { quick: boolean },
  progress: Progress,
): Promise<PlatformBench> {
  using folder = makeDataFolder();
  const scratch = join(folder.path, "tmp");
  mkdirSync(scratch);
  const entry = join(import.meta.dirname, "worker.ts");
  const modules = await buildWorker(entry, join(folder.path, "build"));
  const runtime = await startRuntime({
    modules,
    folder: { path: folder.path, scratch },
    objects: { ECHO: "Echo" },
  });
  try {
    const worker = `http://${runtime.host}:${runtime.port}/`;
    const [rounds, roundMs] = quick ? [1, 1] : [9, 100];
    const steps = await readSteps(worker);
    const times = new Map<string, number>();
    for (const step of steps) times.set(step, await findTimes(worker, step, roundMs));
    const taken = new Map<string, number[]>(steps.map((step) => [step, []]));
    for (let round = 0; round < rounds; round++) {
      progress(`platform: ${Math.round((round / rounds) * 100)}%`);
      for (const step of steps) {
        const count = times.get(step) ?? 1;
        taken.get(step)?.push(((await time(worker, step, count)) * 1000) / count);
      }
    }
    return { rows: [...taken].map(([step, each]) => summarise(step, each)) };
  } finally {
    await runtime.dispose();
  }
}

export function platformTable({ rows }: PlatformBench): Table {
  return {
    title: "What the platform asks for, in microseconds",
    columns: ["step", "µs", "spread", "rounds"],
    rows: rows.map(({ step, microseconds, spread, rounds }) => [
      step,
      formatNumber(microseconds),
      formatSpread(spread, rounds),
      formatRounds(rounds),
    ]),
  };
}

function summarise(step: string, each: readonly number[]): PlatformBench["rows"][number] {
  const microseconds = quantile(each, 0.5);
  const spread = (quantile(each, 0.75) - quantile(each, 0.25)) / 2 / microseconds;
  return { step, microseconds, spread, rounds: each.length };
}

async function readSteps(worker: string): Promise<string[]> {
  const reply: unknown = await (await fetch(worker)).json();
  if (Array.isArray(reply) && reply.every((step) => typeof step === "string")) return reply;
  throw new Error("the Worker does not name its steps");
}

/** How often a step fits into a round. */
async function findTimes(worker: string, step: string, roundMs: number): Promise<number> {
  for (let count = 1; ; count *= 4) {
    const ms = await time(worker, step, count);
    if (ms > roundMs / 4) return Math.max(1, Math.ceil((count * roundMs) / ms));
  }
}

/** Milliseconds of one request that does the step so often. */
async function time(worker: string, step: string, count: number): Promise<number> {
  const startMs = performance.now();
  const reply = await fetch(`${worker}?step=${encodeURIComponent(step)}&times=${count}`);
  if ((await reply.text()) !== "done") throw new Error(`${step}: status ${reply.status}`);
  return performance.now() - startMs;
}
