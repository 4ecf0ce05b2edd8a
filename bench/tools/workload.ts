// The records that the engine benchmark works on: about a megabyte a call, keys of a few lengths,
// arrivals that move on as commits do. Everything is made from constants, so the results of every
// run, and their hash, are the same.

import type { Engine } from "../../worker/engine/engine.ts";
import { batchOf, type RecordInput } from "../../worker/engine/recordBatch.ts";
import { stampChunk } from "../../worker/engine/chunk.ts";

export const SHARD = { createdMs: 1_700_000_000_000, index: 7 };
const FIRST_INDEX = 123_456_789_012;
const FIRST_MS = 1_752_000_000_123;
/** Records that arrive in one millisecond: a commit. */
const COMMIT_RECORDS = 64;
const NOTHING = new Uint8Array(0);

export interface Workload {
  dataBytes: number;
  records: RecordInput[];
  /** The records as a segment holds them. */
  chunk: Uint8Array;
  /** The same, in four chunks that follow one another. */
  quarters: Uint8Array[];
}

export function makeWorkload(engine: Engine, dataBytes: number, count: number): Workload {
  const records = Array.from({ length: count }, (_, i) => makeRecord(i, dataBytes));
  const cuts = [0, 1, 2, 3, 4].map((quarter) => Math.floor((count * quarter) / 4));
  const quarters = [0, 1, 2, 3].map((quarter) =>
    makeChunk(engine, records, cuts[quarter]!, cuts[quarter + 1]!),
  );
  return { dataBytes, records, chunk: engine.merge(quarters), quarters };
}

/** The chunk of records `from` to `to`, merged from commits. */
function makeChunk(
  engine: Engine,
  records: readonly RecordInput[],
  from: number,
  to: number,
): Uint8Array {
  const commits: Uint8Array[] = [];
  for (let start = from; start < to;) {
    const commit = Math.floor(start / COMMIT_RECORDS);
    const end = Math.min(to, (commit + 1) * COMMIT_RECORDS);
    const chunk = engine.pack(batchOf(records.slice(start, end)));
    const timeOrdinal = start - commit * COMMIT_RECORDS;
    stampChunk(chunk, {
      firstIndex: FIRST_INDEX + start,
      timeMs: FIRST_MS + commit * 5,
      timeOrdinal,
    });
    commits.push(chunk);
    start = end;
  }
  return engine.merge(commits);
}

/** Record `i`: the same bytes in every run. */
export function makeRecord(i: number, dataBytes: number): RecordInput {
  const data = new Uint8Array(dataBytes);
  let word = Math.imul(i + 1, 0x9e3779b1) >>> 0;
  for (let at = 0; at < dataBytes; at++) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0;
    data[at] = word >>> 24;
  }
  const key = new TextEncoder().encode(`sensor-${(i * 7919) % 1000}`);
  return { key, info: NOTHING, data };
}
