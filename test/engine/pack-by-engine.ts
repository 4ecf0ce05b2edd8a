// Makes a chunk the way the service does: a Worker packs the records of each commit, the shard
// stamps each pack with where it stands, and merging joins them. Commits are cut where the
// arrival time changes, and wherever else `cuts` asks for.

import type { Engine } from "../../worker/engine/engine.ts";
import { batchOf } from "../../worker/engine/recordBatch.ts";
import { stampChunk } from "../../worker/engine/chunk.ts";
import { arrivalOrdinals, type ModelChunk } from "../reference/record.ts";

export function packByEngine(
  engine: Engine,
  chunk: ModelChunk,
  cuts: ReadonlySet<number> = new Set(),
): Uint8Array {
  const commits = packCommits(engine, chunk, cuts);
  return commits.length === 1 ? commits[0]! : engine.merge(commits);
}

export function packCommits(
  engine: Engine,
  { firstIndex, timeOrdinal, records }: ModelChunk,
  cuts: ReadonlySet<number> = new Set(),
): Uint8Array[] {
  const ordinals = arrivalOrdinals({ firstIndex, timeOrdinal, records });
  const commits: Uint8Array[] = [];
  let from = 0;
  for (let to = 1; to <= records.length; to++) {
    const { timeMs } = records[from]!;
    if (to < records.length && records[to]!.timeMs === timeMs && !cuts.has(to)) continue;
    const commit = engine.pack(batchOf(records.slice(from, to)));
    stampChunk(commit, { firstIndex: firstIndex + from, timeMs, timeOrdinal: ordinals[from]! });
    commits.push(commit);
    from = to;
  }
  return commits;
}
