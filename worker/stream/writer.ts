// Puts records into a stream: packs a chunk for each shard that gets records, and appends all
// chunks at once. Records keep their order within a shard. If a shard cannot accept its records,
// only those fail. If a shard is closed or does not exist, the map is stale: the writer asks the
// catalog for the new map and sends those records to the shards that own them now.
import type { WriteRuntime } from "../core/bindings.ts";
import { invariant, isCode, isStreamError, StreamError } from "../errors.ts";
import { engine } from "../engine/instance.ts";
import { chunkBytesMax, chunkRecordsMax, reroutesMax } from "../limits.ts";
import { type RecordBatch, partsOf, selectBatch } from "../engine/recordBatch.ts";
import { CHUNK_HEADER_BYTES, columnBytesMax } from "../engine/chunk.ts";
import { type KnownStream, settledStream } from "./directory.ts";
import { findRoute, successorOf } from "../core/hashRange.ts";
import { unwrap } from "../core/rpc.ts";
import { appendJointly } from "./jointAppends.ts";
import type { AppendReceipt, ShardDescription } from "../core/types.ts";

/** Where a record is stored. */
export interface PlacedRecord {
  shard: ShardDescription;
  index: number;
  timeMs: number;
}

/** Where a record is stored, or why it is not. */
export type PutResult = PlacedRecord | { shard: ShardDescription; failure: unknown };

/** Records that are stored one after the other, all with the same time. */
export interface PlacedRun extends PlacedRecord {
  count: number;
}

/**
 * The records for one shard: the chunks, the number of records in each, and the positions of the
 * records in the call.
 */
interface ShardPut {
  shard: ShardDescription;
  chunks: Uint8Array[];
  counts: number[];
  which: number[];
}

/**
 * As `putRecords`. Of a batch that its stream's only shard takes as one chunk the result is one run: no record of a
 * usual batch becomes an object.
 */
export async function putBatch(
  runtime: WriteRuntime,
  stream: KnownStream,
  records: RecordBatch,
): Promise<PlacedRun | PutResult[]> {
  const [shard, more] = stream.routes.shards;
  if (shard === undefined || more !== undefined || !isOneChunk(records)) {
    return putRecords(runtime, stream, records);
  }
  const { count } = records;
  try {
    const reply = await appendJointly(runtime, shard.uid, [engine.pack(records)]);
    const { receipts, refused } = unwrap(reply);
    const [receipt, another] = receipts;
    const isOne = receipt !== undefined && another === undefined;
    invariant(isOne, "not one receipt for a chunk", { shard: shard.uid });
    const run = {
      shard,
      index: receipt.firstIndex,
      timeMs: receipt.timeMs,
      count: count - refused,
    };
    return refused === 0 ? run : [...eachOf(run), ...failures(shard, refused, overloaded())];
  } catch (failure) {
    // Nothing is stored; the other way asks the catalog which shards follow.
    if (isStale(failure)) return putRecords(runtime, stream, records);
    return failures(shard, count, failure);
  }
}

/** The places of a run's records. */
function eachOf({ shard, index, timeMs, count }: PlacedRun): PlacedRecord[] {
  return Array.from({ length: count }, (_, i) => ({ shard, index: index + i, timeMs }));
}

export function failures(shard: ShardDescription, count: number, failure: unknown): PutResult[] {
  return Array.from({ length: count }, () => ({ shard, failure }));
}

function overloaded(): StreamError {
  return new StreamError("overloaded");
}

/** Returns results in the order of the records. Throws only if the stream does not exist. */
export async function putRecords(
  runtime: WriteRuntime,
  stream: KnownStream,
  records: RecordBatch,
): Promise<PutResult[]> {
  const results: PutResult[] = Array.from({ length: records.count });
  const { description } = stream;
  let current = stream;
  let which = results.map((_, i) => i);
  for (let reroutes = 0; ; reroutes++) {
    which = await putRouted(runtime, current, records, which, results);
    // The new map has shards that are not there: the stream has expired.
    const isGone = reroutes > 0 && which.every((i) => isMissing(results[i]!));
    if (isGone && which.length === records.count) {
      throw new StreamError("streamNotFound", { stream: description.name });
    }
    if (which.length === 0 || isGone || reroutes === reroutesMax) return results;
    try {
      current = await settledStream(runtime.env, description, description.name);
    } catch (error) {
      // Failures are reported record by record, because other records of the call may be stored.
      if (isStreamError(error)) throw error;
      console.error("no new map of the stream's shards", error);
      return results;
    }
  }
}

/**
 * Fills in the results of the records at `which`; returns those whose shard is closed or does not
 * exist.
 */
async function putRouted(
  runtime: WriteRuntime,
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
      const ours = isAll ? run.which : run.which.map((at) => which[at]!);
      try {
        const reply = unwrap(await appendJointly(runtime, shard.uid, chunks));
        const taken = ours.length - reply.refused;
        placeRecords(results, run, ours.slice(0, taken), reply.receipts);
        for (const i of ours.slice(taken)) {
          results[i] = { shard, failure: overloaded() };
        }
      } catch (failure) {
        for (const i of ours) results[i] = { shard, failure };
        if (isStale(failure)) stale.push(...ours);
      }
    }),
  );
  return stale.sort((a, b) => a - b);
}

function isMissing(result: PutResult): boolean {
  return "failure" in result && isCode(result.failure, "shardNotFound");
}

function isStale(failure: unknown): boolean {
  return isCode(failure, "shardNotFound", "shardClosed");
}

/** Packs the records of each shard into as few chunks as their bytes allow. */
function packRuns(stream: KnownStream, records: RecordBatch): ShardPut[] {
  const { shards, starts } = stream.routes;
  const runs = new Map<number, ShardPut>();
  const runOf = (route: number): ShardPut => {
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

function isOneChunk({ count, payload }: RecordBatch): boolean {
  const bytes = CHUNK_HEADER_BYTES + payload.length + count * columnBytesMax;
  return count === 1 || (count <= chunkRecordsMax && bytes <= chunkBytesMax);
}

/** Packs records for one shard, as few chunks as their bytes allow. */
export function packRecords(records: RecordBatch): Uint8Array[] {
  const bytesMax = chunkBytesMax - CHUNK_HEADER_BYTES;
  const parts = partsOf(records, chunkRecordsMax, bytesMax, columnBytesMax);
  return [...parts].map((part) => engine.pack(part));
}

function addChunk(run: ShardPut, chunk: Uint8Array, count: number): void {
  run.chunks.push(chunk);
  run.counts.push(count);
}

/** Position of the shard with that index, or of its open successor. */
function routeTo({ routes, description }: KnownStream, index: number, hash: Uint8Array): number {
  const route = routes.shards.findIndex((shard) => shard.index === index);
  if (route >= 0) return route;
  const successor = successorOf(description.shards, index, Buffer.from(hash).toString("hex"));
  const found = routes.shards.findIndex((shard) => shard.index === successor?.index);
  // An index without a shard counts as not given.
  return found < 0 ? findRoute(routes, hash, 0) : found;
}

/**
 * Fills in where the records of a run are stored, chunk by chunk. A shard may have accepted only
 * the first ones.
 */
function placeRecords(
  results: PutResult[],
  { shard, counts }: ShardPut,
  taken: readonly number[],
  receipts: readonly AppendReceipt[],
): void {
  let [at, next] = [0, 0];
  const place = { shard: shard.uid };
  for (const [i, { firstIndex, timeMs }] of receipts.entries()) {
    const end = Math.min(at + (counts[i] ?? 0), taken.length);
    invariant(firstIndex >= next && end > at, "a receipt for other records", place);
    next = firstIndex + end - at;
    for (let index = firstIndex; at < end; at++, index++) {
      results[taken[at]!] = { shard, index, timeMs };
    }
  }
  invariant(at === taken.length, "no receipt for some of the records", place);
}
