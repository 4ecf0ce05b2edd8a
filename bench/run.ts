// A run of the benchmarks: builds, warns of what makes figures doubtful, runs the parts that are wanted,
// and says where it ran.

import { stop as stopEsbuild } from "esbuild";
import { buildAll } from "../local/build.ts";
import type { BenchFlags } from "./flags.ts";
import { listParts, runParts } from "./parts.ts";
import { describeMachine, readCommit } from "./report/results.ts";
import { findOtherWork } from "./tools/machine.ts";
import { startProgress } from "./tools/progress.ts";

/** Sets the exit code 1 if a part fails. Throws a Failure if nothing can be built. */
export async function bench(flags: BenchFlags): Promise<void> {
  const progress = startProgress();
  progress("building");
  await buildAll();
  const commit = readCommit();
  const otherWork = await findOtherWork();
  if (otherWork !== undefined) console.error(otherWork);
  if (commit.isChanged && !flags.quick) {
    console.error(`warning: the code differs from commit ${commit.id}: nothing will be saved`);
  }
  const keep = !flags.quick && !commit.isChanged;
  const failed = await runParts(listParts(flags, commit), { keep, progress });
  await stopEsbuild();
  const { machine, versions } = describeMachine();
  console.log(`\n${machine.cpu}, ${machine.cores} cores, ${machine.memoryGigabytes} GB`);
  console.log(`${machine.kernel}, load ${machine.load}, commit ${commit.id}`);
  console.log(Object.entries(versions).flat().join(" "));
  if (failed.length > 0) process.exitCode = 1;
}
