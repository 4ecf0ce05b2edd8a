// Puts loose records into a stream: packs a chunk for each shard that gets some, and appends them all at
// once. Records keep their order within a shard. A shard that cannot take its records fails those
// alone. A shard that was closed or is gone shows that the map is stale: the catalog says when it has
// a new one, and the records go where they now belong.
import type { Env } from "../core/bindings.ts";
import { isCode, isStreamError, StreamError } from "../errors.ts";
import { engine } from "../engine/instance.ts";
import { chunkBytesMax, chunkRecordsMax, reroutesMax } from "../limits.ts";
import { type RecordBatch, partsOf, selectBatch } from "../engine/recordBatch.ts";
import { CHUNK_HEADER_BYTES, columnBytesMax } from "../engine/chunk.ts";
import { type KnownStream, settledStream } from "./directory.ts";
import { findRoute, heirOf } from "../core/hashRange.ts";
import { unwrap } from "../core/rpc.ts";
import type { AppendReceipt, ShardDescription } from "../core/types.ts";

/** A record's place. */
export interface PlacedRecord {
  shard: ShardDescription;
  index: number;
  timeMs: number;
}

/** A record's place, or why it has none. */
export type PutResult = PlacedRecord | { shard: ShardDescription; failure: unknown };

/** What goes to one shard: its chunks, how many records each has, and which of the call's they are. */
interface ShardRun {
  shard: ShardDescription;
  chunks: Uint8Array[];
  counts: number[];
  which: number[];
}

/** Results in the order of the records. Throws only when the stream itself is gone. */
export async function putRecords(
  env: Env,
  stream: KnownStream,
  records: RecordBatch,
): Promise<PutResult[]> {
  const results: PutResult[] = Array.from({ length: records.count });
  const { description } = stream;
  let current = stream;
  let which = results.map((_, i) => i);
  for (let reroutes = 0; ; reroutes++) {
    which = await putRouted(env, current, records, which, results);
    if (which.length === 0 || reroutes === reroutesMax) return results;
    try {
      current = await settledStream(env, description, description.name);
    } catch (error) {
      // What could not be put is told record by record: others of the call may have been.
      if (isStreamError(error)) throw error;
      console.error("no new map of the stream's shards", error);
      return results;
    }
  }
}

/** Fills in the results of the records at `which`; returns those whose shard is closed or gone. */
async function putRouted(
  env: Env,
  stream: KnownStream,
  records: RecordBatch,
  which: readonly number[],
  results: PutResult[],
): Promise<number[]> {
  const stale: number[] = [];
  const isAll = which.length === records.count;
  const runs = packRuns(stream, isAll ? records : selectBatch(records, which));
  await Promise.all(
    runs.map(async (run) => {
      const { shard, chunks } = run;
      const ours = run.which.map((at) => which[at]!);
      try {
        const reply = unwrap(await env.SHARD.getByName(shard.uid).append(chunks));
        const taken = ours.length - reply.refused;
        placeRecords(results, run, ours.slice(0, taken), reply.receipts);
        for (const i of ours.slice(taken)) {
          results[i] = { shard, failure: new StreamError("overloaded") };
        }
      } catch (failure) {
        for (const i of ours) results[i] = { shard, failure };
        if (isStale(failure)) stale.push(...ours);
      }
    }),
  );
  return stale.sort((a, b) => a - b);
}

function isStale(failure: unknown): boolean {
  return isCode(failure, "shardNotFound", "shardClosed");
}

/** Packs the records of each shard into as few chunks as their bytes allow. */
function packRuns(stream: KnownStream, records: RecordBatch): ShardRun[] {
  const { shards, starts } = stream.routes;
  const runs = new Map<number, ShardRun>();
  const runOf = (route: number): ShardRun => {
    let run = runs.get(route);
    if (run === undefined) {
      run = { shard: shards[route]!, chunks: [], counts: [], which: [] };
      runs.set(route, run);
    }
    return run;
  };
  const bytesMax = chunkBytesMax - CHUNK_HEADER_BYTES;
  for (const part of partsOf(records, chunkRecordsMax, bytesMax, columnBytesMax)) {
    if (shards.length === 1) {
      addChunk(runOf(0), engine.pack(part), part.count);
      for (let i = 0; i < part.count; i++) runOf(0).which.push(part.first + i);
      continue;
    }
    const { chunks, routes } = engine.packRouted(part, starts, (shard, hash) =>
      routeTo(stream, shard, hash),
    );
    for (const { route, chunk, count } of chunks) addChunk(runOf(route), chunk, count);
    for (const [i, route] of routes.entries()) runOf(route).which.push(part.first + i);
  }
  return [...runs.values()];
}

function addChunk(run: ShardRun, chunk: Uint8Array, count: number): void {
  run.chunks.push(chunk);
  run.counts.push(count);
}

/** Position of the shard with that index, or of the one that has taken its place. */
function routeTo({ routes, description }: KnownStream, index: number, hash: Uint8Array): number {
  const route = routes.shards.findIndex((shard) => shard.index === index);
  if (route >= 0) return route;
  const heir = heirOf(description.shards, index, Buffer.from(hash).toString("hex"));
  const found = routes.shards.findIndex((shard) => shard.index === heir?.index);
  // A number that never was a shard, or was forgotten, is as good as none.
  return found < 0 ? findRoute(routes, hash, 0) : found;
}

/** Tells the records of a run, chunk by chunk, where they are: a shard may have taken the first ones only. */
function placeRecords(
  results: PutResult[],
  { shard, counts }: ShardRun,
  taken: readonly number[],
  receipts: readonly AppendReceipt[],
): void {
  let at = 0;
  for (const [i, { firstIndex, timeMs }] of receipts.entries()) {
    const end = Math.min(at + counts[i]!, taken.length);
    for (let index = firstIndex; at < end; at++, index++) {
      results[taken[at]!] = { shard, index, timeMs };
    }
  }
}
